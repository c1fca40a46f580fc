//! Several runs gone through as one, in the order of the keys: an index fills fastest that way.
//!
//! The keys fall into parts of about the same size, each of which can be put together by itself.

use crate::storage::format::hint_entry::HintEntry;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::KeyVersion;
use crate::storage::recovery::sorted_run::SortedRun;
use crate::storage::segment::Location;

/// About how many entries a part has.
const PART_ENTRIES: usize = 16 << 10;

/// A record that removed every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Clear {
    pub(crate) sequence: u64,
    pub(crate) segment: SegmentId,
    pub(crate) offset: u32,
}

impl Clear {
    /// Whether it removed this.
    fn removed(&self, segment: SegmentId, entry: &HintEntry<'_>) -> bool {
        let is_before = || segment == self.segment && entry.extent.offset < self.offset;
        entry.sequence < self.sequence || entry.sequence == self.sequence && is_before()
    }
}

/// What the runs hold of some of the keys.
#[derive(Default)]
pub(crate) struct MergedPart {
    /// By key, then by age.
    pub(crate) versions: Vec<KeyVersion<Location>>,
    /// What a compaction would gain by leaving out what was cleared.
    pub(crate) garbage_bytes: u64,
}

/// The runs of some segments.
pub(crate) struct Merge {
    runs: Vec<SortedRun>,
    /// The keys that the parts after the first one begin with.
    separators: Vec<Vec<u8>>,
    cleared: Option<Clear>,
}

impl Merge {
    /// Puts these together but for what was cleared.
    pub(crate) fn new(runs: Vec<SortedRun>, cleared: Option<Clear>) -> Self {
        let mut keys: Vec<&[u8]> = runs.iter().flat_map(SortedRun::sampled_keys).collect();
        keys.sort_unstable();
        let samples = PART_ENTRIES / SortedRun::entries_per_sample();
        let separators = keys.into_iter().step_by(samples).skip(1).map(<[u8]>::to_vec).collect();
        Self { runs, separators, cleared }
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.separators.len() + 1
    }

    /// Puts one of the parts together.
    pub(crate) fn part(&self, number: usize) -> MergedPart {
        let from = number.checked_sub(1).map(|before| &*self.separators[before]);
        let to = self.separators.get(number).map(|key| &**key);
        let mut part = MergedPart::default();
        let mut entries = Vec::with_capacity(PART_ENTRIES * 2);
        for run in &self.runs {
            let is_inside = |key: &[u8]| to.is_none_or(|to| key < to);
            let inside = run.from(from).take_while(|entry| is_inside(entry.record.key()));
            for entry in inside {
                let location = Location::of(&entry.record, run.segment, entry.extent);
                if self.cleared.is_some_and(|clear| clear.removed(run.segment, &entry)) {
                    part.garbage_bytes += location.cost();
                } else if !entry.record.is_clear() {
                    entries.push((entry.record.key(), entry.sequence, location));
                }
            }
        }
        // What a batch writes twice comes from one run, in order, and stays so.
        entries.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        let change =
            |(key, version, slot): (&[u8], _, _)| KeyVersion { key: key.to_vec(), version, slot };
        part.versions = entries.into_iter().map(change).collect();
        part
    }
}
