//! The clean-shutdown marker, the file `CLOSED`.
//!
//! The log records how far it was durable, but not that whole frames or files are missing from its
//! end. So a clean close notes how far the log went. The note stays true however long the store is
//! open afterwards: sequence numbers and segment ids up to these are never given again, so the file
//! is only ever overwritten, by the next clean close.

use crc32fast::Hasher;

use crate::storage::format::little_endian::{u32_at, u64_at};
use crate::storage::format::segment_header::FORMAT_VERSION;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::store_id::StoreId;

/// Bytes of the file; few enough to lie in one sector, so that they are overwritten all or none.
pub(crate) const CLEAN_SHUTDOWN_BYTES: usize = 60;

const MAGIC: &[u8; 8] = b"kvs-end\x1A";

/// The state of the log at a clean close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CleanShutdown {
    /// Every batch up to this sequence number had survived.
    pub(crate) sequence: Sequence,
    /// The segments that there were.
    pub(crate) segments: SegmentSet,
    /// The segment that a compaction may have put in the place of some of them after the close.
    pub(crate) output: Option<SegmentId>,
}

/// A set of segments, to be compared with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentSet {
    pub(crate) newest: SegmentId,
    /// CRC-32 of their ids, lowest first.
    checksum: u32,
}

impl SegmentSet {
    /// Returns the set of these segments, lowest id first.
    pub(crate) fn of(ids: impl IntoIterator<Item = SegmentId>) -> Self {
        let mut hasher = Hasher::new();
        let mut newest = SegmentId(0);
        for id in ids {
            hasher.update(&id.0.to_le_bytes());
            newest = id;
        }
        Self { newest, checksum: hasher.finalize() }
    }
}

impl CleanShutdown {
    /// Encodes the marker.
    pub(crate) fn encode(&self, store: StoreId) -> [u8; CLEAN_SHUTDOWN_BYTES] {
        let SegmentSet { newest, checksum } = self.segments;
        let output = self.output.unwrap_or(SegmentId(0));
        let mut bytes = [0; CLEAN_SHUTDOWN_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..28].copy_from_slice(&store.0.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.sequence.0.to_le_bytes());
        bytes[36..44].copy_from_slice(&newest.0.to_le_bytes());
        bytes[44..52].copy_from_slice(&output.0.to_le_bytes());
        bytes[52..56].copy_from_slice(&checksum.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..56]);
        bytes[56..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Decodes a marker; `None` unless it is exactly what a close of this store wrote.
    pub(crate) fn decode(bytes: &[u8], store: StoreId) -> Option<Self> {
        let bytes: &[u8; CLEAN_SHUTDOWN_BYTES] = bytes.try_into().ok()?;
        let newest = SegmentId(u64_at(bytes, 36));
        let segments = SegmentSet { newest, checksum: u32_at(bytes, 52) };
        let output = Some(SegmentId(u64_at(bytes, 44))).filter(|output| output.0 > 0);
        let marker = Self { sequence: Sequence(u64_at(bytes, 28)), segments, output };
        (marker.encode(store) == *bytes).then_some(marker)
    }

    /// Returns the highest segment id that was given.
    pub(crate) fn newest(&self) -> SegmentId {
        self.segments.newest.max(self.output.unwrap_or(SegmentId(0)))
    }
}

/// Returns the format version of a marker; `None` if it is damaged.
pub(crate) fn version(bytes: &[u8]) -> Option<u32> {
    let bytes: &[u8; CLEAN_SHUTDOWN_BYTES] = bytes.try_into().ok()?;
    let is_whole = bytes.starts_with(MAGIC) && crc32fast::hash(&bytes[..56]) == u32_at(bytes, 56);
    is_whole.then(|| u32_at(bytes, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u64]) -> SegmentSet {
        SegmentSet::of(ids.iter().copied().map(SegmentId))
    }

    #[test]
    fn the_format_does_not_change() {
        let bytes = CleanShutdown {
            sequence: Sequence(5),
            segments: set(&[1, 3]),
            output: Some(SegmentId(4)),
        }
        .encode(StoreId(2));
        assert_eq!(bytes[..12], *b"kvs-end\x1A\x03\0\0\0");
        assert_eq!([bytes[12], bytes[28], bytes[36], bytes[44]], [2, 5, 3, 4]);
        assert_eq!([u32_at(&bytes, 52), u32_at(&bytes, 56)], [3_428_637_991, 548_058_277]);
    }

    #[test]
    fn only_a_marker_as_written_is_decoded() {
        for output in [Some(SegmentId(4)), None] {
            let marker = CleanShutdown { sequence: Sequence(5), segments: set(&[1, 3]), output };
            let bytes = marker.encode(StoreId(2));
            assert_eq!(CleanShutdown::decode(&bytes, StoreId(2)), Some(marker));
            assert_eq!(CleanShutdown::decode(&bytes, StoreId(3)), None);
            assert_eq!(CleanShutdown::decode(&bytes[1..], StoreId(2)), None);
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(CleanShutdown::decode(&damaged, StoreId(2)), None, "bit {bit}");
            }
        }
    }
}
