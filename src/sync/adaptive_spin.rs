//! Adaptive spinning: a thread spins for some microseconds before it parks, as long as that pays
//! off.
//!
//! If the event comes within microseconds, spinning saves parking and waking the thread. If it does
//! not, as with a single client on a network, spinning only takes processor time from others. A
//! thread learns by itself: after each spin in vain it skips twice as many waits, as in exponential
//! backoff. The group `warm set` of `benches/actors.rs` measures it.

use super::face::try_briefly;

/// After many spins in vain, one wait in two to this power spins.
const DOUBLINGS_MAX: u32 = 6;

/// A thread's experience with spinning.
#[derive(Default)]
pub(crate) struct AdaptiveSpin {
    /// The number of spins in vain in a row, at most [`DOUBLINGS_MAX`].
    failures: u32,
    /// The number of waits to come that do not spin.
    skips: u32,
}

impl AdaptiveSpin {
    /// Calls `attempt` once, and again for some microseconds if that paid off lately. Returns its
    /// first result.
    pub(crate) fn attempt<T>(&mut self, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        if self.skips > 0 {
            self.skips -= 1;
            return attempt();
        }
        let result = try_briefly(attempt);
        self.failures = match result {
            Some(_) => 0,
            None => DOUBLINGS_MAX.min(self.failures + 1),
        };
        self.skips = (1 << self.failures) - 1;
        result
    }
}

#[cfg(all(test, not(any(kvs_loom, kvs_shuttle))))]
mod tests {
    use super::*;

    /// Returns the number of attempts of a wait in vain.
    fn attempts_in_vain(spin: &mut AdaptiveSpin) -> u32 {
        let mut attempts = 0;
        let result: Option<()> = spin.attempt(|| {
            attempts += 1;
            None
        });
        assert_eq!(result, None);
        attempts
    }

    #[test]
    fn spinning_that_does_not_pay_off_becomes_ever_rarer() {
        let mut spin = AdaptiveSpin::default();
        for failures in (1..=DOUBLINGS_MAX).chain([DOUBLINGS_MAX]) {
            assert!(attempts_in_vain(&mut spin) > 1, "after {failures} failures");
            for _ in 1..1 << failures {
                assert_eq!(attempts_in_vain(&mut spin), 1);
            }
        }
    }

    #[test]
    fn spinning_that_pays_off_is_tried_every_time() {
        let mut spin = AdaptiveSpin::default();
        attempts_in_vain(&mut spin);
        assert_eq!(attempts_in_vain(&mut spin), 1);
        assert_eq!(spin.attempt(|| Some(7)), Some(7));
        for _ in 0..3 {
            let mut attempts = 0;
            let result = spin.attempt(|| {
                attempts += 1;
                (attempts == 2).then_some(7)
            });
            assert_eq!(result, Some(7));
        }
    }
}
