//! The schedule by which the writer looks for expired keys.

use std::time::{Duration, Instant};

use crate::actor::Wait;

/// The time from one look for expired keys to the next, while any key has an expiry. Where few
/// expire, a key stays in the log for at most so long after its time.
///
/// The wait for it never depends on the time of day. A wait until the next deadline would last an
/// hour if the clock was an hour slow when it began.
pub(super) const EXPIRY_INTERVAL: Duration = Duration::from_millis(100);

/// The time of the last look for expired keys, and of the next.
pub(super) struct ExpirySchedule {
    looked: Instant,
    /// The last look did not take all that was due.
    has_more: bool,
}

impl ExpirySchedule {
    /// Returns a schedule whose first look is an interval from `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self { looked: now, has_more: false }
    }

    /// Returns true if it is time to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.has_more || self.left(now).is_zero()
    }

    /// Returns the wait until the next look.
    pub(super) fn wait(&self, now: Instant) -> Wait {
        if self.has_more { Wait::NotAtAll } else { Wait::For(self.left(now)) }
    }

    /// Notes a look, and that more keys are due and can be removed at once.
    pub(super) fn note(&mut self, now: Instant, has_more: bool) {
        *self = Self { looked: now, has_more };
    }

    fn left(&self, now: Instant) -> Duration {
        EXPIRY_INTERVAL.saturating_sub(now.saturating_duration_since(self.looked))
    }
}
