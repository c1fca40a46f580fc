//! The position of a record in the log.

use crate::storage::format::keyspace::ValueType;
use crate::storage::format::record::{Extent, Record, RecordKind};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::index::{PackedSlot, SLOT_WORDS, SeqlockCell, Slot};

/// The position of a version of a key in the log, as the index holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) segment: SegmentId,
    pub(crate) extent: Extent,
    /// Zero where the version does not expire.
    expires_at: u64,
    value_type: ValueType,
    tombstone: bool,
}

impl Location {
    /// Returns the location of a record at `extent`.
    pub(crate) fn of(record: &Record<'_>, segment: SegmentId, extent: Extent) -> Self {
        match record.kind {
            RecordKind::Put { expires_at, value_type, .. } => {
                let expires_at = UnixMillis::or_zero(expires_at);
                Self { segment, extent, expires_at, value_type, tombstone: false }
            }
            RecordKind::Remove { .. } | RecordKind::RemoveRange { .. } => {
                Self::tombstone(segment, extent)
            }
        }
    }

    /// Returns the location of a record that removed a key or a range of keys.
    pub(crate) fn tombstone(segment: SegmentId, extent: Extent) -> Self {
        let value_type = ValueType::default();
        Self { segment, extent, expires_at: 0, value_type, tombstone: true }
    }

    /// Returns a tombstone that has no bytes of its own: one record stands for the whole range that
    /// it removed, so they are not counted for each key.
    pub(crate) fn covered(segment: SegmentId) -> Self {
        Self::tombstone(segment, Extent { offset: 0, length: 0 })
    }

    /// Returns the type of the value.
    pub(crate) fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// Returns the location of the same version elsewhere.
    pub(crate) fn moved(self, segment: SegmentId, extent: Extent) -> Self {
        Self { segment, extent, ..self }
    }

    /// Returns the bytes of its record in a frame of its own, as a compaction writes it.
    pub(crate) fn cost(&self) -> u64 {
        self.extent.cost()
    }
}

impl Slot for Location {
    type Cell = SeqlockCell<Self>;

    fn is_tombstone(&self) -> bool {
        self.tombstone
    }

    fn expires_at(&self) -> Option<UnixMillis> {
        UnixMillis::unless_zero(self.expires_at)
    }

    fn bytes(&self) -> u64 {
        self.cost()
    }
}

/// The bit of a packed length that marks a tombstone; no record is that long.
const TOMBSTONE: u32 = 1 << 31;

/// The place of the value's type beside the segment's id, which is at most [`SegmentId::MAX`].
const TYPE_SHIFT: u32 = 56;

/// The segment comes first: a move is always one to another segment.
impl PackedSlot for Location {
    fn pack(&self) -> [u64; SLOT_WORDS] {
        let Extent { offset, length } = self.extent;
        let marked = if self.tombstone { length | TOMBSTONE } else { length };
        let typed = u64::from(self.value_type.0) << TYPE_SHIFT | self.segment.0;
        [typed, u64::from(offset) << 32 | u64::from(marked), self.expires_at]
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half is a number of that size")]
    fn unpack([typed, position, expires_at]: [u64; SLOT_WORDS]) -> Self {
        let (offset, marked) = ((position >> 32) as u32, position as u32);
        let extent = Extent { offset, length: marked & !TOMBSTONE };
        let tombstone = marked & TOMBSTONE != 0;
        let segment = SegmentId(typed & SegmentId::MAX.0);
        let value_type = ValueType((typed >> TYPE_SHIFT) as u8);
        Self { segment, extent, expires_at, value_type, tombstone }
    }
}
