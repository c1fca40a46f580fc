//! The removals that the writer makes by itself: of keys that have expired, and of evicted ones.

use super::batch::Batch;
use super::change::RemovalCause;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::resolve::Resolver;
use super::writer::Writer;
use crate::Result;
use crate::engine::KeyspaceId;

impl Writer {
    /// Removes keys by a group of their own, each by a batch. Returns the number of those that were
    /// there, which is counted.
    pub(super) fn remove_keys(
        &mut self,
        keys: Vec<(KeyspaceId, Vec<u8>)>,
        cause: RemovalCause,
    ) -> Result<usize> {
        let (now, next) = (self.clock.now(), self.engine.next_sequence());
        let resolver = Resolver::new(&*self.reader, self.limits, now, next, true);
        let mut resolver = resolver.syncing(self.always_syncs());
        for (keyspace, key) in keys {
            // A key that is not there any more makes no mutation; a failed read is met again by the
            // next look.
            let operation = WriteOperation::Remove { key };
            let _ = resolver.add(Batch::single(KeyspaceOperation { keyspace, operation }));
        }
        let (mut group, _) = resolver.finish();
        let removed = group.mutations();
        self.apply(&mut group, cause)?;
        self.removed.note(cause, removed);
        Ok(removed)
    }
}
