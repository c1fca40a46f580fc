//! The durable part of the log, and the segments that are to be synced for the rest of it.

use crate::Result;
use crate::bugs::if_planted;
use crate::storage::format::frame::FrameNumbers;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::segment::{Segment, sync_segments};
use crate::sync::Arc;

/// The durable part of the log, and the segments that hold the rest.
///
/// A sync in the background covers what was written when it began. A write to the same segments
/// meanwhile needs another sync.
pub(super) struct SyncState {
    /// Everything up to this sequence number survives power loss.
    pub(super) durable: Sequence,
    /// Segments that something was written to since the last sync began, oldest first.
    unsynced: Vec<Arc<Segment>>,
    /// Segments that a sync in the background is for, oldest first.
    syncing: Vec<Arc<Segment>>,
}

impl SyncState {
    /// Returns the state of a log of which everything is durable up to this sequence number.
    pub(super) fn new(durable: Sequence) -> Self {
        Self { durable, unsynced: Vec::new(), syncing: Vec::new() }
    }

    /// Returns the numbers of a frame with this sequence number.
    pub(super) fn numbers(&self, sequence: Sequence) -> FrameNumbers {
        FrameNumbers { sequence, durable: self.durable }
    }

    /// Returns the segments to be synced for everything so far to be durable, oldest first.
    pub(super) fn unsynced(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.syncing.iter().chain(&self.unsynced)
    }

    /// Notes that something was written to a segment.
    pub(super) fn note_write(&mut self, segment: Arc<Segment>) {
        if !self.unsynced.iter().any(|other| other.id() == segment.id()) {
            self.unsynced.push(segment);
        }
    }

    /// Syncs everything; `newest` is the last sequence number that was written.
    pub(super) fn sync(&mut self, newest: Sequence) -> Result<()> {
        sync_segments(self.unsynced())?;
        self.syncing.clear();
        self.unsynced.clear();
        self.durable = newest;
        Ok(())
    }

    /// Hands out the segments to be synced in the background, to be followed by
    /// [`finish`](Self::finish).
    pub(super) fn begin(&mut self) -> Vec<Arc<Segment>> {
        if_planted!(SyncOnlyNewest => self.unsynced.drain(..self.unsynced.len().saturating_sub(1)));
        self.syncing.append(&mut self.unsynced);
        self.syncing.clone()
    }

    /// Notes that the sync that began when everything up to `sequence` was written is done.
    pub(super) fn finish(&mut self, sequence: Sequence) {
        self.syncing.clear();
        if_planted!(ForgetUnsynced => self.unsynced.clear());
        self.durable = self.durable.max(sequence);
    }

    /// Notes that segments need no sync any more, because their live records are durable elsewhere.
    pub(super) fn forget(&mut self, ids: &[SegmentId]) {
        for segments in [&mut self.unsynced, &mut self.syncing] {
            segments.retain(|segment| !ids.contains(&segment.id()));
        }
    }
}
