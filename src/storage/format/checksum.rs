//! CRC-32 that is bound to one segment and to an offset in it.

use crate::storage::format::sequence::Sequence;

use crc32fast::Hasher;

/// The polynomial of CRC-32, lowest bit first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The checksums of one segment. Its header seeds them, and they cover offsets, so that a frame or
/// a record anywhere else than where it was written is never valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// Returns the checksums under which a frame header at this offset has this one.
    ///
    /// A CRC can be run backwards: each checksum of a message comes from exactly one seed.
    pub(super) fn implied_by_frame(checksum: u32, offset: u64, header: &[u8]) -> Self {
        let covered = offset.to_le_bytes().into_iter().chain(header.iter().copied());
        let mut state = !checksum;
        for byte in covered.rev() {
            for _ in 0..8 {
                let is_divided = state >> 31 == 1;
                state = if is_divided { ((state ^ POLYNOMIAL) << 1) | 1 } else { state << 1 };
            }
            state ^= u32::from(byte);
        }
        Self { seed: !state }
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
