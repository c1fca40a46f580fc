//! A walk through a segment that damage does not end: behind bytes that are no frame it goes on
//! with the next one.
//!
//! That works because checksums are bound to the segment and to the offset: bytes that pass one lie
//! where they were written. The [`FrameScan`] says which frames are valid; the walk only looks
//! closer at the others.

use crate::Result;
use crate::storage::format::codec::FrameCodec;
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use crate::storage::format::little_endian::u32_at;
use crate::storage::format::record::{Extent, RECORD_HEADER_BYTES, Record};
use crate::storage::format::sequence::Sequence;
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::{FrameScan, NextFrame};

/// A position in a segment that moves from part to part.
pub(crate) struct SegmentWalk<'s> {
    scan: FrameScan<'s>,
    codec: FrameCodec,
}

/// A part of a segment. The parts of a segment follow one another without gaps.
pub(crate) struct SegmentPart<'b> {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) contents: PartContents<'b>,
}

/// The contents of a part of a segment.
pub(crate) enum PartContents<'b> {
    /// A frame with a valid header.
    Frame(WalkedFrame<'b>),
    /// Bytes that are no frame, up to the next one or to the end of the file.
    Damaged(&'static str),
    /// Zeros up to the end of the file.
    Zeros,
}

/// A frame with a valid header.
pub(crate) struct WalkedFrame<'b> {
    pub(crate) header: FrameHeader,
    /// The records of a batch, as far as they can be told.
    pub(crate) records: Vec<WalkedRecord<'b>>,
    /// The body of a mark.
    pub(crate) body: &'b [u8],
    /// The damage on account of which the frame does not count, none of its records included.
    pub(crate) damage: Option<&'static str>,
}

/// A record of a frame, or bytes that are none.
pub(crate) enum WalkedRecord<'b> {
    /// A record whose checksum matches.
    Valid(Record<'b>, Extent),
    /// Damaged bytes.
    Damaged { offset: u64, length: u64, reason: &'static str },
}

impl<'s> SegmentWalk<'s> {
    /// Returns a walk from an offset on.
    pub(crate) fn new(segment: &'s Segment, offset: u64) -> Result<Self> {
        Ok(Self { scan: FrameScan::resume(segment, offset)?, codec: segment.codec })
    }

    /// Returns the length of the file.
    pub(crate) fn length(&self) -> u64 {
        self.scan.length()
    }

    /// Returns the next part; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<SegmentPart<'_>>> {
        let offset = self.scan.offset();
        let damage = match self.scan.next()? {
            NextFrame::End => return Ok(None),
            NextFrame::Valid(_) => None,
            NextFrame::Invalid(reason) => Some(reason),
        };
        let header = self.scan.peek(offset, FRAME_HEADER_BYTES)?;
        let Some(header) = header.and_then(|bytes| self.codec.decode_header(bytes, offset)) else {
            return self.unframed(offset, damage.unwrap_or("no frame begins here"));
        };
        let stated = (FRAME_HEADER_BYTES as u64) + u64::from(header.body_bytes);
        let length = stated.min(self.scan.length() - offset);
        self.scan.skip_to(offset + length);
        let body_at = offset + FRAME_HEADER_BYTES as u64;
        let body_bytes = usize::try_from(length).unwrap_or(usize::MAX) - FRAME_HEADER_BYTES;
        let body = self.scan.peek(body_at, body_bytes)?.unwrap_or_default();
        let records = match header.kind {
            FrameKind::Batch => records_of(self.codec, body, body_at, header.numbers.sequence),
            FrameKind::Seal | FrameKind::Replaces | FrameKind::Close => Vec::new(),
        };
        let contents = PartContents::Frame(WalkedFrame { header, records, body, damage });
        Ok(Some(SegmentPart { offset, length, contents }))
    }

    /// Returns the part that is no frame.
    fn unframed(&mut self, offset: u64, reason: &'static str) -> Result<Option<SegmentPart<'_>>> {
        let length = self.scan.length();
        let (end, contents) = if self.scan.is_zero_from(offset)? {
            (length, PartContents::Zeros)
        } else {
            let next = self.scan.find_header(offset + 1)?;
            (next.map_or(length, |(at, _)| at), PartContents::Damaged(reason))
        };
        self.scan.skip_to(end);
        Ok(Some(SegmentPart { offset, length: end - offset, contents }))
    }
}

/// Returns the records in the body of a batch. The length that a damaged record states is believed
/// only if a valid one follows; else the rest of the batch cannot be told apart.
fn records_of(
    codec: FrameCodec,
    body: &[u8],
    body_at: u64,
    sequence: Sequence,
) -> Vec<WalkedRecord<'_>> {
    let (mut records, mut at) = (Vec::new(), 0);
    let decode = |at: usize| codec.decode_record(&body[at..], body_at + at as u64, sequence);
    while at < body.len() {
        let (record, end) = match decode(at) {
            Ok((record, extent)) => {
                (WalkedRecord::Valid(record, extent), at + extent.length as usize)
            }
            Err(reason) => {
                let header = body[at..].get(..RECORD_HEADER_BYTES);
                let stated = header.map_or(usize::MAX, |header| u32_at(header, 4) as usize);
                let end = stated.saturating_add(RECORD_HEADER_BYTES + at);
                let is_followed = end < body.len() && decode(end).is_ok();
                let end = if is_followed { end } else { body.len() };
                let (offset, length) = (body_at + at as u64, (end - at) as u64);
                (WalkedRecord::Damaged { offset, length, reason }, end)
            }
        };
        records.push(record);
        at = end;
    }
    records
}

impl WalkedFrame<'_> {
    /// Returns the valid records, whether the frame counts or not.
    pub(crate) fn valid_records(&self) -> impl Iterator<Item = (&Record<'_>, Extent)> {
        self.records.iter().filter_map(|record| match record {
            WalkedRecord::Valid(record, extent) => Some((record, *extent)),
            WalkedRecord::Damaged { .. } => None,
        })
    }
}
