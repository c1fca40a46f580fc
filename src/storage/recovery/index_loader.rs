//! Fills the index with what was read, some segments at once, so that it gets its keys in order.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::Result;
use crate::bugs::{Bug, planted};
use crate::storage::compaction::accounting::Accounting;
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::{KeyVersion, KeyspaceIndexes, LoadedPart};
use crate::storage::range_removals::{RangeRemoval, RangeRemovals};
use crate::storage::recovery::merge::Merge;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::storage::recovery::sorted_run::SortedRun;
use crate::storage::recovery::tasks::Tasks;
use crate::storage::segment::Location;
use crate::sync::Arc;

/// The most bytes that wait in memory after they were read. More of it at once makes fewer passes
/// over the index.
const WAITING_BYTES_MAX: usize = 512 << 20;

/// The indexes while they are filled.
pub(crate) struct IndexLoader<'a> {
    indexes: &'a mut KeyspaceIndexes<Location>,
    waiting: Vec<SortedRun>,
    waiting_bytes: usize,
    /// True while nothing was put into the indexes.
    is_empty: bool,
    /// Those of what waits.
    new_removals: Vec<RangeRemoval>,
    removals: Arc<RangeRemovals>,
    progress: RecoveryProgress,
}

impl<'a> IndexLoader<'a> {
    /// Begins to fill empty indexes.
    pub(crate) fn new(
        indexes: &'a mut KeyspaceIndexes<Location>,
        progress: RecoveryProgress,
    ) -> Self {
        let (waiting, new_removals) = (Vec::new(), Vec::new());
        Self {
            indexes,
            waiting,
            waiting_bytes: 0,
            is_empty: true,
            new_removals,
            removals: Arc::default(),
            progress,
        }
    }

    /// Takes what a segment holds, with the range removals in it.
    pub(crate) fn add(&mut self, run: SortedRun, removals: Vec<RangeRemoval>) {
        self.new_removals.extend(removals);
        self.waiting_bytes += run.memory();
        self.waiting.push(run);
    }

    /// Returns true if so much waits that it should be put into the index now.
    pub(crate) fn is_due(&self) -> bool {
        self.waiting_bytes >= WAITING_BYTES_MAX
    }

    /// Puts what waits into the index.
    pub(crate) fn fill(&mut self, accounting: &mut Accounting, tasks: &impl Tasks) -> Result<()> {
        self.progress.begin_indexing();
        self.remove_ranges(accounting);
        let merge = Merge::new(std::mem::take(&mut self.waiting), Arc::clone(&self.removals));
        self.waiting_bytes = 0;
        if std::mem::replace(&mut self.is_empty, false) {
            self.load(merge, accounting, tasks)?;
        } else {
            self.add_versions(merge, accounting, tasks)?;
        }
        self.progress.finish_indexing();
        Ok(())
    }

    /// Puts everything into empty indexes.
    fn load(
        &mut self,
        merge: Merge,
        accounting: &mut Accounting,
        tasks: &impl Tasks,
    ) -> Result<()> {
        let mut parts: BTreeMap<KeyspaceId, Vec<LoadedPart<Location>>> = BTreeMap::new();
        let progress = &self.progress;
        tasks.run(
            merge.parts(),
            move |number| merge.leaves(number),
            |merged| {
                progress.note_indexed(merged.records);
                count_covered(&merged.covered, accounting);
                for (segment, bytes) in merged.live {
                    accounting.add_live_bytes(segment, bytes);
                }
                for overwritten in merged.overwritten {
                    accounting.add_unindexed_garbage(&overwritten);
                }
                for (keyspace, part) in merged.parts {
                    parts.entry(keyspace).or_default().push(part);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for (keyspace, parts) in parts {
            self.indexes.of(keyspace).load(parts);
        }
        Ok(())
    }

    /// Adds everything to what is in the indexes.
    fn add_versions(
        &mut self,
        merge: Merge,
        accounting: &mut Accounting,
        tasks: &impl Tasks,
    ) -> Result<()> {
        tasks.run(
            merge.parts(),
            move |number| merge.versions(number),
            |merged| {
                self.progress.note_indexed(merged.records);
                count_covered(&merged.covered, accounting);
                for (keyspace, versions) in merged.versions {
                    self.restore(keyspace, versions, accounting);
                }
                Ok(ControlFlow::Continue(()))
            },
        )
    }

    /// Publishes what is in the indexes.
    pub(crate) fn finish(self, newest: Sequence, accounting: &mut Accounting) {
        self.indexes.publish(newest);
        self.indexes.prune(|location, gone| accounting.note_forgotten(&location, gone));
    }

    fn restore(
        &mut self,
        keyspace: KeyspaceId,
        versions: Vec<KeyVersion<Location>>,
        accounting: &mut Accounting,
    ) {
        for version in &versions {
            accounting.add_live(&version.slot);
        }
        let unneeded = |unneeded| accounting.mark_dead(&unneeded);
        self.indexes.of(keyspace).restore(versions, unneeded);
    }

    /// Removes what is in the indexes and what the range removals that wait removed.
    fn remove_ranges(&mut self, accounting: &mut Accounting) {
        if self.new_removals.is_empty() {
            return;
        }
        let new = std::mem::take(&mut self.new_removals);
        for removal in &new {
            let location = Location::tombstone(removal.segment, removal.extent);
            accounting.note_kept_tombstone(&location);
            self.remove_range(removal, accounting);
        }
        let removals = Arc::make_mut(&mut self.removals);
        removals.add(new);
        removals.settle();
    }

    fn remove_range(&mut self, removal: &RangeRemoval, accounting: &mut Accounting) {
        const KEYS_AT_ONCE: usize = 1024;
        let mut range = removal.interval().range();
        while let Some(index) = self.indexes.get(removal.keyspace) {
            // A key that was written by the same batch or later keeps what it has.
            let keys = index.keys_below(&range, removal.sequence, KEYS_AT_ONCE);
            let Some(last) = keys.last() else { return };
            range = range.after(last);
            let (version, slot) = (removal.sequence, Location::covered(removal.segment));
            let removed = keys.into_iter().map(|key| KeyVersion { key, version, slot });
            self.restore(removal.keyspace, removed.collect(), accounting);
        }
    }
}

/// Counts records that a range removal removed as garbage.
fn count_covered(covered: &[Location], accounting: &mut Accounting) {
    if !planted(Bug::ForgetCovered) {
        covered.iter().for_each(|covered| accounting.add_unindexed_garbage(covered));
    }
}

#[cfg(test)]
mod tests;
