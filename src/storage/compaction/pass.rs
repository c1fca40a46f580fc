//! A compaction pass: compactions, one after the other, of every segment that held dead records
//! when it began, however few.
//!
//! The oldest segments go first, so that the values which a tombstone masks are dropped before the
//! tombstone is met, and it can be dropped as well. Where compacted segments overlap in age that is
//! not always so: so at the end the segments are compacted in which tombstones are left that were
//! kept on account of values which the pass has dropped.

use std::collections::BTreeMap;

use crate::storage::compaction::accounting::Accounting;
use crate::storage::format::segment_id::SegmentId;

/// The segments of a pass, and what was done so far.
pub(crate) struct CompactionPass {
    /// The segments that are to be compacted, with their bytes.
    left: BTreeMap<SegmentId, u64>,
    /// Segments with tombstones are being compacted, and the outputs of that are not once more.
    is_last_round: bool,
    figures: PassFigures,
}

/// The figures of a pass.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PassFigures {
    /// The compactions that were finished.
    pub(crate) compactions: u64,
    /// The bytes of the segments that these replaced, and of those that they wrote.
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    /// The bytes of all segments that were ever to be compacted.
    pub(crate) bytes_total: u64,
}

impl CompactionPass {
    /// Returns the pass over every sealed segment that [holds](Accounting::holds_droppable) dead
    /// records.
    pub(crate) fn begin(accounting: &Accounting, has_old_snapshots: bool) -> Self {
        let sealed = accounting.all().filter(|(_, usage)| usage.sealed);
        let dead = sealed.filter(|(id, _)| accounting.holds_droppable(*id, has_old_snapshots));
        let left = dead.map(|(id, usage)| (id, usage.bytes)).collect();
        let mut pass = Self { left, is_last_round: false, figures: PassFigures::default() };
        pass.figures.bytes_total = pass.bytes_left();
        pass
    }

    /// Returns the segments to compact next, as many as fit an output of `output_bytes_max`, at
    /// least one; none if the pass is done.
    pub(crate) fn choose(
        &mut self,
        accounting: &Accounting,
        output_bytes_max: u64,
    ) -> Vec<SegmentId> {
        self.left.retain(|id, _| accounting.get(*id).is_some());
        if self.left.is_empty() && !self.is_last_round {
            self.begin_last_round(accounting);
        }
        let known = self.left.keys().filter_map(|id| Some((*id, accounting.get(*id)?)));
        let mut oldest_first: Vec<_> = known.collect();
        oldest_first.sort_by_key(|(_, usage)| usage.oldest);
        let mut output_bytes = 0;
        let fitting = oldest_first.into_iter().take_while(|(_, usage)| {
            let kept = usage.kept_bytes_max();
            let fits = output_bytes == 0 || output_bytes + kept <= output_bytes_max;
            output_bytes += kept;
            fits
        });
        fitting.map(|(id, _)| id).collect()
    }

    fn begin_last_round(&mut self, accounting: &Accounting) {
        self.is_last_round = true;
        let untested = accounting.all().filter(|(id, _)| accounting.holds_untested_tombstones(*id));
        self.left = untested.map(|(id, usage)| (id, usage.bytes)).collect();
        self.figures.bytes_total += self.bytes_left();
    }

    /// Notes that a compaction has replaced these segments.
    pub(crate) fn note_replaced(&mut self, inputs: &[SegmentId]) {
        self.left.retain(|id, _| !inputs.contains(id));
    }

    /// Notes that a compaction has freed what it replaced.
    pub(crate) fn note_finished(&mut self, bytes_read: u64, bytes_written: u64) {
        self.figures.compactions += 1;
        self.figures.bytes_read += bytes_read;
        self.figures.bytes_written += bytes_written;
    }

    /// Returns the bytes of the segments that are still to be compacted.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.left.values().sum()
    }

    /// Returns the figures of what was done so far.
    pub(crate) fn figures(&self) -> PassFigures {
        self.figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::compaction::accounting::tests::{add, place};
    use crate::storage::format::keyspace::KeyspaceId;
    use crate::storage::format::segment_header::Origin;
    use crate::storage::format::sequence::Sequence;

    /// Adds records of so many live and dead bytes to a segment.
    fn fill(accounting: &mut Accounting, id: u64, live: u64, dead: u64) {
        for bytes in [live, dead] {
            accounting.add_written(KeyspaceId::DEFAULT, &place(id, bytes));
        }
        accounting.mark_dead(&place(id, dead));
    }

    fn choose(pass: &mut CompactionPass, accounting: &Accounting, output: u64) -> Vec<u64> {
        pass.choose(accounting, output).into_iter().map(|id| id.0).collect()
    }

    /// Does as if a compaction had replaced these segments with a full one.
    fn replace(
        pass: &mut CompactionPass,
        accounting: &mut Accounting,
        inputs: &[u64],
        output: u64,
    ) {
        accounting.add(SegmentId(output), Origin::Compacted, 1000, true);
        accounting.note_sequence(SegmentId(output), Sequence(output));
        let inputs: Vec<_> = inputs.iter().map(|id| SegmentId(*id)).collect();
        inputs.iter().for_each(|input| accounting.remove(*input));
        accounting.note_values_dropped();
        accounting.note_tested(SegmentId(output));
        pass.note_replaced(&inputs);
        pass.note_finished(1000 * inputs.len() as u64, 1000);
    }

    #[test]
    fn every_segment_with_dead_records_is_compacted_once_the_oldest_first() {
        let mut accounting = Accounting::default();
        for (id, oldest, dead) in [(1, 30, 100), (2, 10, 40), (3, 20, 40), (4, 40, 0)] {
            add(&mut accounting, id, 1000, [oldest, oldest]);
            if dead > 0 {
                fill(&mut accounting, id, 800 - dead, dead);
            } else {
                accounting.add_written(KeyspaceId::DEFAULT, &place(id, 800));
            }
        }
        let mut pass = CompactionPass::begin(&accounting, false);
        assert_eq!(pass.bytes_left(), 3000);
        assert_eq!(choose(&mut pass, &accounting, 1520), [2, 3]);
        assert_eq!(choose(&mut pass, &accounting, 1519), [2]);
        assert_eq!(choose(&mut pass, &accounting, 1), [2], "at least one");
        replace(&mut pass, &mut accounting, &[2, 3], 5);
        assert_eq!(choose(&mut pass, &accounting, 1520), [1]);
        replace(&mut pass, &mut accounting, &[1], 6);
        assert!(choose(&mut pass, &accounting, 1520).is_empty());
        let PassFigures { compactions, bytes_read, bytes_written, bytes_total } = pass.figures();
        assert_eq!((compactions, bytes_read, bytes_written, bytes_total), (2, 3000, 2000, 3000));
    }

    #[test]
    fn tombstones_that_were_kept_for_values_which_went_later_are_tried_once_more() {
        let mut accounting = Accounting::default();
        for id in [1, 2] {
            add(&mut accounting, id, 1000, [id, id]);
            fill(&mut accounting, id, 100, 200);
        }
        let mut pass = CompactionPass::begin(&accounting, false);
        assert_eq!(choose(&mut pass, &accounting, 1), [1]);
        replace(&mut pass, &mut accounting, &[1], 3);
        accounting.note_record(KeyspaceId::DEFAULT, &place(3, 80));
        accounting.note_kept_tombstone(&place(3, 80));
        assert!(!accounting.holds_droppable(SegmentId(3), false), "it was just tried");
        assert_eq!(choose(&mut pass, &accounting, 1), [2]);
        replace(&mut pass, &mut accounting, &[2], 4);
        assert_eq!(choose(&mut pass, &accounting, 1), [3], "values that it masked may be gone");
        replace(&mut pass, &mut accounting, &[3], 5);
        accounting.note_record(KeyspaceId::DEFAULT, &place(5, 80));
        accounting.note_kept_tombstone(&place(5, 80));
        assert!(choose(&mut pass, &accounting, 1).is_empty(), "and not a third time");
    }

    #[test]
    fn what_a_compaction_would_make_longer_stays() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 1]);
        // A batch: its records take more when each has a frame of its own.
        fill(&mut accounting, 1, 990, 50);
        assert!(!accounting.holds_droppable(SegmentId(1), false));
        add(&mut accounting, 2, 1000, [2, 2]);
        fill(&mut accounting, 2, 800, 50);
        assert!(accounting.holds_droppable(SegmentId(2), false));
        // Of versions that snapshots saw it is not known.
        accounting.note_unmarked(SegmentId(1));
        assert!(accounting.holds_droppable(SegmentId(1), false));
        assert!(!accounting.holds_droppable(SegmentId(1), true));
    }
}
