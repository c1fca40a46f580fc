//! The clocks of a store: the time of day, and the time that threads wait by.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::engine::UnixMillis;
use crate::{Expiry, sync};

/// The time of day decides what has expired, and nothing else: never the order of history, and
/// never a wait.
///
/// It is read anew for every request and never remembered. A reading that was kept, the latest one
/// for instance, would carry a clock that was wrong for a moment into every later deadline, and
/// from there to the disk. So time may go back, and a key that has expired may then be there again
/// until its removal is in the log.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    time_of_day: fn() -> UnixMillis,
    instant: fn() -> Instant,
}

impl Clock {
    /// Returns the system's clocks.
    pub(crate) fn system() -> Self {
        Self { time_of_day: system_time, instant: sync::now }
    }

    /// Returns the time of day.
    pub(crate) fn now(&self) -> UnixMillis {
        (self.time_of_day)()
    }

    /// Returns the time of an expiry that is stated now.
    pub(super) fn time_of(&self, expiry: Expiry) -> UnixMillis {
        expiry_at(expiry, self.now())
    }

    /// Returns true if an expiry has passed; asks the clock only where there is one.
    pub(crate) fn is_past(&self, expires_at: Option<UnixMillis>) -> bool {
        expires_at.is_some_and(|time| time <= self.now())
    }

    /// Returns the time that waits are measured by, which nobody can set back.
    pub(super) fn instant(&self) -> Instant {
        (self.instant)()
    }
}

/// Returns the time of an expiry, given the time of day.
pub(super) fn expiry_at(expiry: Expiry, now: UnixMillis) -> UnixMillis {
    UnixMillis(expiry.unix_milliseconds(now.0))
}

fn system_time() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Clocks that a test sets; each thread has its own.
#[cfg(test)]
pub(super) mod manual {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use super::Clock;
    use crate::engine::UnixMillis;

    thread_local! {
        static TIME_OF_DAY: Cell<u64> = const { Cell::new(1_000_000_000) };
        static INSTANT: Cell<Instant> = Cell::new(Instant::now());
    }

    impl Clock {
        /// Returns the clocks that [`set`] and [`pass`] move.
        pub(in crate::store) fn manual() -> Self {
            Self { time_of_day: || UnixMillis(now()), instant: || INSTANT.get() }
        }
    }

    /// Returns the time of day.
    pub(in crate::store) fn now() -> u64 {
        TIME_OF_DAY.get()
    }

    /// Sets the time of day.
    pub(in crate::store) fn set(time: u64) {
        TIME_OF_DAY.set(time);
    }

    /// Lets time pass on both clocks.
    pub(in crate::store) fn pass(time: Duration) {
        INSTANT.set(INSTANT.get() + time);
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        TIME_OF_DAY.set(TIME_OF_DAY.get().saturating_add(milliseconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_what_the_clock_says_now_also_when_it_was_set_back() {
        let (clock, at) = (Clock::manual(), |time| Some(UnixMillis(time)));
        manual::set(100);
        assert!(clock.is_past(at(100)) && !clock.is_past(at(101)) && !clock.is_past(None));
        manual::set(50);
        assert_eq!(clock.now(), UnixMillis(50));
        assert!(!clock.is_past(at(100)));
        manual::set(150);
        assert_eq!(clock.now(), UnixMillis(150));
    }
}
