//! The removal of keys whose expiry has passed, by groups of the writer's own.

use super::change::RemovalCause;
use super::writer::Writer;

/// The most expired keys that one turn removes, so that writes wait behind few of them.
const EXPIRED_PER_TURN: usize = 256;

impl Writer {
    /// Removes keys whose expiry has passed, if it is time to look for them.
    pub(super) fn expire_if_due(&mut self) {
        if self.engine.next_deadline().is_none() || self.health.failure().is_some() {
            return;
        }
        let instant = self.clock.instant();
        if self.expiry.is_due(instant) {
            let has_more = self.expire();
            self.expiry.note(instant, has_more);
        }
    }

    /// Removes some keys whose expiry has passed; returns true if there are more that can be
    /// removed now.
    fn expire(&mut self) -> bool {
        let due = self.engine.due(self.clock.now(), EXPIRED_PER_TURN);
        if due.is_empty() {
            return false;
        }
        let may_be_more = due.len() == EXPIRED_PER_TURN;
        log::debug!("removing {} expired keys", due.len());
        // A group that fails now would fail again at once: it waits for the next look.
        let removed = self.remove_keys(due, RemovalCause::Expiry);
        may_be_more && removed.is_ok_and(|removed| removed > 0)
    }
}
