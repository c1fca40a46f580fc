//! Time that passes only while a thread waits for it, and only as often as the model says.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// All threads of a model run on one of the system, so this is common to them.
#[derive(Clone, Copy, Default)]
struct Time {
    passed: Duration,
    /// The number of waits that may still end for want of a message.
    timeouts: usize,
}

thread_local! {
    static TIME: Cell<Time> = const { Cell::new(Time { passed: Duration::ZERO, timeouts: 0 }) };
}

/// Begins an execution in which so many waits end because their time has passed.
#[cfg(test)]
pub(crate) fn begin(timeouts: usize) {
    TIME.set(Time { passed: Duration::ZERO, timeouts });
}

/// Lets this much time pass for everybody, if a wait may still end by that.
pub(super) fn passes(wait: Duration) -> bool {
    let Time { passed, timeouts } = TIME.get();
    if timeouts == 0 {
        return false;
    }
    TIME.set(Time { passed: passed.saturating_add(wait), timeouts: timeouts - 1 });
    true
}

/// Returns the time that threads wait by.
pub(crate) fn now() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(Instant::now) + TIME.get().passed
}

/// Yields, which takes no time.
pub(crate) fn sleep(_: Duration) {
    super::super::primitives::thread::yield_now();
}
