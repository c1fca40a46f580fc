//! A scan of a segment from its first frame to its last, with a buffer that never outgrows the
//! file.

use crate::bugs::{Bug, planted};
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::segment::Segment;
use crate::{Error, Result};

/// The bytes that are read at once; a longer frame is read whole. Few enough that they stay in the
/// cache of the processor, and that a compaction which stops behind a mebibyte reads few in vain.
const CHUNK_BYTES: usize = 128 << 10;

/// The most records that memory is reserved for: a false count must not reserve more than the frame
/// holds, and a record in memory may be longer than on disk.
const RECORDS_RESERVED: usize = 16;

/// A position in a segment that moves from frame to frame.
pub(crate) struct FrameScan<'s> {
    segment: &'s Segment,
    length: u64,
    /// The offset of the next frame.
    offset: u64,
    buffer: Vec<u8>,
    /// The offset of the buffer's first byte.
    buffer_start: u64,
}

/// The result of a step of a scan.
pub(crate) enum NextFrame<'b> {
    /// A frame of which every checksum matches.
    Valid(Frame<'b>),
    /// The file ends here.
    End,
    /// Bytes that are no frame; the scan cannot go on.
    Invalid(&'static str),
}

/// A valid frame.
pub(crate) struct Frame<'b> {
    pub(crate) header: FrameHeader,
    /// The records of a batch.
    pub(crate) records: Vec<(Record<'b>, Extent)>,
    /// The body of a mark.
    pub(crate) body: &'b [u8],
}

impl<'s> FrameScan<'s> {
    /// Returns a scan from the first frame on.
    pub(crate) fn new(segment: &'s Segment) -> Result<Self> {
        Self::resume(segment, SEGMENT_HEADER_BYTES as u64)
    }

    /// Returns a scan from the offset of an earlier one.
    pub(crate) fn resume(segment: &'s Segment, offset: u64) -> Result<Self> {
        let length = segment.length()?;
        Ok(Self { segment, length, offset, buffer: Vec::new(), buffer_start: offset })
    }

    /// Returns the offset of the next frame.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the length of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the next frame.
    pub(crate) fn next(&mut self) -> Result<NextFrame<'_>> {
        self.next_but(|_| false)
    }

    /// Returns the next frame. Of a batch with one record, at an offset for which `is_unneeded`
    /// returns true, it returns only the header and does not read the rest.
    pub(crate) fn next_but(&mut self, is_unneeded: impl Fn(u32) -> bool) -> Result<NextFrame<'_>> {
        let offset = self.offset;
        if offset >= self.length {
            return Ok(NextFrame::End);
        }
        let codec = self.segment.codec;
        let header = self.peek(offset, FRAME_HEADER_BYTES)?;
        let Some(header) = header.and_then(|bytes| codec.decode_header(bytes, offset)) else {
            return Ok(NextFrame::Invalid("no frame begins here"));
        };
        let frame_bytes = FRAME_HEADER_BYTES + header.body_bytes as usize;
        self.offset = offset + frame_bytes as u64;
        let record_at = u32::try_from(offset + FRAME_HEADER_BYTES as u64);
        if header.kind == FrameKind::Batch
            && header.records == 1
            && self.offset <= self.length
            && record_at.is_ok_and(is_unneeded)
        {
            return Ok(NextFrame::Valid(Frame { header, records: Vec::new(), body: &[] }));
        }
        let Some(bytes) = self.bytes_at(offset, frame_bytes)? else {
            self.offset = offset;
            return Ok(NextFrame::Invalid("the frame is cut short"));
        };
        // The borrow checker cannot see that the buffer stays as it is.
        let (start, end) = bytes;
        let body = &self.buffer[start + FRAME_HEADER_BYTES..end];
        let mut frame = Frame { header, records: Vec::new(), body };
        if header.kind != FrameKind::Batch {
            return match header.is_body_whole(body) {
                true => Ok(NextFrame::Valid(frame)),
                false => {
                    self.offset = offset;
                    Ok(NextFrame::Invalid("the frame's checksum does not match"))
                }
            };
        }
        let mut at = 0;
        frame.records.reserve((header.records as usize).min(RECORDS_RESERVED));
        while at < body.len() {
            let at_offset = offset + (FRAME_HEADER_BYTES + at) as u64;
            match codec.decode_record(&body[at..], at_offset, header.numbers.sequence) {
                Ok((record, extent)) => {
                    at += extent.length as usize;
                    frame.records.push((record, extent));
                }
                Err(_) if planted(Bug::AcceptPartialBatch) && !frame.records.is_empty() => {
                    return Ok(NextFrame::Valid(frame));
                }
                Err(reason) => {
                    self.offset = offset;
                    return Ok(NextFrame::Invalid(reason));
                }
            }
        }
        if frame.records.len() != header.records as usize {
            self.offset = offset;
            return Ok(NextFrame::Invalid(
                "the frame does not hold as many records as its header states",
            ));
        }
        Ok(NextFrame::Valid(frame))
    }

    /// Returns true if there are only zeros from `offset` to the end of the file.
    pub(crate) fn is_zero_from(&mut self, mut offset: u64) -> Result<bool> {
        while offset < self.length {
            let rest = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
            let count = rest.min(CHUNK_BYTES);
            let Some((start, end)) = self.bytes_at(offset, count)? else {
                return Ok(false);
            };
            let end = if planted(Bug::TrustZeros) { start + 1 } else { end };
            if self.buffer[start..end].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            offset += count as u64;
        }
        Ok(true)
    }

    /// Returns the headers of all valid frames that begin at or behind `from`, whatever lies
    /// between them.
    pub(crate) fn later_headers(&mut self, from: u64) -> Result<Vec<FrameHeader>> {
        let (mut found, mut offset) = (Vec::new(), from);
        while let Some((at, header)) = self.find_header(offset)? {
            found.push(header);
            offset = at + 1;
        }
        Ok(found)
    }

    /// Returns the first valid header of a frame at or behind `from`, with its offset.
    pub(crate) fn find_header(&mut self, from: u64) -> Result<Option<(u64, FrameHeader)>> {
        let mut offset = from;
        while let Some((start, _)) = self.bytes_at(offset, FRAME_HEADER_BYTES)? {
            let mut at = start;
            while at + FRAME_HEADER_BYTES <= self.buffer.len() {
                let bytes = &self.buffer[at..at + FRAME_HEADER_BYTES];
                let at_offset = offset + (at - start) as u64;
                if let Some(header) = self.segment.codec.decode_header(bytes, at_offset) {
                    return Ok(Some((at_offset, header)));
                }
                at += 1;
            }
            offset += (at - start) as u64;
        }
        Ok(None)
    }

    /// Moves to the frame at this offset.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// Returns `count` bytes at an offset; `None` if the file ends before.
    pub(crate) fn peek(&mut self, offset: u64, count: usize) -> Result<Option<&[u8]>> {
        let range = self.bytes_at(offset, count)?;
        Ok(range.map(|(start, end)| &self.buffer[start..end]))
    }

    /// Reads `count` bytes at `offset` and returns their range in the buffer; `None` if the file
    /// ends before.
    fn bytes_at(&mut self, offset: u64, count: usize) -> Result<Option<(usize, usize)>> {
        if count as u64 > self.length.saturating_sub(offset) {
            return Ok(None);
        }
        let position = offset.checked_sub(self.buffer_start).and_then(|p| usize::try_from(p).ok());
        if let Some(start) = position
            && start + count <= self.buffer.len()
        {
            return Ok(Some((start, start + count)));
        }
        let rest = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
        self.buffer.resize(count.max(CHUNK_BYTES).min(rest), 0);
        self.buffer_start = offset;
        let read = self.segment.file.read_at(&mut self.buffer, offset);
        let read = read.map_err(|error| Error::io("read", &self.segment.path, error))?;
        self.buffer.truncate(read);
        Ok((read >= count).then_some((0, count)))
    }
}
