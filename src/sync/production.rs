//! The face that ships: the standard library, `crossbeam-channel` and `arc-swap`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub(crate) use arc_swap::Guard;
pub(crate) use crossbeam_channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded, unbounded,
};
pub(crate) use std::sync::OnceLock;
pub(crate) use std::thread::{Builder as ThreadBuilder, JoinHandle};

use crossbeam_channel::Select;

/// A pointer that is replaced as a whole and read without a lock.
pub(crate) type Swap<V> = arc_swap::ArcSwapAny<V>;

/// Blocks until there is a message, which stays where it is, or until every sender is gone. It may
/// return sooner.
pub(crate) fn await_message<T>(receiver: &Receiver<T>) {
    let mut select = Select::new();
    select.recv(receiver);
    select.ready();
}

/// Does the same, but no longer than this; returns false if the time passed first.
pub(crate) fn await_message_for<T>(receiver: &Receiver<T>, time: Duration) -> bool {
    let mut select = Select::new();
    select.recv(receiver);
    select.ready_timeout(time).is_ok()
}

/// Does the work. Returns what it panicked with if it did; what it changed may be half done.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(work))
}

/// Returns the time that threads wait by.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Calls `attempt` for some microseconds until it has a result, since parking a thread and waking
/// it costs more than that. Yields to threads that have something to do.
pub(crate) fn try_briefly<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    const SPINS: usize = 32;
    const YIELDS: usize = 32;
    for turn in 0..SPINS + YIELDS {
        if let Some(result) = attempt() {
            return Some(result);
        }
        if turn < SPINS {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
    None
}

/// Sleeps. Only for retrying what another process has to release.
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// Returns a random number, unique but not fit for secrets.
pub(crate) fn random() -> u128 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let draw = || u128::from(RandomState::new().build_hasher().finish());
    draw() << 64 | draw()
}
