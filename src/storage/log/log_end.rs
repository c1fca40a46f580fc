//! The end of a log, as recovery hands it to the writer.

use std::collections::VecDeque;

use crate::storage::format::clean_shutdown::CleanShutdown;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::log::active_segment::ActiveSegment;

/// The end of a log that was recovered.
pub(crate) struct LogEnd {
    /// A cleanly closed segment, which the writer goes on appending to.
    pub(crate) active: Option<ActiveSegment>,
    /// Segments without a seal; the last one is among them if it was not closed cleanly.
    pub(crate) unsealed: VecDeque<UnsealedSegment>,
    pub(crate) last_written: SegmentId,
    pub(crate) next_segment: SegmentId,
    pub(crate) next_sequence: Sequence,
    /// The state of the log at the last clean close.
    pub(crate) clean_shutdown: Option<CleanShutdown>,
}

/// A segment that nothing will be appended to but its seal.
pub(crate) struct UnsealedSegment {
    pub(crate) end: ActiveSegment,
    /// The sequence number after its last batch.
    pub(crate) next_sequence: Sequence,
}
