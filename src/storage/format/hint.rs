//! The layout of a hint: the records of a sealed segment without their values, for a fast open.
//!
//! A hint is a cache and never the truth. It identifies its segment by that one's header, length
//! and seal, and it has a checksum of its own; with any doubt the segment is read instead.
//!
//! There is no checksum over the contents of the segment, since checking it would take reading
//! them. A flipped bit in a record is found when the record is read.

use crc32fast::Hasher;

use crate::bugs::{Bug, planted};
use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::little_endian::u32_at;
use crate::storage::format::segment_header::{SEGMENT_HEADER_BYTES, SegmentHeader};

const MAGIC: &[u8; 8] = b"kvs-hnt\x1A";

/// The version of the format of hint files in `docs/format.md`; a hint of any other is not used.
const HINT_VERSION: u32 = 2;

/// The offsets of the parts of a hint: checksum, header of the segment, its length, its seal,
/// entries.
const CHECKSUM_AT: usize = 12;
const SEGMENT_AT: usize = 16;
const LENGTH_AT: usize = SEGMENT_AT + SEGMENT_HEADER_BYTES;
const SEAL_AT: usize = LENGTH_AT + 8;
pub(crate) const ENTRIES_AT: usize = SEAL_AT + FRAME_HEADER_BYTES;

/// Returns the bytes before the entries; the checksum is still to be [set](set_checksum).
pub(crate) fn header(segment: &SegmentHeader, length: u64, seal: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENTRIES_AT);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&HINT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&segment.encode());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(seal);
    bytes
}

/// Returns true if a hint begins with this [`header`], the checksum aside, and its checksum
/// matches.
pub(crate) fn is_valid(hint: &[u8], header: &[u8]) -> bool {
    if hint.len() < ENTRIES_AT {
        return false;
    }
    let is_about_it = hint[..CHECKSUM_AT] == header[..CHECKSUM_AT]
        && hint[SEGMENT_AT..ENTRIES_AT] == header[SEGMENT_AT..];
    (is_about_it || planted(Bug::HintOfAnother))
        && (u32_at(hint, CHECKSUM_AT) == checksum(hint) || planted(Bug::SkipHintChecksum))
}

/// Sets the checksum of a hint that is complete otherwise.
pub(crate) fn set_checksum(hint: &mut [u8]) {
    let checksum = checksum(hint);
    hint[CHECKSUM_AT..SEGMENT_AT].copy_from_slice(&checksum.to_le_bytes());
}

/// Returns the checksum of everything else in the file, which has at least the header.
fn checksum(hint: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&hint[..CHECKSUM_AT]);
    hasher.update(&hint[SEGMENT_AT..]);
    hasher.finalize()
}
