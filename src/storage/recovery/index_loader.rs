//! Fills the index with what was read, some segments at once, so that it gets its keys in order.

use std::ops::ControlFlow;

use crate::Result;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::{IndexWriter, KeyVersion};
use crate::storage::key_range::KeyRange;
use crate::storage::recovery::merge::{Clear, Merge};
use crate::storage::recovery::sorted_run::SortedRun;
use crate::storage::recovery::tasks::Tasks;
use crate::storage::segment::Location;

/// How much of what was read waits in memory. More of it at once makes fewer passes over the index.
const WAITING_BYTES_MAX: usize = 256 << 20;

/// An index that is being filled.
pub(crate) struct IndexLoader<'a> {
    index: &'a mut IndexWriter<Location>,
    waiting: Vec<SortedRun>,
    waiting_bytes: usize,
    clears: Vec<(Clear, Extent)>,
    /// The newest record that removed every key.
    cleared: Option<Clear>,
}

impl<'a> IndexLoader<'a> {
    /// Begins to fill an empty index.
    pub(crate) fn new(index: &'a mut IndexWriter<Location>) -> Self {
        Self { index, waiting: Vec::new(), waiting_bytes: 0, clears: Vec::new(), cleared: None }
    }

    /// Takes what a segment holds, with the records in it that removed every key.
    pub(crate) fn add(&mut self, run: SortedRun, clears: &[(u64, Extent)]) {
        let segment = run.segment;
        let clear = |(sequence, extent): &(u64, Extent)| {
            (Clear { sequence: *sequence, segment, offset: extent.offset }, *extent)
        };
        self.clears.extend(clears.iter().map(clear));
        self.waiting_bytes += run.memory();
        self.waiting.push(run);
    }

    /// Whether so much waits that it should be put into the index now.
    pub(crate) fn is_due(&self) -> bool {
        self.waiting_bytes >= WAITING_BYTES_MAX
    }

    /// Puts what waits into the index.
    pub(crate) fn fill(&mut self, accounting: &mut Accounting, tasks: &impl Tasks) -> Result<()> {
        self.clear(accounting);
        let merge = Merge::new(std::mem::take(&mut self.waiting), self.cleared);
        self.waiting_bytes = 0;
        tasks.run(
            merge.parts(),
            move |number| merge.part(number),
            |part| {
                accounting.add_unindexed_garbage(part.garbage_bytes);
                self.restore(part.versions, accounting);
                Ok(ControlFlow::Continue(()))
            },
        )
    }

    /// Publishes what is in the index; the sequence number of the newest record that removed every
    /// key, 0 if there was none.
    pub(crate) fn finish(self, newest: u64, accounting: &mut Accounting) -> u64 {
        self.index.publish(newest);
        self.index.prune(|location, gone| {
            accounting.mark_dead(&location);
            if gone {
                accounting.note_kept_tombstone(&location);
            }
        });
        self.cleared.map_or(0, |clear| clear.sequence)
    }

    fn restore(&mut self, versions: Vec<KeyVersion<Location>>, accounting: &mut Accounting) {
        for version in &versions {
            accounting.add_live(&version.slot);
        }
        self.index.restore(versions, |unneeded| accounting.mark_dead(&unneeded));
    }

    /// Removes what is in the index and older than a waiting record that removed every key.
    fn clear(&mut self, accounting: &mut Accounting) {
        let before = self.cleared;
        self.clears.sort_unstable_by_key(|(clear, _)| *clear);
        for (clear, extent) in std::mem::take(&mut self.clears) {
            if self.cleared.is_none_or(|newest| newest < clear) {
                let record = Record::Remove { key: &[] };
                accounting.note_kept_tombstone(&Location::of(&record, clear.segment, extent));
                self.cleared = Some(clear);
            }
        }
        if let Some(clear) = self.cleared.filter(|_| self.cleared != before) {
            self.remove_all(clear.sequence, clear.segment, accounting);
        }
    }

    fn remove_all(&mut self, sequence: u64, segment: SegmentId, accounting: &mut Accounting) {
        const KEYS_AT_ONCE: usize = 1024;
        let mut range = KeyRange::all();
        loop {
            let keys = self.index.live_keys(&range, KEYS_AT_ONCE);
            let Some(last) = keys.last() else { return };
            range = range.after(last);
            let location = Location::cleared(segment);
            // A key that was written after the clear keeps what it has.
            let removed =
                keys.into_iter().map(|key| KeyVersion { key, version: sequence, slot: location });
            self.restore(removed.collect(), accounting);
        }
    }
}
