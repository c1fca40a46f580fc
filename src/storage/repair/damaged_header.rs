//! Opening a segment whatever its header is.

use std::path::Path;

use crate::storage::format::codec::FrameCodec;
use crate::storage::format::frame::{FrameHeader, FrameKind};
use crate::storage::format::little_endian::u32_at;
use crate::storage::format::segment_header::{
    Origin, SEGMENT_CHECKSUM_AT, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::File;
use crate::storage::repair::codec_search::find_codec;
use crate::storage::segment::Segment;
use crate::storage::segment::segment_walk::{PartContents, SegmentWalk};
use crate::sync::Arc;
use crate::{Error, Result};

/// A segment that was opened for as much as can be read of it.
pub(super) struct OpenedSegment {
    /// `None` if nothing in the file can be checked.
    pub(super) segment: Option<Segment>,
    /// The error of the header, unless it is the right one. The header of the segment is then a
    /// whole one of another segment, or was made up from the first frame, and only its origin and
    /// base mean something.
    pub(super) damage: Option<Error>,
}

/// Opens a segment whose header may be damaged.
pub(super) fn open_segment(file: Arc<dyn File>, path: &Path) -> Result<OpenedSegment> {
    open_as(file, path, |_| true)
}

/// Opens the segment of a store that has this id by its name, and whose header may be damaged or
/// that of another segment.
pub(super) fn open_named(
    file: Arc<dyn File>,
    path: &Path,
    (id, store): (SegmentId, StoreId),
) -> Result<OpenedSegment> {
    open_as(file, path, |header| (header.id, header.store) == (id, store))
}

fn open_as(
    file: Arc<dyn File>,
    path: &Path,
    is_right: impl Fn(&SegmentHeader) -> bool,
) -> Result<OpenedSegment> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let read = file.read_at(&mut bytes, 0).map_err(|e| Error::io("read", path, e))?;
    let (header, damage) = match SegmentHeader::decode(&bytes[..read], path) {
        Ok(header) if is_right(&header) => {
            let segment = Some(Segment::new(header, path.to_path_buf(), file));
            return Ok(OpenedSegment { segment, damage: None });
        }
        Ok(header) => {
            let reason = "its header names another segment or another store";
            (Some(header), Error::corrupt(path, 0, reason))
        }
        Err(error @ Error::Corrupt { .. }) => (None, error),
        Err(error) => return Err(error),
    };
    let made_up = SegmentHeader {
        origin: Origin::Written,
        store: StoreId(0),
        id: SegmentId(0),
        base: Sequence::ZERO,
        durable: Sequence::ZERO,
        previous: SegmentId(0),
    };
    let mut segment = Segment::new(made_up, path.to_path_buf(), file);
    let stated = u32_at(&bytes, SEGMENT_CHECKSUM_AT);
    let computed = crc32fast::hash(&bytes[..SEGMENT_CHECKSUM_AT]);
    let codec = find_codec(&segment, [stated, computed].map(FrameCodec::seeded))?;
    let Some(codec) = codec else {
        return Ok(OpenedSegment { segment: None, damage: Some(damage) });
    };
    segment.codec = codec;
    match header.filter(|header| header.codec() == codec) {
        // All of the file is that of another segment.
        Some(header) => segment.header = header,
        None => {
            let FoundNumbers { origin, base } = numbers_of(&segment)?;
            segment.header = SegmentHeader { origin, base, ..made_up };
        }
    }
    Ok(OpenedSegment { segment: Some(segment), damage: Some(damage) })
}

/// The part of a header that the frames tell.
struct FoundNumbers {
    origin: Origin,
    /// Zero if it is not known.
    base: Sequence,
}

/// Returns the numbers that the first frame tells. If that is damaged, another one tells the
/// origin: batches of a compaction say nothing of what is durable.
fn numbers_of(segment: &Segment) -> Result<FoundNumbers> {
    let mut walk = SegmentWalk::new(segment, SEGMENT_HEADER_BYTES as u64)?;
    let mut is_first = true;
    while let Some(part) = walk.next()? {
        if let PartContents::Frame(frame) = &part.contents
            && (is_first || frame.header.kind == FrameKind::Batch)
        {
            let FrameHeader { kind, numbers, .. } = frame.header;
            let is_compacted = kind == FrameKind::Replaces
                || kind == FrameKind::Batch && numbers.durable == Sequence::ZERO && !is_first;
            let origin = if is_compacted { Origin::Compacted } else { Origin::Written };
            // Batches are consecutive from the base on, and a mark has the next number.
            let is_base = is_first && !is_compacted;
            let base = if is_base { numbers.sequence } else { Sequence::ZERO };
            return Ok(FoundNumbers { origin, base });
        }
        is_first = false;
    }
    Ok(FoundNumbers { origin: Origin::Written, base: Sequence::ZERO })
}
