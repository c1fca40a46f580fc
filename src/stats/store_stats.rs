//! All figures of a store.

use super::space::{CacheStats, IndexStats, KeyspaceStats, SegmentStats, SnapshotStats};
use super::work::{CompactionStats, GroupStats, MailboxStats, SyncStats, WatchStats};

/// The figures of a store at about one moment, as [`Store::stats`](crate::Store::stats) returns
/// them.
///
/// A figure that an engine does not have is `None` or empty. Counters begin with the opening of the
/// store. While others write, two figures may be some writes apart.
///
/// [`Display`](std::fmt::Display) shows a line `name: value` for each figure, with the names of
/// [`figures`](Self::figures).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreStats {
    /// The keyspaces, in the order of their names.
    pub keyspaces: Vec<KeyspaceStats>,
    /// The segments of the log, lowest number first. Only the `kvs` engine has some; they are left
    /// out if the writer does not answer.
    pub segments: Vec<SegmentStats>,
    /// The bytes that the files of the store take on the disk, and for the `memory` engine, or if
    /// the disk does not say, `None`.
    pub disk_bytes: Option<u64>,
    /// The indexes in memory; `None` in `sled`.
    pub index: Option<IndexStats>,
    /// The record cache; only in the `kvs` engine.
    pub cache: Option<CacheStats>,
    /// The snapshots; `None` in `sled`.
    pub snapshots: Option<SnapshotStats>,
    /// The watches.
    pub watches: WatchStats,
    /// The mailboxes of the store's own threads.
    pub mailboxes: MailboxStats,
    /// The groups that were committed; `None` if the writer does not answer.
    pub groups: Option<GroupStats>,
    /// The syncs of the log; only in the `kvs` engine, and `None` if the writer does not answer.
    pub syncs: Option<SyncStats>,
    /// The compactions; only in the `kvs` engine, and `None` if the writer does not answer.
    pub compactions: Option<CompactionStats>,
}
