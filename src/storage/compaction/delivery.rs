//! The results of a compaction, as the writer gets them.

use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::Move;
use crate::storage::segment::{Location, Segment};
use crate::sync::Arc;

/// A result of a compaction.
pub(crate) enum CompactionDelivery {
    /// The output has its name: readers may be pointed to it.
    Output(Arc<Segment>),
    /// These versions have moved to the output.
    Moves(Vec<Move<Location>>),
    /// Every move was delivered, and the inputs have lost their names.
    Removed(Vec<SegmentId>),
    /// The job no longer holds the inputs. This is its last delivery.
    Released,
}
