//! The figures of a store, gathered from those who have them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::handle::Store;
use super::keyspaces::numbers;
use super::write_path::WritePathStats;
use crate::engine::{
    CountedSegment, IndexUsage, KeyspaceId, KeyspaceUsage, ReadHalf, SegmentId, UnixMillis,
    WriteHalfStats,
};
use crate::{IndexStats, KeyspaceStats, SnapshotStats, StoreStats};

/// The indexes of all keyspaces.
struct IndexTotals {
    /// By the numbers of the keyspaces.
    usages: BTreeMap<KeyspaceId, KeyspaceUsage>,
    /// The keys that each segment holds values of.
    live_keys: BTreeMap<SegmentId, u64>,
}

impl Store {
    /// Returns the figures of the store: keyspaces, segments, memory, snapshots, and the work since
    /// it was opened. There is no error: what cannot be told is `None` or missing.
    ///
    /// It waits for the writer as a write does, and for nothing else; the writer looks at each
    /// segment once. The keys of the index are counted on the calling thread, without a lock,
    /// in some 50 ms for a million of them. So it may be called every second, and on a store of
    /// hundreds of millions of keys every few minutes.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// store.set("key", vec![7; 1000])?;
    /// let before = store.stats();
    /// store.set("key", vec![8; 1000])?;
    /// let after = store.stats();
    /// assert_eq!(after.keyspaces[0].keys, 1);
    /// assert_eq!(after.keyspaces[0].live_bytes, before.keyspaces[0].live_bytes);
    /// assert_eq!(after.segments[0].live_bytes, before.segments[0].live_bytes);
    /// assert!(after.segments[0].dead_bytes >= before.segments[0].dead_bytes + 1000);
    /// assert_eq!(after.segments[0].dead_values, 1);
    /// println!("{after}"); // a line `name: value` for each figure
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        self.stats_within(None)
    }

    /// Returns the figures; waits for the writer no longer than `wait`, if there is one.
    pub(crate) fn stats_within(&self, wait: Option<Duration>) -> StoreStats {
        let WritePathStats { mailboxes, watches, writer } = self.shared.writes.stats(wait);
        let shared = self.shared.reader.shared_stats();
        let (groups, engine) = match writer {
            Some(writer) => (Some(writer.groups), writer.engine),
            None => Default::default(),
        };
        let totals = IndexTotals::of(&*self.shared.reader);
        let WriteHalfStats { segments, record_bytes, syncs, compactions, held } = engine;
        let keyspaces = self.keyspace_stats(&totals, record_bytes.as_ref());
        let mut segments: Vec<_> = segments.into_iter().map(CountedSegment::stats).collect();
        for segment in &mut segments {
            let live_keys = totals.live_keys.get(&SegmentId(segment.id));
            segment.live_keys = live_keys.copied().unwrap_or_default();
        }
        let now = self.shared.clock.now();
        let age = |since: UnixMillis| Duration::from_millis(now.0.saturating_sub(since.0));
        let snapshots = shared.snapshots.map(|registered| SnapshotStats {
            snapshots: registered.count,
            oldest_version: registered.oldest.map(|oldest| oldest.0),
            oldest_age: registered.since.map(age),
            versions_held: held.versions + totals.sum(|it| it.keys_held),
            bytes_held: held.bytes + totals.sum(|it| it.bytes_held),
        });
        StoreStats {
            keyspaces,
            segments,
            disk_bytes: shared.disk_bytes,
            index: totals.stats(),
            cache: shared.cache,
            snapshots,
            watches,
            mailboxes,
            groups,
            syncs,
            compactions,
        }
    }

    /// Returns the figures of the keyspaces that have a name.
    fn keyspace_stats(
        &self,
        totals: &IndexTotals,
        record_bytes: Option<&BTreeMap<KeyspaceId, u64>>,
    ) -> Vec<KeyspaceStats> {
        let numbers = numbers(self);
        let default = |_| vec![(self.name().to_owned(), KeyspaceId::DEFAULT)];
        let stats = |(name, number)| {
            let usage = totals.usages.get(&number);
            let (keys, keys_expiring) = match usage {
                Some(usage) => (usage.keys, usage.keys_expiring),
                None if totals.usages.is_empty() => {
                    let reader = self.shared.reader.keyspace(number).ok()?;
                    (reader.count(), reader.expiring())
                }
                // Nothing was written to it, or it was dropped meanwhile.
                None => (0, 0),
            };
            let live_bytes = usage.map(|usage| usage.live_bytes);
            let records = record_bytes.map(|bytes| bytes.get(&number).copied().unwrap_or(0));
            Some(KeyspaceStats {
                name,
                keys,
                keys_expiring,
                live_bytes,
                dead_bytes: records.map(|bytes| bytes.saturating_sub(live_bytes.unwrap_or(0))),
                index_bytes: usage.map(|usage| usage.index.bytes),
            })
        };
        numbers.unwrap_or_else(default).into_iter().filter_map(stats).collect()
    }
}

impl IndexTotals {
    /// Counts what is in all indexes.
    fn of(reader: &dyn ReadHalf) -> Self {
        let mut live_keys = BTreeMap::new();
        let usages = reader.usages(&mut |segment| *live_keys.entry(segment).or_default() += 1);
        Self { usages: usages.into_iter().collect(), live_keys }
    }

    /// Returns the total of a figure.
    fn sum(&self, figure: fn(&IndexUsage) -> u64) -> u64 {
        self.usages.values().map(|usage| figure(&usage.index)).sum()
    }

    /// Returns the memory of all indexes, if there is one.
    fn stats(&self) -> Option<IndexStats> {
        let (bytes, keys) = (self.sum(|it| it.bytes), self.sum(|it| it.keys));
        (!self.usages.is_empty()).then_some(IndexStats { bytes, keys })
    }
}
