//! The results of a compaction, as the writer gets them.

use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::Move;
use crate::storage::segment::{Location, Segment};
use crate::sync::Arc;

/// A result of a compaction.
pub(crate) enum CompactionDelivery {
    /// The output has its name: readers may be pointed to it. It holds these range removals, each
    /// with its keyspace and its sequence number.
    Output(Arc<Segment>, Vec<(KeyspaceId, Sequence, Location)>),
    /// These versions have moved to the output.
    Moves(Vec<(KeyspaceId, Move<Location>)>),
    /// Every move was delivered, and the inputs have lost their names.
    Removed(Vec<SegmentId>),
    /// The job no longer holds the inputs. This is its last delivery.
    Released,
}
