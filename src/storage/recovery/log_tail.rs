//! The end of the log, while it is being judged.

use std::collections::VecDeque;

use crate::storage::format::sequence::Sequence;
use crate::storage::log::UnsealedSegment;

/// The end of the written segments, as far as they were judged.
pub(super) struct LogTail {
    /// For each written segment that remains, the offset up to which it is known to be durable.
    pub(super) durable_ends: Vec<u64>,
    pub(super) next_sequence: Sequence,
    /// The remaining segments that are not marked as sealed.
    pub(super) unsealed: VecDeque<UnsealedSegment>,
    /// The sequence number after the last batch in the last segment that remains.
    pub(super) last_end: Sequence,
    /// The offset at which that segment ends.
    pub(super) last_offset: u64,
    /// Its last frame marks a clean close.
    pub(super) is_clean: bool,
}

impl LogTail {
    /// Returns the end of no segments.
    pub(super) fn new(is_clean: bool) -> Self {
        Self {
            durable_ends: Vec::new(),
            next_sequence: Sequence::FIRST,
            unsealed: VecDeque::new(),
            last_end: Sequence::ZERO,
            last_offset: 0,
            is_clean,
        }
    }
}
