//! The results of a compaction, as the writer gets them.

use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::Move;
use crate::storage::segment::{Location, Segment};
use crate::sync::Arc;

/// The outcome of a step of a compaction.
pub(crate) enum CompactionProgress {
    /// There is more to do.
    Continue,
    /// There is more to do, and this is for the writer.
    Deliver(CompactionDelivery),
    /// It is done, and this is for the writer.
    Done(CompactionDelivery),
}

/// A result of a compaction.
pub(crate) enum CompactionDelivery {
    /// The output has its name: readers may be pointed to it.
    Output(Arc<Segment>),
    /// These versions have moved to the output.
    Moves(Vec<Move<Location>>),
    /// Every move was delivered, and the inputs have lost their names.
    Finished(Vec<SegmentId>),
    /// It holds the inputs no longer.
    Released,
}
