//! The time that a client has for what the server waits for.

use std::time::{Duration, Instant};

use crate::server::connection::server_connection::Owed;

/// The time for a first request, for the rest of a request, or to take replies.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// The bytes for which a client has a second more: one that sends or takes them at less than this
/// rate is closed in the end.
pub(crate) const BYTES_PER_SECOND: u64 = 64 << 10;

/// The time since which the server waits for one and the same thing, and the bytes of it so far.
///
/// The limit is an absolute one. A client that sends a byte now and then gains nothing.
pub(crate) struct Patience {
    accepted: Instant,
    owed: Owed,
    since: Instant,
    /// The bytes that had been transferred by then.
    start: u64,
    /// The bytes that have been transferred by now.
    transferred: u64,
}

impl Patience {
    /// Returns the patience with a client that was accepted at this time.
    pub(crate) fn new(accepted: Instant) -> Self {
        Self { accepted, owed: Owed::Nothing, since: accepted, start: 0, transferred: 0 }
    }

    /// Records what is waited for now, and the bytes that were received and sent in all.
    pub(crate) fn update(&mut self, owed: Owed, received: u64, sent: u64, now: Instant) {
        self.transferred = if owed == Owed::Room { sent } else { received };
        if self.owed == owed {
            return;
        }
        self.owed = owed;
        (self.since, self.start) = match owed {
            // Whatever happened in between.
            Owed::FirstRequest => (self.accepted, 0),
            _ => (now, self.transferred),
        };
    }

    /// Returns the time at which it ends; none where the client owes nothing. `idle` is the time
    /// for which a client may send no request.
    pub(crate) fn deadline(&self, idle: Option<Duration>) -> Option<Instant> {
        let allowed = match self.owed {
            Owed::Nothing => None,
            Owed::Request { .. } => idle,
            Owed::FirstRequest | Owed::Rest { .. } | Owed::Room => {
                let bytes = self.transferred.saturating_sub(self.start);
                Some(GRACE + Duration::from_secs(bytes / BYTES_PER_SECOND))
            }
        };
        // A time beyond what a clock can tell is no limit.
        self.since.checked_add(allowed?)
    }

    /// Returns the reason for closing the connection at its deadline.
    pub(crate) fn reason(&self) -> &'static str {
        match self.owed {
            Owed::Nothing => "nothing is owed",
            Owed::FirstRequest => "its first request, and a password where one is wanted, is late",
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

    #[test]
    fn the_time_runs_from_when_it_was_owed_first_and_grows_with_what_comes() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut patience = Patience::new(start);
        patience.update(Owed::FirstRequest, 0, 0, start + second);
        assert_eq!(patience.deadline(None), Some(start + GRACE));
        patience.update(Owed::Nothing, 10, 0, start + 2 * second);
        assert_eq!(patience.deadline(IDLE), None);
        patience.update(Owed::FirstRequest, 10, 0, start + 3 * second);
        assert_eq!(patience.deadline(None), Some(start + GRACE));
        patience.update(Owed::Rest { executed: 1 }, 100, 0, start + 4 * second);
        patience.update(Owed::Rest { executed: 1 }, 101, 0, start + 5 * second);
        assert_eq!(patience.deadline(None), Some(start + 4 * second + GRACE));
        patience.update(Owed::Rest { executed: 1 }, 100 + 3 * BYTES_PER_SECOND, 0, start);
        assert_eq!(patience.deadline(None), Some(start + 7 * second + GRACE));
        patience.update(Owed::Rest { executed: 2 }, 300_000, 0, start + 9 * second);
        assert_eq!(patience.deadline(None), Some(start + 9 * second + GRACE));
        patience.update(Owed::Room, 900_000, 0, start + 10 * second);
        patience.update(Owed::Room, 999_000, BYTES_PER_SECOND, start + 11 * second);
        assert_eq!(patience.deadline(None), Some(start + 11 * second + GRACE));
        patience.update(Owed::Request { executed: 2 }, 0, 0, start + 12 * second);
        assert_eq!(patience.deadline(None), None);
        assert_eq!(patience.deadline(IDLE), Some(start + 19 * second));
        assert_eq!(patience.deadline(Some(Duration::MAX)), None);
    }
}
