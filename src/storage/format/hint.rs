//! Hint files: a sealed segment's records without their values, so that an open need not read the segment.
//!
//! A hint is a cache and never the truth. It names the segment that it is about by everything that is in
//! that one's header, by its length and by the seal that it ends with, and it has a checksum of its own;
//! with any doubt the segment is read instead. It is written only after its segment was synced with all
//! that precedes it in the log, so that what it says is there cannot be undone by a power loss. The hint
//! itself is never synced: one that a power loss cuts short does not match its checksum.
//!
//! What is left out: a checksum over the segment's contents, since to check it would take reading them. A
//! bit that flips in a record is found when the record is read.

use std::io;

use crc32fast::Hasher;

use crate::bugs::{Bug, planted};
use crate::storage::format::file_name;
use crate::storage::format::record::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, u32_at};
use crate::storage::fs::Directory;
use crate::storage::log::LogEnvironment;
use crate::storage::recovery::sorted_run::{RunSummary, SortedRun};
use crate::storage::segment::{HEADER_BYTES, Origin, Segment};

const MAGIC: &[u8; 8] = b"kvs-hnt\x1A";

/// The version of the format of hint files in `docs/format.md`; a hint of any other is not used.
const HINT_VERSION: u32 = 1;

/// Where the parts of a hint begin: its checksum, what it is about, and the entries.
const CHECKSUM_AT: usize = 12;
const SEGMENT_AT: usize = 16;
const LENGTH_AT: usize = SEGMENT_AT + HEADER_BYTES;
const SEAL_AT: usize = LENGTH_AT + 8;
pub(crate) const ENTRIES_AT: usize = SEAL_AT + FRAME_HEADER_BYTES;

/// What a hint says of its segment.
pub(crate) struct Hint {
    /// The length of the segment.
    pub(crate) length: u64,
    /// The segment's last frame.
    pub(crate) seal: FrameHeader,
    pub(crate) run: SortedRun,
    pub(crate) summary: RunSummary,
}

impl Hint {
    /// The bytes before the entries; the checksum is still to be [set](set_checksum).
    pub(crate) fn header(segment: &Segment, length: u64, seal: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRIES_AT);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&HINT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&segment.header.encode());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(seal);
        bytes
    }

    /// Reads the hint of a segment; `None` unless it describes the segment as it is.
    pub(crate) fn read(environment: &LogEnvironment, segment: &Segment) -> Option<Self> {
        let bytes = read_whole(&*environment.directory, &file_name::hint(segment.id())).ok()?;
        let length = segment.file.length().ok()?;
        let seal_at = length.checked_sub(FRAME_HEADER_BYTES as u64)?;
        let mut seal = [0; FRAME_HEADER_BYTES];
        let read = segment.file.read_at(&mut seal, seal_at).ok()?;
        let expected = Self::header(segment, length, &seal);
        let is_about_it = read == seal.len()
            && bytes.get(..CHECKSUM_AT)? == &expected[..CHECKSUM_AT]
            && bytes.get(SEGMENT_AT..ENTRIES_AT)? == &expected[SEGMENT_AT..];
        let is_about_it = is_about_it || bytes.len() >= ENTRIES_AT && planted(Bug::HintOfAnother);
        let is_whole = is_about_it
            && (u32_at(&bytes, CHECKSUM_AT) == checksum(&bytes) || planted(Bug::SkipHintChecksum));
        if !is_whole {
            return None;
        }
        let seal = segment.checksum.decode_header(&seal, seal_at)?;
        let (run, summary) = SortedRun::new(segment.id(), bytes, ENTRIES_AT, seal_at)?;
        let is_possible = match (segment.header.origin, summary.sequences) {
            (Origin::Written, None) => seal.sequence == segment.header.base,
            (Origin::Written, Some((oldest, newest))) => {
                oldest == segment.header.base && newest.checked_add(1) == Some(seal.sequence)
            }
            (Origin::Compacted, sequences) => {
                sequences.is_none_or(|(_, newest)| newest <= seal.durable)
            }
        };
        (seal.kind == FrameKind::Seal && is_possible).then_some(Self { length, seal, run, summary })
    }
}

/// Sets the checksum of a hint that is complete otherwise.
pub(crate) fn set_checksum(hint: &mut [u8]) {
    let checksum = checksum(hint);
    hint[CHECKSUM_AT..SEGMENT_AT].copy_from_slice(&checksum.to_le_bytes());
}

/// Over everything else in the file; there is at least the header.
fn checksum(hint: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&hint[..CHECKSUM_AT]);
    hasher.update(&hint[SEGMENT_AT..]);
    hasher.finalize()
}

fn read_whole(directory: &dyn Directory, name: &str) -> io::Result<Vec<u8>> {
    let file = directory.open(name)?;
    let length = usize::try_from(file.length()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
