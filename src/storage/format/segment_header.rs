//! The header of a segment.

use std::path::Path;

use crate::bugs::{Bug, planted};
use crate::storage::format::codec::FrameCodec;
use crate::storage::format::little_endian::{u32_at, u64_at};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::store_id::StoreId;
use crate::{Error, Result};

/// Bytes of a segment before its first frame.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 72;

/// The offset of the CRC-32 of the bytes before it.
pub(crate) const SEGMENT_CHECKSUM_AT: usize = SEGMENT_HEADER_BYTES - 8;

/// The version of the format in `docs/format.md`.
pub(crate) const FORMAT_VERSION: u32 = 3;

const MAGIC: &[u8; 8] = b"kvs-log\x1A";

/// The origin of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The writer appended to it: its batches have consecutive sequence numbers.
    Written = 1,
    /// A compaction made it: complete, synced before it got its name, its batches in any order.
    Compacted = 2,
}

/// The header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) origin: Origin,
    pub(crate) store: StoreId,
    pub(crate) id: SegmentId,
    /// The sequence number of the first batch that may be in it.
    pub(crate) base: Sequence,
    /// Everything up to this sequence number was known durable when the segment was made.
    pub(crate) durable: Sequence,
    /// The written segment that ends where it begins; 0 where there is none.
    pub(crate) previous: SegmentId,
}

impl SegmentHeader {
    /// The header of the first segment of a store, for tests.
    #[cfg(test)]
    pub(crate) const FIRST: Self = Self {
        origin: Origin::Written,
        store: StoreId(1),
        id: SegmentId(1),
        base: Sequence::FIRST,
        durable: Sequence::ZERO,
        previous: SegmentId(0),
    };

    /// Encodes the header.
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&(self.origin as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.store.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.id.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.base.0.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.durable.0.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.previous.0.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..SEGMENT_CHECKSUM_AT]);
        bytes[SEGMENT_CHECKSUM_AT..][..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Returns the codec of this segment's frames.
    pub(crate) fn codec(&self) -> FrameCodec {
        let bytes = self.encode();
        // Its own CRC is left out: with that behind it, every header has the same one.
        let covered =
            if planted(Bug::SameSeed) { &bytes[..] } else { &bytes[..SEGMENT_CHECKSUM_AT] };
        FrameCodec::new(covered)
    }

    /// Decodes a header; `path` is for the error.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let damaged = |reason: &str| Error::corrupt(path, 0, reason);
        let bytes =
            bytes.get(..SEGMENT_HEADER_BYTES).ok_or_else(|| damaged("its header is cut short"))?;
        if &bytes[..8] != MAGIC {
            return Err(damaged("it does not begin with the magic bytes of a segment"));
        }
        if crc32fast::hash(&bytes[..SEGMENT_CHECKSUM_AT]) != u32_at(bytes, SEGMENT_CHECKSUM_AT)
            || u32_at(bytes, SEGMENT_HEADER_BYTES - 4) != 0
        {
            return Err(damaged("the checksum of its header does not match"));
        }
        let found = u32_at(bytes, 8);
        if found != FORMAT_VERSION {
            let (path, supported) = (path.to_path_buf(), FORMAT_VERSION);
            return Err(Error::UnsupportedFormat { path, found, supported });
        }
        let origin = match u32_at(bytes, 12) {
            1 => Origin::Written,
            2 => Origin::Compacted,
            _ => return Err(damaged("its header states an unknown origin")),
        };
        let [base, durable] = [40, 48].map(|at| Sequence(u64_at(bytes, at)));
        if base.max(durable) > Sequence::MAX {
            return Err(damaged("the sequence numbers of its header are out of range"));
        }
        let id = SegmentId(u64_at(bytes, 32));
        if id > SegmentId::MAX {
            return Err(damaged("the id of its header is out of range"));
        }
        let store = u128::from(u64_at(bytes, 16)) | (u128::from(u64_at(bytes, 24)) << 64);
        Ok(Self {
            origin,
            store: StoreId(store),
            id,
            base,
            durable,
            previous: SegmentId(u64_at(bytes, 56)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::frame::{FrameKind, FrameNumbers};

    const HEADER: SegmentHeader = SegmentHeader::FIRST;

    #[test]
    fn a_frame_is_valid_in_its_own_segment_only() {
        let mut frame = Vec::new();
        let place = SEGMENT_HEADER_BYTES as u64;
        let numbers = FrameNumbers { sequence: Sequence::FIRST, durable: Sequence::ZERO };
        HEADER.codec().encode_mark(FrameKind::Seal, &[], numbers, place, &mut frame).unwrap();
        assert!(HEADER.codec().decode_header(&frame, place).is_some());
        let others = [
            SegmentHeader { origin: Origin::Compacted, ..HEADER },
            SegmentHeader { store: StoreId(2), ..HEADER },
            SegmentHeader { id: SegmentId(2), ..HEADER },
            SegmentHeader { base: Sequence(2), ..HEADER },
            SegmentHeader { durable: Sequence(1), ..HEADER },
        ];
        for other in others {
            assert!(other.codec().decode_header(&frame, place).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_header_with_sequence_numbers_out_of_range_is_refused() {
        let (store, base, durable) = (StoreId(u128::MAX - 1), Sequence::MAX, Sequence::MAX);
        let header = SegmentHeader { store, base, durable, ..HEADER };
        let path = Path::new("x");
        assert_eq!(SegmentHeader::decode(&header.encode(), path).unwrap(), header);
        let beyond = Sequence::MAX.next();
        for header in
            [SegmentHeader { base: beyond, ..header }, SegmentHeader { durable: beyond, ..header }]
        {
            assert!(SegmentHeader::decode(&header.encode(), path).is_err(), "{header:?}");
        }
    }
}
