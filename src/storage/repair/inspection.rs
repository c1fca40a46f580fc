//! The inspection of a segment file: everything in it, in the order of the file.

use std::ops::ControlFlow;
use std::path::Path;

use crate::findings::{FrameItem, HeaderItem, RecordItem, SegmentItem};
use crate::storage::format::frame::{FrameHeader, FrameKind};
use crate::storage::format::record::{Extent, Record, RecordKind};
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::fs::File;
use crate::storage::key_range::KeyInterval;
use crate::storage::repair::damaged_header::open_segment;
use crate::storage::segment::segment_walk::{
    PartContents, SegmentPart, SegmentWalk, WalkedFrame, WalkedRecord,
};
use crate::sync::Arc;
use crate::{Error, Result};

/// Shows every item of a segment file, until the visitor breaks. One frame at a time is in memory.
pub(crate) fn inspect(
    file: Arc<dyn File>,
    path: &Path,
    visit: &mut dyn FnMut(SegmentItem<'_>) -> ControlFlow<()>,
) -> Result<()> {
    let length = file.length().map_err(|e| Error::io("read the length of", path, e))?;
    let opened = open_segment(file, path)?;
    let header_bytes = length.min(SEGMENT_HEADER_BYTES as u64);
    let header = match (&opened.segment, &opened.damage) {
        (Some(segment), None) => SegmentItem::Header(header_item(&segment.header)),
        _ => {
            let reason = "no header of a segment";
            SegmentItem::Damaged { offset: 0, bytes: header_bytes, reason }
        }
    };
    if visit(header).is_break() {
        return Ok(());
    }
    let Some(segment) = &opened.segment else {
        let (offset, bytes) = (header_bytes, length - header_bytes);
        let reason = "nothing that can be checked without the header";
        if bytes > 0 {
            let _ = visit(SegmentItem::Damaged { offset, bytes, reason });
        }
        return Ok(());
    };
    let mut walk = SegmentWalk::new(segment, SEGMENT_HEADER_BYTES as u64)?;
    while let Some(part) = walk.next()? {
        if show(&part, visit).is_break() {
            break;
        }
    }
    Ok(())
}

fn show(
    part: &SegmentPart<'_>,
    visit: &mut dyn FnMut(SegmentItem<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let (offset, bytes) = (part.offset, part.length);
    let frame = match &part.contents {
        PartContents::Damaged(reason) => {
            return visit(SegmentItem::Damaged { offset, bytes, reason });
        }
        PartContents::Zeros => return visit(SegmentItem::Zeros { offset, bytes }),
        PartContents::Frame(frame) => frame,
    };
    visit(SegmentItem::Frame(frame_item(frame, offset, bytes)))?;
    for record in &frame.records {
        visit(match record {
            WalkedRecord::Valid(record, extent) => {
                SegmentItem::Record(record_item(record, *extent))
            }
            WalkedRecord::Damaged { offset, length, reason } => {
                SegmentItem::Damaged { offset: *offset, bytes: *length, reason }
            }
        })?;
    }
    ControlFlow::Continue(())
}

fn header_item(header: &SegmentHeader) -> HeaderItem {
    let SegmentHeader { origin, store, id, base, durable, previous } = *header;
    let origin = match origin {
        Origin::Written => "written",
        Origin::Compacted => "compacted",
    };
    let (id, previous, store) = (id.0, previous.0, store.0);
    HeaderItem { id, origin, store, base: base.0, durable: durable.0, previous }
}

fn frame_item(frame: &WalkedFrame<'_>, offset: u64, bytes: u64) -> FrameItem {
    let FrameHeader { kind, records, numbers, .. } = frame.header;
    let (kind, records) = match kind {
        FrameKind::Batch => ("batch", records),
        FrameKind::Seal => ("seal", 0),
        FrameKind::Replaces => ("replaces", 0),
        FrameKind::Close => ("close", 0),
    };
    let replaces = match frame.header.kind {
        FrameKind::Replaces => postcard::from_bytes(frame.body).unwrap_or_default(),
        FrameKind::Batch | FrameKind::Seal | FrameKind::Close => Vec::new(),
    };
    let (sequence, durable, damage) = (numbers.sequence.0, numbers.durable.0, frame.damage);
    FrameItem { offset, bytes, kind, sequence, durable, records, replaces, damage }
}

fn record_item<'a>(record: &Record<'a>, extent: Extent) -> RecordItem<'a> {
    let (kind, value_type, expires_at, value) = match record.kind {
        RecordKind::Put { value, value_type, expires_at, .. } => {
            ("put", value_type.0, expires_at, value)
        }
        RecordKind::Remove { .. } => ("remove", 0, None, &[][..]),
        RecordKind::RemoveRange(KeyInterval { end, .. }) => ("remove range", 0, None, end),
    };
    let (offset, bytes) = (u64::from(extent.offset), u64::from(extent.length));
    let expires_at = expires_at.map(|UnixMillis(time)| time);
    let (keyspace, key) = (record.keyspace.0, record.key());
    RecordItem { offset, bytes, kind, keyspace, key, value_type, expires_at, value }
}
