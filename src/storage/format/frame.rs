//! The header of a frame: one batch of the log, or a mark.

use crate::storage::format::sequence::Sequence;

/// Bytes of a frame before its records.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;

/// The longest body of a frame; a batch is limited to less than that where it comes in.
pub(crate) const FRAME_BODY_BYTES_MAX: usize = 3 << 29;

/// The kind of a frame. Numbers start at 1, so that zeros are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// One batch: all of it counts, or nothing.
    Batch = 1,
    /// Nothing follows in this segment.
    Seal = 2,
    /// The segments that a compacted segment replaces.
    Replaces = 3,
    /// The store was closed; what follows was written after it was opened again.
    Close = 4,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// Bytes of all its records.
    pub(crate) body_bytes: u32,
    /// The number of records; of a mark, which has none, the CRC-32 of the body.
    pub(crate) records: u32,
    pub(crate) numbers: FrameNumbers,
}

/// The sequence numbers in the header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameNumbers {
    /// The batch's sequence number; for the other kinds the next one that is free.
    pub(crate) sequence: Sequence,
    /// When this was written, everything up to this sequence number was known to survive power
    /// loss.
    pub(crate) durable: Sequence,
}

impl FrameHeader {
    /// Returns true if a mark's body is what was written.
    pub(crate) fn is_body_whole(&self, body: &[u8]) -> bool {
        crc32fast::hash(body) == self.records
    }
}
