//! The space that a store takes, on the disk and in memory, and what it is taken by.

use std::time::Duration;

/// The figures of one keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyspaceStats {
    /// The name.
    pub name: String,
    /// The number of keys; expired ones count until they are removed.
    pub keys: u64,
    /// The number of keys among them that have an expiry.
    pub keys_expiring: u64,
    /// The bytes that their records take in the log, each with a header of its own. In the `memory`
    /// engine the bytes of the values; `None` in `sled`.
    pub live_bytes: Option<u64>,
    /// The bytes that all other records of it take in the log, counted likewise: what was
    /// overwritten or removed, also while a snapshot sees it, and the removals. `None` in other
    /// engines than `kvs`, and while the writer does not answer.
    ///
    /// The bytes of a keyspace that was dropped are counted by segment alone.
    pub dead_bytes: Option<u64>,
    /// The bytes of memory that its index takes, see [`IndexStats`]; `None` in `sled`.
    pub index_bytes: Option<u64>,
}

/// The figures of one segment of the log of the `kvs` engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentStats {
    /// Its number, which is the name of its file.
    pub id: u64,
    /// True if a compaction wrote it, false if writes did.
    pub is_compacted: bool,
    /// True if nothing is appended to it any more.
    pub is_sealed: bool,
    /// True if it has a hint, which the next opening reads instead of it.
    pub is_hinted: bool,
    /// The bytes in it.
    pub bytes: u64,
    /// The bytes of records that the index or a snapshot needs, removals included until nothing
    /// older of their keys is in the index. Every record counts with a header of its own, so this
    /// is an estimate, of at most `bytes`, where batches have several records.
    pub live_bytes: u64,
    /// All other bytes: dead records, removals that readers do not need, marks and headers.
    pub dead_bytes: u64,
    /// The number of keys whose value is in it.
    pub live_keys: u64,
    /// The number of values in it that are known to be dead.
    pub dead_values: u64,
}

/// The memory of the indexes of all keyspaces, in the `kvs` and `memory` engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IndexStats {
    /// The bytes of the nodes of the trees: keys, places of records, space for more keys, versions
    /// that snapshots see. In the `memory` engine the values, too. What the allocator adds is not
    /// counted, nor are the times of expiry, nor what a clear left that nobody sees any more.
    pub bytes: u64,
    /// The number of keys in them, those of the names of keyspaces included, and removed ones for
    /// as long as a snapshot sees what was there before.
    pub keys: u64,
}

impl IndexStats {
    /// Returns the bytes for each key, 0 if there is none.
    #[must_use]
    pub fn bytes_per_key(&self) -> u64 {
        self.bytes.checked_div(self.keys).unwrap_or(0)
    }
}

/// The figures of the record cache of the `kvs` engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStats {
    /// Values that reads of single keys found in it since the store was opened. Scans do not count,
    /// which mostly read values from where they lie side by side.
    pub hits: u64,
    /// Values that reads of single keys had to read from the log.
    pub misses: u64,
    /// The number of records in it.
    pub entries: u64,
    /// The bytes that they take.
    pub bytes: u64,
    /// The most bytes that they may take.
    pub bytes_max: u64,
}

/// The snapshots that exist, and what is kept for them, in the `kvs` and `memory` engines.
///
/// A transaction, a scan and a read of several keys has a snapshot while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SnapshotStats {
    /// The number of snapshots.
    pub snapshots: u64,
    /// The version that the oldest one sees; `None` if there is none.
    pub oldest_version: Option<u64>,
    /// The time since the first snapshot of that version was taken, by the time of day; `None` if
    /// there is none.
    pub oldest_age: Option<Duration>,
    /// The number of versions and removals that are kept for snapshots alone, because newer ones
    /// replaced them; of a keyspace that was cleared or dropped the number of its keys.
    pub versions_held: u64,
    /// The bytes of the records of these versions, which compactions may not free; in the `memory`
    /// engine of their values.
    pub bytes_held: u64,
}
