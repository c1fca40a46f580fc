//! CRC-32 that is bound to one segment and to an offset in it.

use crate::storage::format::sequence::Sequence;

use crc32fast::Hasher;

/// The checksums of one segment. Its header seeds them, and they cover offsets, so that a frame or
/// a record anywhere else than where it was written is never valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checksum {
    seed: u32,
}

impl Checksum {
    /// Derives the seed from what is unique to a segment.
    pub(crate) fn new(segment_header: &[u8]) -> Self {
        Self { seed: crc32fast::hash(segment_header) }
    }

    /// Returns those with this seed.
    pub(crate) fn seeded(seed: u32) -> Self {
        Self { seed }
    }

    /// Returns the checksum of a frame header at this offset.
    pub(super) fn frame(self, offset: u64, header: &[u8]) -> u32 {
        let mut hasher = Hasher::new_with_initial(self.seed);
        hasher.update(&offset.to_le_bytes());
        hasher.update(header);
        hasher.finalize()
    }

    /// Returns the checksum of a record, without its checksum field, at this offset in this batch.
    pub(super) fn record(self, offset: u64, sequence: Sequence, length_and_body: &[u8]) -> u32 {
        let mut prefix = [0; 16];
        prefix[..8].copy_from_slice(&offset.to_le_bytes());
        prefix[8..].copy_from_slice(&sequence.0.to_le_bytes());
        let mut hasher = Hasher::new_with_initial(self.seed);
        hasher.update(&prefix);
        hasher.update(length_and_body);
        hasher.finalize()
    }
}
