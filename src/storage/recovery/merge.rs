//! Several runs gone through as one, in the order of the keys: an index fills fastest that way.
//!
//! The keys fall into parts of about the same size, each of which can be put together by itself.

use crate::storage::format::hint_entry::HintEntry;
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::record::RecordKind;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::KeyVersion;
use crate::storage::range_removals::RangeRemovals;
use crate::storage::recovery::sorted_run::SortedRun;
use crate::storage::segment::Location;
use crate::sync::Arc;

/// About how many entries a part has.
const PART_ENTRIES: usize = 16 << 10;

/// The entries of the runs for some of the keys.
#[derive(Default)]
pub(crate) struct MergedPart {
    /// By key, then by age, for each keyspace.
    pub(crate) versions: Vec<(KeyspaceId, Vec<KeyVersion<Location>>)>,
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

    /// Puts one of the parts together.
    pub(crate) fn part(&self, number: usize) -> MergedPart {
        let separator = |number: usize| {
            let (keyspace, key) = self.separators.get(number)?;
            Some((*keyspace, &**key))
        };
        let (from, to) = (number.checked_sub(1).and_then(separator), separator(number));
        let mut part = MergedPart::default();
        let mut entries = Vec::with_capacity(PART_ENTRIES * 2);
        for run in &self.runs {
            let is_inside = |entry: &HintEntry<'_>| to.is_none_or(|to| entry.placed_key() < to);
            for entry in run.from(from).take_while(is_inside) {
                let location = Location::of(&entry.record, run.segment, entry.extent);
                let key = entry.placed_key();
                if matches!(entry.record.kind, RecordKind::RemoveRange { .. }) {
                    continue;
                }
                if self.removals.covers(key.0, key.1, entry.sequence) {
                    part.covered.push(location);
                } else {
                    entries.push((key, entry.sequence, location));
                }
            }
        }
        // Records of one key in one batch come from one run, in order, and the sort is stable.
        entries.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        for same in entries.chunk_by(|a, b| a.0.0 == b.0.0) {
            let change = |(key, version, slot): &(PlacedKey<'_>, Sequence, Location)| KeyVersion {
                key: key.1.to_vec(),
                version: *version,
                slot: *slot,
            };
            part.versions.push((same[0].0.0, same.iter().map(change).collect()));
        }
        part
    }
}
