//! The pauses between attempts to reach a server.

use std::time::{Duration, Instant};

use crate::sync::{random, sleep};

/// The longest first pause; each later one may be twice as long, up to [`PAUSE_MAX`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause of all.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Pauses that grow, within a bound that begins with the first of them.
///
/// Each is shorter than its longest by a random part of up to a half, so that the clients of a
/// server that was started again do not all come at once.
pub(super) struct BackOff {
    bound: Duration,
    pause: Duration,
    end: Option<Instant>,
}

impl BackOff {
    /// Returns pauses for this time from the first one on.
    pub(super) fn new(bound: Duration) -> Self {
        Self { bound, pause: FIRST_PAUSE, end: None }
    }

    /// Pauses before another attempt, no longer than to the deadline. Returns false if there is no
    /// time for one.
    pub(super) fn pause(&mut self, deadline: Instant) -> bool {
        match self.next(Instant::now(), deadline, random()) {
            None => false,
            Some(pause) => {
                sleep(pause);
                true
            }
        }
    }

    /// Returns the next pause, which the random number shortens.
    fn next(&mut self, now: Instant, deadline: Instant, random: u128) -> Option<Duration> {
        let end = *self.end.get_or_insert(now + self.bound);
        let left = end.min(deadline).saturating_duration_since(now);
        let longest = self.pause;
        self.pause = (2 * longest).min(PAUSE_MAX);
        let part = u32::try_from(random % 1024).unwrap_or_default();
        let pause = longest - longest / 2 * part / 1024;
        // The last attempt is at the end of the time.
        (!left.is_zero()).then_some(pause.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pauses with the same random number each, in milliseconds.
    fn pauses(bound: u64, deadline: u64, random: u128) -> Vec<u128> {
        let start = Instant::now();
        let deadline = start + Duration::from_millis(deadline);
        let mut back_off = BackOff::new(Duration::from_millis(bound));
        let mut now = start;
        let next = || {
            let pause = back_off.next(now, deadline, random)?;
            now += pause;
            Some(pause.as_millis())
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn pauses_double_up_to_a_second_and_end_with_the_bound_or_the_deadline() {
        let expected = [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 730];
        assert_eq!(pauses(4000, 60_000, 0), expected);
        assert_eq!(pauses(60_000, 4000, 0), expected);
        assert_eq!(pauses(0, 60_000, 0), []);
        assert_eq!(pauses(5, 60_000, 0), [5]);
    }

    #[test]
    fn a_random_number_shortens_a_pause_by_up_to_a_half() {
        let first = |random| pauses(4000, 60_000, random)[1];
        assert_eq!([0, 512, 1023, 1024].map(first), [20, 15, 10, 20]);
    }
}
