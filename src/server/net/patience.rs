//! The time that a client has for what the server waits for.

use std::time::{Duration, Instant};

use crate::server::connection::owed::Owed;

/// The time for a first request, for the rest of a request, or to take replies.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// The bytes for which a client has a second more: one that sends or takes them at less than this
/// rate is closed in the end.
pub(crate) const BYTES_PER_SECOND: u64 = 64 << 10;

/// The time since which the server waits for one and the same thing, and the bytes of it so far.
///
/// A client that sends or takes a byte now and then gains nothing by that, and one that was fast at
/// first may not stop for longer than others.
pub(crate) struct Patience {
    owed: Owed,
    since: Instant,
    /// The bytes that had been transferred by then.
    start: u64,
    /// The bytes that have been transferred by now.
    transferred: u64,
    /// The time at which the last of them were.
    progress: Instant,
}

impl Patience {
    /// Returns the patience with a client of which nothing is waited for yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { owed: Owed::Nothing, since: now, start: 0, transferred: 0, progress: now }
    }

    /// Records what is waited for now, and the bytes that were received and sent in all.
    pub(crate) fn update(&mut self, owed: Owed, transferred: u64, now: Instant) {
        if self.transferred != transferred {
            self.transferred = transferred;
            self.progress = now;
        }
        if self.owed != owed {
            *self = Self { owed, since: now, start: transferred, transferred, progress: now };
        }
    }

    /// Returns the time since which no byte was received or sent.
    pub(crate) fn progress(&self) -> Instant {
        self.progress
    }

    /// Returns the time at which it ends; none where the client owes nothing. `idle` is the time
    /// for which a client may send no request.
    pub(crate) fn deadline(&self, idle: Option<Duration>) -> Option<Instant> {
        match self.owed {
            Owed::Nothing => None,
            // A time beyond what a clock can tell is no limit.
            Owed::Request { .. } => self.since.checked_add(idle?),
            Owed::Password => Some(self.since + GRACE),
            Owed::FirstRequest | Owed::Rest { .. } | Owed::Room => {
                let bytes = self.transferred.saturating_sub(self.start);
                let more = Duration::from_secs(bytes / BYTES_PER_SECOND);
                Some((self.since + GRACE + more).min(self.progress + GRACE))
            }
        }
    }

    /// Returns the reason for closing the connection at its deadline.
    pub(crate) fn reason(&self) -> &'static str {
        match self.owed {
            Owed::Nothing => "nothing is owed",
            Owed::Password => "it gave no password in time",
            Owed::FirstRequest => "its first request is late",
            Owed::Rest { .. } => "the rest of its request is late",
            Owed::Room => "it does not take its replies",
            Owed::Request { .. } => "it was idle for too long",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Option<Duration> = Some(Duration::from_secs(7));

    /// Returns the deadline in seconds after the start.
    fn deadline(patience: &Patience, start: Instant) -> Option<u64> {
        patience.deadline(None).map(|deadline| deadline.duration_since(start).as_secs())
    }

    #[test]
    fn the_time_runs_from_when_it_was_owed_first_and_grows_with_what_comes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut patience = Patience::new(start);
        assert_eq!(patience.deadline(IDLE), None);
        let half = Owed::Rest { executed: 1 };
        patience.update(half, 100, at(4));
        assert_eq!(deadline(&patience, start), Some(34));
        patience.update(half, 101, at(5));
        assert_eq!(deadline(&patience, start), Some(34));
        patience.update(half, 100 + 10 * BYTES_PER_SECOND, at(6));
        assert_eq!(deadline(&patience, start), Some(36), "the last byte came at 6");
        patience.update(half, 101 + 10 * BYTES_PER_SECOND, at(20));
        assert_eq!(deadline(&patience, start), Some(44), "ten seconds more than the 34");
        patience.update(Owed::Rest { executed: 2 }, 1 << 30, at(40));
        assert_eq!(deadline(&patience, start), Some(70));
        patience.update(Owed::Nothing, 1 << 30, at(50));
        assert_eq!(deadline(&patience, start), None);
    }

    #[test]
    fn a_password_has_a_time_that_nothing_lengthens() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        for second in 0..20 {
            let bytes = second * 100 * BYTES_PER_SECOND;
            patience.update(Owed::Password, bytes, start + Duration::from_secs(second));
        }
        assert_eq!(deadline(&patience, start), Some(30));
    }

    #[test]
    fn a_client_may_be_idle_for_the_time_that_was_set() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        patience.update(Owed::Request { executed: 2 }, 9, start);
        assert_eq!(patience.deadline(None), None);
        assert_eq!(patience.deadline(IDLE), IDLE.map(|idle| start + idle));
        assert_eq!(patience.deadline(Some(Duration::MAX)), None);
    }
}
