//! The figures that are one number for the whole store, with their names.

use std::fmt;
use std::time::Duration;

use super::space::SegmentStats;
use super::statistic::{Statistic, StatisticKind, StatisticUnit};
use super::store_stats::StoreStats;
use super::work::LastCompaction;

/// A figure of a store, and how it is read.
type StoreFigure = (Statistic, fn(&StoreStats) -> Option<u64>);

const fn gauge(
    name: &'static str,
    unit: StatisticUnit,
    help: &'static str,
    value: fn(&StoreStats) -> Option<u64>,
) -> StoreFigure {
    (Statistic { name, kind: StatisticKind::Gauge, unit, help }, value)
}

const fn counter(
    name: &'static str,
    unit: StatisticUnit,
    help: &'static str,
    value: fn(&StoreStats) -> Option<u64>,
) -> StoreFigure {
    (Statistic { name, kind: StatisticKind::Counter, unit, help }, value)
}

/// Every figure that is one number.
const FIGURES: &[StoreFigure] = {
    use StatisticUnit::{Bytes, Count, Microseconds, Seconds};
    &[
        gauge("disk_bytes", Bytes, "Bytes that the files of the store take.", |s| s.disk_bytes),
        gauge("segments", Count, "Segments of the log.", |s| {
            has_log(s).then_some(s.segments.len() as u64)
        }),
        gauge("segment_bytes", Bytes, "Bytes of the segments.", |s| sum(s, |it| it.bytes)),
        gauge("live_bytes", Bytes, "Bytes of records that are needed.", |s| {
            sum(s, |it| it.live_bytes)
        }),
        gauge("dead_bytes", Bytes, "Bytes of the segments that are not needed.", |s| {
            sum(s, |it| it.dead_bytes)
        }),
        gauge("dead_values", Count, "Values in the segments that are known to be dead.", |s| {
            sum(s, |it| it.dead_values)
        }),
        gauge("index_bytes", Bytes, "Bytes of memory that the index takes.", |s| {
            s.index.map(|it| it.bytes)
        }),
        gauge("index_bytes_per_key", Bytes, "Bytes of the index for each key.", |s| {
            s.index.map(|it| it.bytes_per_key())
        }),
        counter("cache_hits", Count, "Values that were found in the cache.", |s| {
            s.cache.map(|it| it.hits)
        }),
        counter("cache_misses", Count, "Values that were read from the log.", |s| {
            s.cache.map(|it| it.misses)
        }),
        gauge("cache_entries", Count, "Records in the cache.", |s| s.cache.map(|it| it.entries)),
        gauge("cache_bytes", Bytes, "Bytes of the records in the cache.", |s| {
            s.cache.map(|it| it.bytes)
        }),
        gauge("writer_mailbox", Count, "Messages that wait for the writer.", |s| {
            Some(s.mailboxes.writer)
        }),
        gauge("maintenance_mailbox", Count, "Messages that wait for maintenance.", |s| {
            Some(s.mailboxes.maintenance)
        }),
        counter("groups", Count, "Groups that were committed.", |s| {
            s.groups.as_ref().map(|it| it.groups)
        }),
        counter("group_operations", Count, "Changes in the groups.", |s| {
            s.groups.as_ref().map(|it| it.operations)
        }),
        counter("syncs", Count, "Syncs of the log.", |s| s.syncs.as_ref().map(|it| it.syncs)),
        counter("sync_microseconds", Microseconds, "The time that the syncs took.", |s| {
            s.syncs.as_ref().map(|it| microseconds(it.total))
        }),
        gauge("sync_microseconds_max", Microseconds, "The time of the longest sync.", |s| {
            s.syncs.as_ref().map(|it| microseconds(it.longest))
        }),
        counter("compactions", Count, "Compactions that were finished.", |s| {
            s.compactions.as_ref().map(|it| it.compactions)
        }),
        gauge("compaction_running", Count, "1 while a compaction runs.", |s| {
            s.compactions.as_ref().map(|it| u64::from(it.is_running))
        }),
        gauge("compaction_microseconds", Microseconds, "The time of the last compaction.", |s| {
            last(s).map(|it| microseconds(it.took))
        }),
        gauge("compaction_bytes_read", Bytes, "Bytes that the last compaction replaced.", |s| {
            last(s).map(|it| it.bytes_read)
        }),
        gauge("compaction_bytes_written", Bytes, "Bytes that the last compaction wrote.", |s| {
            last(s).map(|it| it.bytes_written)
        }),
        gauge("compaction_bytes_freed", Bytes, "Bytes that the last compaction freed.", |s| {
            last(s).map(|it| it.bytes_freed)
        }),
        gauge("snapshots", Count, "Snapshots that exist.", |s| s.snapshots.map(|it| it.snapshots)),
        gauge("snapshot_age_seconds", Seconds, "The age of the oldest snapshot.", |s| {
            s.snapshots.and_then(|it| it.oldest_age).map(|age| age.as_secs())
        }),
        gauge("versions_held", Count, "Replaced versions that snapshots keep.", |s| {
            s.snapshots.map(|it| it.versions_held)
        }),
        gauge("bytes_held", Bytes, "Bytes of records that snapshots keep.", |s| {
            s.snapshots.map(|it| it.bytes_held)
        }),
        gauge("watches", Count, "Open watches.", |s| Some(s.watches.watches)),
        gauge("watch_bytes", Bytes, "Bytes of the changes that are kept for watches.", |s| {
            Some(s.watches.bytes)
        }),
    ]
};

fn has_log(stats: &StoreStats) -> bool {
    !stats.segments.is_empty() || stats.compactions.is_some()
}

fn sum(stats: &StoreStats, value: fn(&SegmentStats) -> u64) -> Option<u64> {
    has_log(stats).then(|| stats.segments.iter().map(value).sum())
}

fn last(stats: &StoreStats) -> Option<LastCompaction> {
    stats.compactions.as_ref()?.last
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl StoreStats {
    /// Returns the figures that are one number, with their names and units, as far as they are
    /// there.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// store.set("a", "1")?;
    /// let figures = store.stats().figures();
    /// let groups = figures.iter().find(|(figure, _)| figure.name == "groups");
    /// assert_eq!(groups.map(|(_, value)| *value), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn figures(&self) -> Vec<(Statistic, u64)> {
        let read = |(statistic, value): &StoreFigure| Some((*statistic, value(self)?));
        FIGURES.iter().filter_map(read).collect()
    }
}

impl fmt::Display for StoreStats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (figure, value) in self.figures() {
            writeln!(out, "{}: {value}", figure.name)?;
        }
        for it in &self.keyspaces {
            let name = it.name.escape_default();
            writeln!(out, "keyspace.{name}.keys: {}", it.keys)?;
            writeln!(out, "keyspace.{name}.keys_expiring: {}", it.keys_expiring)?;
            let bytes = [
                ("live_bytes", it.live_bytes),
                ("dead_bytes", it.dead_bytes),
                ("index_bytes", it.index_bytes),
            ];
            for (figure, value) in bytes {
                if let Some(value) = value {
                    writeln!(out, "keyspace.{name}.{figure}: {value}")?;
                }
            }
        }
        for it in &self.segments {
            let figures = [
                ("bytes", it.bytes),
                ("live_bytes", it.live_bytes),
                ("dead_bytes", it.dead_bytes),
                ("live_keys", it.live_keys),
                ("dead_values", it.dead_values),
            ];
            for (figure, value) in figures {
                writeln!(out, "segment.{}.{figure}: {value}", it.id)?;
            }
        }
        Ok(())
    }
}
