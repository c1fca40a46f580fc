//! The figures of an engine, by the half that has them.

use std::collections::BTreeMap;

use crate::storage::compaction::dead_bitmap::SharedDeadBitmap;
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::index::{HeldVersions, IndexUsage, RegisteredSnapshots};
use crate::{CacheStats, CompactionStats, SegmentStats, SyncStats};

/// The figures that the write half has; what an engine does not have is `None` or empty.
#[derive(Clone, Default)]
pub(crate) struct WriteHalfStats {
    /// The segments, lowest id first.
    pub(crate) segments: Vec<CountedSegment>,
    /// The bytes of all records in the segments, live and dead, by their keyspaces.
    pub(crate) record_bytes: Option<BTreeMap<KeyspaceId, u64>>,
    /// The syncs that made commits durable.
    pub(crate) syncs: Option<SyncStats>,
    /// The compactions.
    pub(crate) compactions: Option<CompactionStats>,
    /// The versions that are kept for snapshots alone, but for those of cleared keyspaces.
    pub(crate) held: HeldVersions,
}

/// The figures that all read halves share.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedStats {
    /// The record cache.
    pub(crate) cache: Option<CacheStats>,
    /// The snapshots, in an engine that is capable of them.
    pub(crate) snapshots: Option<RegisteredSnapshots>,
    /// The bytes on the disk of all files of the store.
    pub(crate) disk_bytes: Option<u64>,
}

/// The figures of the index of one keyspace, which is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyspaceUsage {
    /// The number of keys that readers see.
    pub(crate) keys: u64,
    /// The keys among them that have an expiry.
    pub(crate) keys_expiring: u64,
    /// The memory, and what is kept of generations that a clear ended.
    pub(crate) index: IndexUsage,
    /// The bytes of the newest versions where they lie.
    pub(crate) live_bytes: u64,
}

/// The figures of a segment, whose dead values whoever wants them counts: there may be millions.
#[derive(Clone)]
pub(crate) struct CountedSegment {
    /// The keys in it are not counted.
    pub(super) stats: SegmentStats,
    /// Empty where the dead values were counted.
    pub(super) dead: SharedDeadBitmap,
}

impl CountedSegment {
    /// Returns the figures with the number of dead values.
    pub(crate) fn stats(self) -> SegmentStats {
        let Self { stats, dead } = self;
        SegmentStats { dead_values: stats.dead_values + dead.count(), ..stats }
    }
}
