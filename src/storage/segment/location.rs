//! The position of a record in the log.

use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::{PackedSlot, SLOT_WORDS, SeqlockCell, Slot};

/// The position of a version of a key in the log, as the index holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) segment: SegmentId,
    pub(crate) extent: Extent,
    /// Zero where the version does not expire.
    expires_at: u64,
    tombstone: bool,
}

impl Location {
    /// Returns the location of a record at `extent`.
    pub(crate) fn of(record: &Record<'_>, segment: SegmentId, extent: Extent) -> Self {
        let (expires_at, tombstone) = match record {
            Record::Put { expires_at, .. } => (expires_at.unwrap_or(0), false),
            Record::Remove { .. } => (0, true),
            // One record stands for many keys, so the bytes are not counted for each of them.
            Record::Clear => return Self::cleared(segment),
        };
        Self { segment, extent, expires_at, tombstone }
    }

    /// Returns a tombstone that has no bytes of its own.
    pub(crate) fn cleared(segment: SegmentId) -> Self {
        let extent = Extent { offset: 0, length: 0 };
        Self { segment, extent, expires_at: 0, tombstone: true }
    }

    /// Returns the location of the same version elsewhere.
    pub(crate) fn moved(self, segment: SegmentId, extent: Extent) -> Self {
        Self { segment, extent, ..self }
    }

    /// Returns the bytes of its record in a frame of its own, as a compaction writes it.
    pub(crate) fn cost(&self) -> u64 {
        match self.extent.length {
            0 => 0,
            length => u64::from(length) + FRAME_HEADER_BYTES as u64,
        }
    }
}

impl Slot for Location {
    type Cell = SeqlockCell<Self>;

    fn is_tombstone(&self) -> bool {
        self.tombstone
    }

    fn expires_at(&self) -> Option<u64> {
        Some(self.expires_at).filter(|time| *time > 0)
    }
}

/// The bit of a packed length that marks a tombstone; no record is that long.
const TOMBSTONE: u32 = 1 << 31;

/// The segment comes first: a move is always one to another segment.
impl PackedSlot for Location {
    fn pack(&self) -> [u64; SLOT_WORDS] {
        let Extent { offset, length } = self.extent;
        let marked = if self.tombstone { length | TOMBSTONE } else { length };
        [self.segment.0, u64::from(offset) << 32 | u64::from(marked), self.expires_at]
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half is a number of that size")]
    fn unpack([segment, position, expires_at]: [u64; SLOT_WORDS]) -> Self {
        let (offset, marked) = ((position >> 32) as u32, position as u32);
        let extent = Extent { offset, length: marked & !TOMBSTONE };
        let tombstone = marked & TOMBSTONE != 0;
        Self { segment: SegmentId(segment), extent, expires_at, tombstone }
    }
}
