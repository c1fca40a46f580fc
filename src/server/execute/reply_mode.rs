//! The replies that a client wants.

use crate::sync::{AtomicUsize, Ordering};

/// The replies that a client of Redis wants, as it says by `CLIENT REPLY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    /// All.
    All,
    /// None.
    None,
    /// All but the next.
    AllButNext,
}

/// The reply mode of one connection.
#[derive(Default)]
pub(crate) struct ReplySwitch(AtomicUsize);

/// The next request has a reply.
const ON: usize = 0;

/// No request has one.
const OFF: usize = 1;

/// The next request has none.
const SKIPS: usize = 2;

/// The present request has none, and neither has the next.
const BEGINS_TO_SKIP: usize = 3;

impl ReplySwitch {
    /// Sets the mode, from the present request on.
    pub(crate) fn set(&self, mode: ReplyMode) {
        let is_off = self.0.load(Ordering::Relaxed) == OFF;
        let state = match mode {
            ReplyMode::All => ON,
            ReplyMode::None => OFF,
            ReplyMode::AllButNext if is_off => OFF,
            ReplyMode::AllButNext => BEGINS_TO_SKIP,
        };
        self.0.store(state, Ordering::Relaxed);
    }

    /// Returns true if the request that was executed has a reply, and goes on to the next one.
    pub(crate) fn next(&self) -> bool {
        match self.0.load(Ordering::Relaxed) {
            ON => return true,
            BEGINS_TO_SKIP => self.0.store(SKIPS, Ordering::Relaxed),
            SKIPS => self.0.store(ON, Ordering::Relaxed),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_for_itself_and_the_next_request() {
        let switch = ReplySwitch::default();
        let replies = |count: usize| (0..count).map(|_| switch.next()).collect::<Vec<_>>();
        assert_eq!(replies(1), [true]);
        switch.set(ReplyMode::AllButNext);
        assert_eq!(replies(3), [false, false, true]);
        switch.set(ReplyMode::None);
        assert_eq!(replies(2), [false, false]);
        switch.set(ReplyMode::AllButNext);
        assert_eq!(replies(3), [false, false, false]);
        switch.set(ReplyMode::All);
        assert_eq!(replies(1), [true]);
    }
}
