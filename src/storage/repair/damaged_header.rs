//! Opening a segment whatever its header is.
//!
//! The checksums of a segment are seeded with the checksum of its header, which stands in the
//! header too. So where the header is damaged, the seed is either the checksum that stands there or
//! the one of the bytes before it, unless both are wrong; a valid frame proves which.

use std::path::Path;

use crate::storage::format::codec::FrameCodec;
use crate::storage::format::frame::FrameKind;
use crate::storage::format::little_endian::u32_at;
use crate::storage::format::segment_header::{
    Origin, SEGMENT_CHECKSUM_AT, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::File;
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::FrameScan;
use crate::sync::Arc;
use crate::{Error, Result};

/// A segment that was opened for as much as can be read of it.
pub(super) struct OpenedSegment {
    /// `None` if nothing in the file can be checked.
    pub(super) segment: Option<Segment>,
    /// The error of the header, unless it is valid. The header of the segment is then one that was
    /// made up from its first frame, and only its origin and base mean something.
    pub(super) damage: Option<Error>,
}

/// Opens a segment whose header may be damaged.
pub(super) fn open_segment(
    file: Arc<dyn File>,
    path: &Path,
    id: SegmentId,
    store: StoreId,
) -> Result<OpenedSegment> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let read = file.read_at(&mut bytes, 0).map_err(|e| Error::io("read", path, e))?;
    let damage = match SegmentHeader::decode(&bytes[..read], path) {
        Ok(header) => {
            let segment = Some(Segment::new(header, path.to_path_buf(), file));
            return Ok(OpenedSegment { segment, damage: None });
        }
        Err(error @ Error::Corrupt { .. }) => error,
        Err(error) => return Err(error),
    };
    let stated = u32_at(&bytes, SEGMENT_CHECKSUM_AT);
    let computed = crc32fast::hash(&bytes[..SEGMENT_CHECKSUM_AT]);
    for seed in [stated, computed] {
        let header = SegmentHeader {
            origin: Origin::Written,
            store,
            id,
            base: Sequence::ZERO,
            durable: Sequence::ZERO,
            previous: SegmentId(0),
        };
        let mut segment = Segment::new(header, path.to_path_buf(), Arc::clone(&file));
        segment.codec = FrameCodec::seeded(seed);
        let from = SEGMENT_HEADER_BYTES as u64;
        let Some((at, first)) = FrameScan::resume(&segment, from)?.find_header(from)? else {
            continue;
        };
        if at == from && first.kind == FrameKind::Replaces {
            segment.header.origin = Origin::Compacted;
        } else if at == from {
            // Batches are consecutive from the base on, and a mark has the next number.
            segment.header.base = first.numbers.sequence;
        }
        return Ok(OpenedSegment { segment: Some(segment), damage: Some(damage) });
    }
    Ok(OpenedSegment { segment: None, damage: Some(damage) })
}
