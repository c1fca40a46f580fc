//! Several runs gone through as one, in the order of the keys: an index fills fastest that way.
//!
//! The keys fall into parts of about the same size, each of which can be put together by itself.

use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::{KeyVersion, LoadedPart, PartLoader};
use crate::storage::range_removals::RangeRemovals;
use crate::storage::recovery::part_entries::{PartEntries, PartEntry};
use crate::storage::recovery::sorted_run::SortedRun;
use crate::storage::segment::Location;
use crate::sync::Arc;

/// About how many entries a part has.
const PART_ENTRIES: usize = 16 << 10;

/// The versions of some of the keys, for indexes that hold something already.
#[derive(Default)]
pub(crate) struct MergedVersions {
    /// The number of records that were gone through.
    pub(crate) records: u64,
    /// By key, then by age, for each keyspace.
    pub(crate) versions: Vec<(KeyspaceId, Vec<KeyVersion<Location>>)>,
    /// The records that a range removal removed.
    pub(crate) covered: Vec<Location>,
}

/// The newest versions of some of the keys as leaves, for indexes that are empty.
#[derive(Default)]
pub(crate) struct MergedLeaves {
    /// The number of records that were gone through.
    pub(crate) records: u64,
    pub(crate) parts: Vec<(KeyspaceId, LoadedPart<Location>)>,
    /// The bytes of these versions, by segment.
    pub(crate) live: Vec<(SegmentId, u64)>,
    /// The older versions.
    pub(crate) overwritten: Vec<Location>,
    /// The records that a range removal removed.
    pub(crate) covered: Vec<Location>,
}

/// The runs of some segments.
pub(crate) struct Merge {
    runs: Vec<SortedRun>,
    /// The keys that the parts after the first one begin with.
    separators: Vec<(KeyspaceId, Vec<u8>)>,
    removals: Arc<RangeRemovals>,
}

impl Merge {
    /// Puts these together but for what was removed.
    pub(crate) fn new(runs: Vec<SortedRun>, removals: Arc<RangeRemovals>) -> Self {
        let mut keys: Vec<_> = runs.iter().flat_map(SortedRun::sampled_keys).collect();
        keys.sort_unstable();
        let samples = PART_ENTRIES / SortedRun::entries_per_sample();
        let separators = keys.into_iter().step_by(samples).skip(1);
        let separators = separators.map(|(keyspace, key)| (keyspace, key.to_vec())).collect();
        Self { runs, separators, removals }
    }

    /// Returns the number of parts.
    pub(crate) fn parts(&self) -> usize {
        self.separators.len() + 1
    }

    /// Puts the versions of one of the parts in order.
    pub(crate) fn versions(&self, number: usize) -> MergedVersions {
        let entries = self.entries(number);
        let mut merged = MergedVersions { records: entries.records(), ..Default::default() };
        for PartEntry { key: (keyspace, key), version, location, .. } in entries.in_order() {
            if merged.versions.last().is_none_or(|(last, _)| last != keyspace) {
                merged.versions.push((*keyspace, Vec::new()));
            }
            if let Some((_, versions)) = merged.versions.last_mut() {
                let (key, version, slot) = (key.to_vec(), *version, *location);
                versions.push(KeyVersion { key, version, slot });
            }
        }
        merged.covered = entries.covered;
        merged
    }

    /// Makes leaves of one of the parts.
    pub(crate) fn leaves(&self, number: usize) -> MergedLeaves {
        let entries = self.entries(number);
        let mut merged = MergedLeaves { records: entries.records(), ..Default::default() };
        let mut live = vec![0; self.runs.len()];
        let mut loader: Option<(KeyspaceId, PartLoader<Location>)> = None;
        for mut same in entries.by_key() {
            let Some(newest) = same.next_back() else { continue };
            let PartEntry { key: (keyspace, key), version, location, run } = *newest;
            if loader.as_ref().is_none_or(|(current, _)| *current != keyspace) {
                let next = PartLoader::new(self.start(number, keyspace));
                let done = loader.replace((keyspace, next));
                merged.parts.extend(done.map(|(keyspace, done)| (keyspace, done.finish())));
            }
            if let Some((_, loader)) = &mut loader {
                loader.push(key, version, location);
            }
            live[run] += location.cost();
            merged.overwritten.extend(same.map(|older| older.location));
        }
        merged.parts.extend(loader.map(|(keyspace, done)| (keyspace, done.finish())));
        merged.live = self.runs.iter().map(|run| run.segment).zip(live).collect();
        merged.covered = entries.covered;
        merged
    }

    fn entries(&self, number: usize) -> PartEntries<'_> {
        let from = number.checked_sub(1).and_then(|before| self.separator(before));
        PartEntries::new(&self.runs, &self.removals, from, self.separator(number))
    }

    /// Returns a key at or below those of the keyspace in this part and above those before it.
    fn start(&self, number: usize, keyspace: KeyspaceId) -> &[u8] {
        let separator = number.checked_sub(1).and_then(|before| self.separator(before));
        separator.filter(|(first, _)| *first == keyspace).map_or(&[], |(_, key)| key)
    }

    fn separator(&self, number: usize) -> Option<PlacedKey<'_>> {
        let (keyspace, key) = self.separators.get(number)?;
        Some((*keyspace, &**key))
    }
}
