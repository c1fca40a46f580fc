//! The removal of keys whose expiry has passed, by groups of the writer's own.

use super::batch::Batch;
use super::change::RemovalCause;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::resolve::Resolver;
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
        let now = self.clock.now();
        let due = self.engine.due(now, EXPIRED_PER_TURN);
        if due.is_empty() {
            return false;
        }
        let may_be_more = due.len() == EXPIRED_PER_TURN;
        log::debug!("removing {} expired keys", due.len());
        let next = self.engine.next_sequence();
        let resolver = Resolver::new(&*self.reader, self.limits, now, next, true);
        let mut resolver = resolver.syncing(self.always_syncs());
        for (keyspace, key) in due {
            // A key that is not there any more makes no mutation; a failed read is met again by
            // the next look.
            let operation = WriteOperation::Remove { key };
            let _ = resolver.add(Batch::single(KeyspaceOperation { keyspace, operation }));
        }
        let (mut group, _) = resolver.finish();
        let removed = group.mutations();
        let is_moving = removed > 0;
        let committed = self.apply(&mut group, RemovalCause::Expiry);
        if committed.is_ok() {
            self.removed.note_expired(removed);
        }
        // A group that fails now would fail again at once: it waits for the next look.
        may_be_more && is_moving && committed.is_ok()
    }
}
