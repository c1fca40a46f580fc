//! The retention rule of a compaction: which records of the inputs the output keeps.
//!
//! A value is kept while the index points to it, for readers or for a snapshot. A tombstone is kept
//! as well while an older segment outside may hold a value of its key, or while the output holds
//! one that a snapshot sees: else the key would come back. A record that removed every key is kept
//! while anything older is left.

use std::collections::HashSet;

use crate::bugs::{Bug, if_planted, planted};
use crate::storage::compaction::plan::CompactionPlan;
use crate::storage::format::record::Record;
use crate::storage::index::Horizon;
use crate::storage::segment::Location;

/// The retention rule, and the facts of the output that it depends on.
#[derive(Default)]
pub(super) struct Retention {
    /// The keys of which the output holds a version that only snapshots saw. Should the last of
    /// these go before the tombstone is met, the index knows of neither any more.
    superseded: HashSet<Vec<u8>>,
    /// The newest record that removed every key is in an input.
    has_clear: bool,
    /// The output holds a version that this record removed.
    holds_cleared: bool,
}

impl Retention {
    /// Returns true if the output keeps a record. A record that removed every key is only noted:
    /// see [`keeps_clear`](Self::keeps_clear).
    pub(super) fn keeps(
        &mut self,
        plan: &CompactionPlan,
        horizon: &Horizon,
        record: &Record<'_>,
        sequence: u64,
        from: Location,
    ) -> bool {
        let key = record.key();
        let versions = match record {
            Record::Clear => {
                self.has_clear |= plan.cleared == sequence;
                return false;
            }
            Record::Put { .. } | Record::Remove { .. } => plan.index.versions(key, horizon),
        };
        let is_indexed =
            versions.iter().any(|(version, slot)| *version == sequence && *slot == from);
        let is_removal = matches!(record, Record::Remove { .. });
        let is_kept = is_indexed || is_removal && self.masks_older(plan, key, sequence);
        let is_superseded = versions.first().is_some_and(|(newest, _)| *newest > sequence);
        if is_kept && !is_removal && is_superseded {
            self.superseded.insert(key.to_vec());
            self.holds_cleared |= sequence < plan.cleared;
        }
        is_kept
    }

    /// Returns true if a value that a tombstone removed may be left, in the output or in an older
    /// segment outside.
    fn masks_older(&self, plan: &CompactionPlan, key: &[u8], sequence: u64) -> bool {
        let is_outside = || {
            let mut older = plan.outside.iter().filter(|outside| outside.oldest < sequence);
            older.any(|outside| outside.keys.may_contain(key))
        };
        if_planted!(DropTombstones => return false);
        self.superseded.contains(key) || plan.cleared < sequence && is_outside()
    }

    /// Returns true if the record that removed every key is kept, once everything else was copied.
    pub(super) fn keeps_clear(&self, plan: &CompactionPlan) -> bool {
        let is_older_outside = plan.outside.iter().any(|outside| outside.oldest < plan.cleared);
        self.has_clear && !planted(Bug::DropClear) && (self.holds_cleared || is_older_outside)
    }
}
