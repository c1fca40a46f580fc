//! The work that a store does and has done since it was opened.

use std::time::{Duration, SystemTime};

use super::histogram::Histogram;

/// The messages that wait in mailboxes; each is bounded, and senders wait where one is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MailboxStats {
    /// Messages that wait for the writer, of at most 1024.
    pub writer: u64,
    /// Messages that wait for maintenance, which runs compactions and syncs, of at most 4.
    pub maintenance: u64,
}

/// The groups that were committed: writes that waited at the same time, applied as one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GroupStats {
    /// The number of groups, those that failed included.
    pub groups: u64,
    /// The number of changes in them: keys that were set or removed, and ranges.
    pub operations: u64,
    /// The groups by the number of their changes.
    pub by_operations: Histogram,
}

impl GroupStats {
    /// Counts a group of so many changes.
    pub(crate) fn note(&mut self, operations: usize) {
        self.groups += 1;
        self.operations += operations as u64;
        self.by_operations.note(operations as u64);
    }
}

/// The syncs of the log that make writes durable, in the `kvs` engine. Those of files that are
/// begun, compacted or closed do not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SyncStats {
    /// The number of syncs; after one that failed the store takes no more writes.
    pub syncs: u64,
    /// The time that they took together.
    pub total: Duration,
    /// The time that the longest one took.
    pub longest: Duration,
    /// The syncs by the microseconds that they took.
    pub by_microseconds: Histogram,
}

impl SyncStats {
    /// Counts a sync that took so long.
    pub(crate) fn note(&mut self, took: Duration) {
        self.syncs += 1;
        self.total += took;
        self.longest = self.longest.max(took);
        self.by_microseconds.note(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// The compactions of the `kvs` engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CompactionStats {
    /// The number of compactions that were finished.
    pub compactions: u64,
    /// True while one runs.
    pub is_running: bool,
    /// The last one that was finished.
    pub last: Option<LastCompaction>,
}

/// A compaction that was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastCompaction {
    /// The time at which it was finished.
    pub finished: SystemTime,
    /// The time from its plan to the release of the segments that it replaced.
    pub took: Duration,
    /// The bytes of the segments that it replaced.
    pub bytes_read: u64,
    /// The bytes of the segment that it wrote.
    pub bytes_written: u64,
    /// The bytes that it freed: those of the segments that it replaced beyond those that it wrote.
    pub bytes_freed: u64,
}

/// The watches of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WatchStats {
    /// The number of open watches.
    pub watches: u64,
    /// The bytes of memory that the latest changes take which are kept for them.
    pub bytes: u64,
}
