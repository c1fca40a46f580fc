//! The figures of one segment.

use crate::storage::compaction::keyspace_bytes::KeyspaceBytes;
use crate::storage::format::segment_header::Origin;
use crate::storage::format::sequence::Sequence;

/// The figures of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentUsage {
    /// Its origin.
    pub(crate) origin: Origin,
    /// Its length.
    pub(crate) bytes: u64,
    /// The bytes of its live records, tombstones that readers no longer need left out.
    pub(crate) live_bytes: u64,
    /// The bytes of all of its records, by their keyspaces.
    pub(crate) records: KeyspaceBytes,
    /// Tombstones that a compaction kept, because an older segment may hold their keys.
    pub(crate) tombstone_bytes: u64,
    /// Tombstones that readers no longer need, of which no compaction has found out yet whether an
    /// older segment holds their keys.
    pub(crate) untested_tombstone_bytes: u64,
    /// No value was dropped from any other segment since it was found out that its kept tombstones
    /// have to stay.
    pub(crate) tombstones_are_tested: bool,
    /// The lowest sequence number in it; the highest possible where it holds none.
    pub(crate) oldest: Sequence,
    /// The highest sequence number in it; zero where it holds none.
    pub(crate) newest: Sequence,
    /// Nothing is appended to it any more.
    pub(crate) sealed: bool,
    /// It may hold dead values that are not marked.
    pub(crate) may_hold_unmarked: bool,
}

impl SegmentUsage {
    /// Returns the bytes that are not live.
    pub(crate) fn garbage_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.live_bytes)
    }

    /// Returns the bytes of its dead records, but for tombstones that have to stay.
    pub(crate) fn droppable_bytes(&self) -> u64 {
        self.records.total().saturating_sub(self.live_bytes + self.tested_tombstone_bytes())
    }

    /// Returns the bytes that a compaction keeps at least.
    pub(crate) fn kept_bytes_min(&self) -> u64 {
        self.live_bytes + self.tested_tombstone_bytes()
    }

    /// Returns the bytes that a compaction keeps at most.
    pub(crate) fn kept_bytes_max(&self) -> u64 {
        self.live_bytes + self.tombstone_bytes + self.untested_tombstone_bytes
    }

    fn tested_tombstone_bytes(&self) -> u64 {
        if self.tombstones_are_tested { self.tombstone_bytes } else { 0 }
    }

    /// Returns the share of its bytes that are not live, in parts of 2^32.
    pub(crate) fn garbage_share(&self) -> u128 {
        (u128::from(self.garbage_bytes()) << 32) / u128::from(self.bytes.max(1))
    }
}
