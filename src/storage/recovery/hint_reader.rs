//! Reading the hint of a segment.

use std::io;

use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use crate::storage::format::hint;
use crate::storage::format::segment_header::Origin;
use crate::storage::fs::Directory;
use crate::storage::recovery::sorted_run::{RunSummary, SortedRun};
use crate::storage::segment::Segment;

/// The hint of a segment.
pub(crate) struct Hint {
    /// The length of the segment.
    pub(crate) length: u64,
    /// The segment's last frame.
    pub(crate) seal: FrameHeader,
    pub(crate) run: SortedRun,
    pub(crate) summary: RunSummary,
}

impl Hint {
    /// Reads the hint of a segment; `None` unless it describes the segment as it is.
    pub(crate) fn read(environment: &LogEnvironment, segment: &Segment) -> Option<Self> {
        let bytes = read_whole(&*environment.directory, &file_name::hint(segment.id())).ok()?;
        let length = segment.file.length().ok()?;
        let seal_at = length.checked_sub(FRAME_HEADER_BYTES as u64)?;
        let mut seal = [0; FRAME_HEADER_BYTES];
        let read = segment.file.read_at(&mut seal, seal_at).ok()?;
        let header = hint::header(&segment.header, length, &seal);
        if read < seal.len() || !hint::is_valid(&bytes, &header) {
            return None;
        }
        let seal = segment.codec.decode_header(&seal, seal_at)?;
        let (run, summary) = SortedRun::new(segment.id(), bytes, hint::ENTRIES_AT, seal_at)?;
        let is_possible = match (segment.header.origin, summary.sequences) {
            (Origin::Written, None) => seal.numbers.sequence == segment.header.base,
            (Origin::Written, Some((oldest, newest))) => {
                oldest == segment.header.base && newest.next() == seal.numbers.sequence
            }
            (Origin::Compacted, sequences) => {
                sequences.is_none_or(|(_, newest)| newest <= seal.numbers.durable)
            }
        };
        (seal.kind == FrameKind::Seal && is_possible).then_some(Self { length, seal, run, summary })
    }
}

fn read_whole(directory: &dyn Directory, name: &str) -> io::Result<Vec<u8>> {
    let file = directory.open(name)?;
    let length = usize::try_from(file.length()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
