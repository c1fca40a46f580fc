//! The active segment: the one that is appended to, and its preallocated space.
//!
//! If a file grows with every group, each sync has to write its new length too, which takes a third
//! longer. So where every group is synced, the file is preallocated: behind its end are zeros,
//! which are no frame and take no space on the disk. They are cut off with the mark that seals the
//! segment or closes the log; after a crash the next open does it.

use std::io;

use crate::storage::format::codec::TooLarge;
use crate::storage::format::frame::{FrameKind, FrameNumbers};
use crate::storage::segment::Segment;
use crate::sync::Arc;
use crate::{Error, Result};

/// A segment that something may be appended to.
pub(crate) struct ActiveSegment {
    pub(crate) segment: Arc<Segment>,
    /// The offset behind the last frame.
    pub(crate) offset: u64,
    /// The length of the file.
    length: u64,
}

impl ActiveSegment {
    /// Returns an active segment without preallocated space.
    pub(crate) fn new(segment: Arc<Segment>, offset: u64) -> Self {
        Self { segment, offset, length: offset }
    }

    /// Preallocates: if `bytes` do not fit, grows the file to the next multiple of `step`, at most
    /// to `length_max`.
    pub(crate) fn preallocate(&mut self, bytes: usize, step: u64, length_max: u64) {
        let end = self.offset + bytes as u64;
        if end <= self.length {
            return;
        }
        let length = end.checked_next_multiple_of(step).unwrap_or(end).min(length_max);
        // If that fails, the file grows with each write.
        if length > end && self.segment.file.set_length(length).is_ok() {
            self.length = length;
        }
    }

    /// Writes at the end. On an error any part of the bytes may be there, to be [`cut`](Self::cut)
    /// off.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.segment.file.write_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        self.length = self.length.max(self.offset);
        Ok(())
    }

    /// Appends a mark and cuts off the preallocated space behind it. On an error the segment stays
    /// as it was, as far as that can be done.
    pub(crate) fn append_mark(&mut self, kind: FrameKind, numbers: FrameNumbers) -> Result<()> {
        let offset = self.offset;
        let mut mark = Vec::new();
        let encoded = self.segment.codec.encode_mark(kind, &[], numbers, offset, &mut mark);
        encoded.map_err(|TooLarge| Error::Closed)?;
        let has_preallocated = self.length > offset;
        let appended =
            self.append(&mark).and_then(|()| if has_preallocated { self.cut() } else { Ok(()) });
        appended.map_err(|error| {
            self.offset = offset;
            // A part of a mark is no mark, and the next attempt overwrites it.
            let _ = self.cut();
            Error::io("append to", &self.segment.path, error).at_offset(offset)
        })
    }

    /// Cuts off everything behind the last frame.
    pub(crate) fn cut(&mut self) -> io::Result<()> {
        self.segment.file.set_length(self.offset)?;
        self.length = self.offset;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::segment_header::SegmentHeader;
    use crate::storage::format::sequence::Sequence;
    use crate::storage::fs::Directory;
    use crate::storage::fs::simulated::{SimulatedDisk, State};

    fn active(disk: &SimulatedDisk) -> ActiveSegment {
        let file = disk.create("x").unwrap();
        ActiveSegment::new(Arc::new(Segment::new(SegmentHeader::FIRST, "x".into(), file)), 0)
    }

    #[test]
    fn there_is_room_for_many_writes_up_to_the_longest_file() {
        let mut active = active(&SimulatedDisk::new(State::default()));
        for (bytes, length) in
            [(10, 64), (54, 64), (1, 128), (60, 128), (10, 150), (40, 175), (1, 176)]
        {
            active.preallocate(bytes, 64, 150);
            active.append(&vec![1; bytes]).unwrap();
            assert_eq!(active.segment.file.length().unwrap(), length, "after {bytes} more bytes");
        }
        assert_eq!(active.offset, 176);
    }

    #[test]
    fn a_mark_ends_the_file_with_room_or_without() {
        for step in [None, Some(64)] {
            let mut active = active(&SimulatedDisk::new(State::default()));
            if let Some(step) = step {
                active.preallocate(1, step, 1000);
            }
            active.append(&[1; 5]).unwrap();
            let numbers = FrameNumbers { sequence: Sequence(2), durable: Sequence(1) };
            active.append_mark(FrameKind::Seal, numbers).unwrap();
            assert!(active.offset > 5);
            assert_eq!(active.segment.file.length().unwrap(), active.offset);
        }
    }
}
