//! Times at which keys expire, as a program states them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time at which a key expires, in whole milliseconds, parts of one cut off.
///
/// From then on the key is absent, for every read and every write, by the time of day of this
/// machine; it is removed soon after. A time that has passed makes the key expire at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At this time.
    At(SystemTime),
    /// When this time has passed since the call that states it; more than the calendar has is as
    /// late as it goes.
    After(Duration),
}

impl Expiry {
    /// Returns the time of so many milliseconds since the Unix epoch.
    pub(crate) fn at_milliseconds(milliseconds: u64) -> Self {
        // Even the latest one is in the calendar of the system, which counts seconds in 64 bits.
        let time = UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
        time.map_or(Self::After(Duration::MAX), Self::At)
    }

    /// Returns the time of the expiry, given the time of day; both are Unix time in milliseconds.
    pub(crate) fn unix_milliseconds(self, now: u64) -> u64 {
        let milliseconds =
            |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::At(time) => milliseconds(time.duration_since(UNIX_EPOCH).unwrap_or_default()),
            Self::After(duration) => now.saturating_add(milliseconds(duration)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_of_the_calendar_however_early_or_late() {
        let time = |expiry: Expiry| expiry.unix_milliseconds(50);
        assert_eq!(time(Expiry::After(Duration::from_micros(7_999))), 57);
        assert_eq!(time(Expiry::After(Duration::MAX)), u64::MAX);
        assert_eq!(time(Expiry::At(UNIX_EPOCH + Duration::from_micros(9_001))), 9);
        assert_eq!(time(Expiry::At(UNIX_EPOCH - Duration::from_secs(1))), 0);
        for milliseconds in [0, 1, 1_764_000_000_123, u64::MAX] {
            assert_eq!(time(Expiry::at_milliseconds(milliseconds)), milliseconds);
        }
    }
}
