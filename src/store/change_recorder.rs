//! The writer's end of the ring of changes.

use super::catalogue;
use super::change::{ChangeBatch, RemovalCause};
use super::change_ring::{ChangeRing, RecordedGroup};
use crate::engine::{Group, Sequence};
use crate::sync::Arc;

/// The end that appends. The ring is closed when it goes, after a panic as well.
pub(crate) struct ChangeRecorder {
    ring: Arc<ChangeRing>,
    bytes_max: usize,
}

impl ChangeRecorder {
    /// Returns the end of a new ring, which gets every change from this version on.
    pub(crate) fn new(bytes_max: usize, next: Sequence) -> Self {
        Self { ring: Arc::new(ChangeRing::new(bytes_max, next)), bytes_max }
    }

    /// Returns the ring.
    pub(crate) fn ring(&self) -> Arc<ChangeRing> {
        Arc::clone(&self.ring)
    }

    /// Copies a group that is about to be committed, which may leave nothing of it, with `first` as
    /// the version of its first batch.
    pub(crate) fn copy(
        &self,
        group: &Group,
        first: Sequence,
        cause: RemovalCause,
    ) -> RecordedGroup {
        let versions = std::iter::successors(Some(first), |version| Some(version.next()));
        let mut dropped = Vec::new();
        let copy = |(version, mutations)| {
            dropped.extend(catalogue::dropped(mutations).map(|keyspace| (keyspace, version)));
            ChangeBatch::copy(version, mutations, cause, self.bytes_max)
        };
        let batches = versions.zip(group.batches()).map(copy).collect();
        RecordedGroup { first, batches, dropped }
    }

    /// Tells everybody of a group that was committed.
    pub(crate) fn tell(&self, group: RecordedGroup) {
        self.ring.append(group);
    }
}

impl Drop for ChangeRecorder {
    fn drop(&mut self) {
        self.ring.close();
    }
}
