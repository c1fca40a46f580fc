//! The retention rule of a compaction: which records of the inputs the output keeps.
//!
//! A value is kept while the index points to it, for readers or for a snapshot. A tombstone is kept
//! as well while an older segment outside may hold a value of its key, or while the output holds
//! one that a snapshot sees: else the key would come back. A range removal is kept likewise, on
//! account of any key in its range.

use std::collections::BTreeSet;

use crate::bugs::if_planted;
use crate::storage::compaction::plan::CompactionPlan;
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::record::{Record, RecordKind};
use crate::storage::format::sequence::Sequence;
use crate::storage::index::{Horizon, Slot};
use crate::storage::key_range::KeyInterval;
use crate::storage::range_removals::{RangeRemoval, RangeRemovals};
use crate::storage::segment::Location;

/// The retention rule, and the facts of the output that it depends on.
#[derive(Default)]
pub(super) struct Retention {
    /// The keys of which the output holds a version that only snapshots saw. Should the last of
    /// these go before the tombstone is met, the index knows of neither any more.
    superseded: BTreeSet<(KeyspaceId, Vec<u8>)>,
    /// The range removals of the inputs.
    removals: RangeRemovals,
}

impl Retention {
    /// Returns true if the output keeps a record. A range removal is only noted: see
    /// [`kept_removals`](Self::kept_removals).
    pub(super) fn keeps(
        &mut self,
        plan: &CompactionPlan,
        horizon: &Horizon,
        record: &Record<'_>,
        sequence: Sequence,
        from: Location,
    ) -> bool {
        let keyspace = record.keyspace;
        if let RecordKind::RemoveRange(KeyInterval { start, end }) = record.kind {
            let (start, end) = (start.to_vec(), end.to_vec());
            let Location { segment, extent, .. } = from;
            self.removals.add([RangeRemoval { keyspace, start, end, sequence, segment, extent }]);
            return false;
        }
        let key = (keyspace, record.key());
        let index = plan.indexes.find(keyspace);
        let versions = index.as_ref().map_or_else(Vec::new, |index| index.versions(key.1, horizon));
        let is_indexed =
            versions.iter().any(|(version, slot)| *version == sequence && *slot == from);
        let is_removal = from.is_tombstone();
        let is_kept = is_indexed || is_removal && self.masks_older(plan, key, sequence);
        let cleared = index.map_or(Sequence::ZERO, |index| index.cleared());
        let is_superseded =
            cleared > sequence || versions.first().is_some_and(|(newest, _)| *newest > sequence);
        if is_kept && !is_removal && is_superseded {
            self.superseded.insert((key.0, key.1.to_vec()));
        }
        is_kept
    }

    /// Returns true if the output or an older segment outside may hold a value that a tombstone
    /// removed.
    fn masks_older(&self, plan: &CompactionPlan, key: PlacedKey<'_>, sequence: Sequence) -> bool {
        if_planted!(DropTombstones => return false);
        let mut older = plan.outside.iter().filter(|outside| outside.oldest < sequence);
        self.superseded.contains(&(key.0, key.1.to_vec()))
            || older.any(|outside| outside.keys.may_contain(key))
    }

    /// Returns the range removals that the output keeps, once everything else was copied.
    pub(super) fn kept_removals(&mut self, plan: &CompactionPlan) -> Vec<RangeRemoval> {
        self.removals.settle();
        let kept = self.removals.newest().filter(|removal| self.covers_older(plan, removal));
        kept.cloned().collect()
    }

    /// Returns true if the output or an older segment outside may hold a value that a range removal
    /// removed.
    fn covers_older(&self, plan: &CompactionPlan, removal: &RangeRemoval) -> bool {
        if_planted!(DropRangeRemovals => return false);
        let RangeRemoval { keyspace, start, sequence, .. } = removal;
        let mut older = plan.outside.iter().filter(|outside| outside.oldest < *sequence);
        let mut superseded = self.superseded.range((*keyspace, start.clone())..);
        let is_inside = |(other, key): &(KeyspaceId, Vec<u8>)| {
            other == keyspace && removal.interval().is_below_end(key)
        };
        superseded.next().is_some_and(is_inside)
            || older.any(|outside| outside.keys.may_contain_any(*keyspace))
    }
}
