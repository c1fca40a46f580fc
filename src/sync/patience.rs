//! Whether a thread tries for a while before it parks.
//!
//! Where what it waits for comes within microseconds, trying saves parking it and waking it. Where it does
//! not, as with a single client on a network, trying is nothing but processor time that others want. A
//! thread finds out by itself: while trying did not pay off, it is left out ever more often.

use super::face::try_briefly;

/// After a long row of failures one wait in two to this power tries.
const DOUBLINGS_MAX: u32 = 6;

/// What a thread learned of its waits.
#[derive(Default)]
pub(crate) struct Patience {
    /// How many tries in a row failed, as far as that matters.
    failures: u32,
    /// How many of the next waits do not try.
    skips: u32,
}

impl Patience {
    /// Tries once, and for some microseconds if that paid off lately.
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

    /// How often a wait for what does not come looks for it.
    fn attempts_in_vain(patience: &mut Patience) -> u32 {
        let mut attempts = 0;
        let result: Option<()> = patience.attempt(|| {
            attempts += 1;
            None
        });
        assert_eq!(result, None);
        attempts
    }

    #[test]
    fn what_does_not_pay_off_is_tried_ever_more_rarely() {
        let mut patience = Patience::default();
        for failures in (1..=DOUBLINGS_MAX).chain([DOUBLINGS_MAX]) {
            assert!(attempts_in_vain(&mut patience) > 1, "after {failures} failures");
            for _ in 1..1 << failures {
                assert_eq!(attempts_in_vain(&mut patience), 1);
            }
        }
    }

    #[test]
    fn once_it_pays_off_it_is_tried_every_time() {
        let mut patience = Patience::default();
        attempts_in_vain(&mut patience);
        assert_eq!(attempts_in_vain(&mut patience), 1);
        assert_eq!(patience.attempt(|| Some(7)), Some(7));
        for _ in 0..3 {
            let mut attempts = 0;
            let result = patience.attempt(|| {
                attempts += 1;
                (attempts == 2).then_some(7)
            });
            assert_eq!(result, Some(7));
        }
    }
}
