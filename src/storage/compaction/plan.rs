//! The plan of a compaction.

use crate::storage::compaction::dead_bitmap::SharedDeadBitmap;
use crate::storage::compaction::key_set::FrozenKeySet;
use crate::storage::compaction::state::Replacement;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::IndexReaders;
use crate::storage::segment::{Location, Segment, SegmentTable};
use crate::sync::Arc;

/// A segment to be compacted.
pub(crate) struct CompactionInput {
    pub(crate) segment: Arc<Segment>,
    /// Its dead records.
    pub(crate) dead: SharedDeadBitmap,
    /// Some of its dead records may be missing there, or be live only for snapshots.
    pub(crate) may_hold_unmarked: bool,
}

/// A segment that is not part of a compaction.
pub(crate) struct OutsideSegment {
    /// The lowest sequence number in it.
    pub(crate) oldest: Sequence,
    pub(crate) keys: FrozenKeySet,
}

/// The inputs of a compaction, and the state of the log that it depends on.
pub(crate) struct CompactionPlan {
    pub(crate) environment: LogEnvironment,
    pub(crate) indexes: IndexReaders<Location>,
    pub(crate) table: Arc<SegmentTable>,
    pub(crate) inputs: Vec<CompactionInput>,
    pub(crate) output: SegmentId,
    /// Every sealed segment that is not an input.
    pub(crate) outside: Vec<OutsideSegment>,
    /// The oldest segment that holds something unsynced.
    pub(crate) unsynced_from: SegmentId,
}

impl CompactionPlan {
    /// Returns the ids of the inputs.
    pub(super) fn input_ids(&self) -> Vec<SegmentId> {
        self.inputs.iter().map(|input| input.segment.id()).collect()
    }

    /// Returns the segments that the compaction replaces, and its output.
    pub(crate) fn replacement(&self) -> Replacement {
        let (inputs, output) = (self.input_ids(), self.output);
        Replacement { inputs, output }
    }
}
