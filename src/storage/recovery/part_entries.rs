//! The entries of several runs for some of the keys, in the order of the keys.

use crate::storage::format::keyspace::PlacedKey;
use crate::storage::format::record::RecordKind;
use crate::storage::format::sequence::Sequence;
use crate::storage::range_removals::RangeRemovals;
use crate::storage::recovery::sorted_run::{SortedRun, sort_head};
use crate::storage::segment::Location;

/// An entry of one of the runs.
#[derive(Clone, Copy)]
pub(crate) struct PartEntry<'a> {
    pub(crate) key: PlacedKey<'a>,
    pub(crate) version: Sequence,
    pub(crate) location: Location,
    /// The number of its run.
    pub(crate) run: usize,
}

/// The entries of some of the keys.
pub(crate) struct PartEntries<'a> {
    entries: Vec<PartEntry<'a>>,
    /// In the order of keys, then of age.
    order: Vec<EntryRank>,
    /// The records that a range removal removed.
    pub(crate) covered: Vec<Location>,
}

/// The place of an entry, and enough of its key to sort most of them without a look at it.
struct EntryRank {
    /// Bytes of the key behind what all keys have in common.
    head: u64,
    position: usize,
}

impl<'a> PartEntries<'a> {
    /// Returns the entries whose keys are at or above `from` and below `to`.
    pub(crate) fn new(
        runs: &'a [SortedRun],
        removals: &RangeRemovals,
        from: Option<PlacedKey<'a>>,
        to: Option<PlacedKey<'a>>,
    ) -> Self {
        let (mut entries, mut covered) = (Vec::new(), Vec::new());
        let mut bounds: Option<(PlacedKey<'a>, PlacedKey<'a>)> = None;
        for (number, run) in runs.iter().enumerate() {
            let first = entries.len();
            for entry in run.from(from) {
                let key = entry.placed_key();
                if to.is_some_and(|to| key >= to) {
                    break;
                }
                let location = Location::of(&entry.record, run.segment, entry.extent);
                if matches!(entry.record.kind, RecordKind::RemoveRange { .. }) {
                    continue;
                }
                if removals.covers(key.0, key.1, entry.sequence) {
                    covered.push(location);
                } else {
                    entries.push(PartEntry { key, version: entry.sequence, location, run: number });
                }
            }
            if let [lowest, ..] = &entries[first..]
                && let Some(highest) = entries.last()
            {
                let (low, high) = bounds.unwrap_or((lowest.key, highest.key));
                bounds = Some((low.min(lowest.key), high.max(highest.key)));
            }
        }
        let order = bounds.map_or_else(Vec::new, |bounds| order(&entries, bounds));
        Self { entries, order, covered }
    }

    /// Returns the number of the entries, those included that a range removal removed.
    pub(crate) fn records(&self) -> u64 {
        (self.entries.len() + self.covered.len()) as u64
    }

    /// Returns the entries by key, then by age.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &PartEntry<'a>> {
        self.order.iter().map(|place| &self.entries[place.position])
    }

    /// Returns the entries of each key, oldest first.
    pub(crate) fn by_key(
        &self,
    ) -> impl Iterator<Item = impl DoubleEndedIterator<Item = &PartEntry<'a>>> {
        let entry = |place: &EntryRank| &self.entries[place.position];
        let same =
            self.order.chunk_by(move |a, b| a.head == b.head && entry(a).key == entry(b).key);
        same.map(move |same| same.iter().map(entry))
    }
}

/// Returns the order of entries whose keys are within these bounds. The records of one key in one
/// batch come from one run and stay in order.
fn order(entries: &[PartEntry<'_>], (low, high): (PlacedKey<'_>, PlacedKey<'_>)) -> Vec<EntryRank> {
    let is_mixed = low.0 != high.0;
    let shared = low.1.iter().zip(high.1).take_while(|(a, b)| a == b).count();
    let shared = if is_mixed { 0 } else { shared };
    let place = |(position, entry): (usize, &PartEntry<'_>)| EntryRank {
        head: sort_head(entry.key, shared, is_mixed),
        position,
    };
    let mut order: Vec<_> = entries.iter().enumerate().map(place).collect();
    // It is stable, and merges stretches that are in order already, such as those of the runs.
    order.sort_by(|a, b| {
        let whole = |place: &EntryRank| {
            let PartEntry { key, version, .. } = &entries[place.position];
            (*key, *version)
        };
        a.head.cmp(&b.head).then_with(|| whole(a).cmp(&whole(b)))
    });
    order
}
