//! The choice of the segments to compact.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::storage::compaction::accounting::Accounting;
use crate::storage::compaction::segment_usage::SegmentUsage;
use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;

/// The bytes of an output beside the records that it keeps: its header, its seal, and a list of the
/// inputs, which takes up to so many bytes for each.
const OUTPUT_BYTES: u64 = (SEGMENT_HEADER_BYTES + 2 * FRAME_HEADER_BYTES + 1) as u64;
const OUTPUT_BYTES_PER_INPUT: u64 = 10;
const OUTPUT_BYTES_OF_ONE: u64 = OUTPUT_BYTES + OUTPUT_BYTES_PER_INPUT;

impl Accounting {
    /// Returns true if enough garbage was made since the last choice to look again.
    pub(crate) fn is_worth_a_look(&self, garbage_bytes_min: u64) -> bool {
        self.unchecked_bytes >= (garbage_bytes_min / 4).max(self.look_after_bytes).max(1)
    }

    /// Returns true if the segment should be sealed before it is full, so that it can be compacted.
    pub(crate) fn is_mostly_garbage(&self, id: SegmentId, garbage_bytes_min: u64) -> bool {
        self.segments.get(&id).is_some_and(|usage| {
            let garbage = usage.garbage_bytes();
            garbage >= garbage_bytes_min.max(1) && garbage * 2 >= usage.bytes
        })
    }

    /// Returns true if the log holds as much garbage as it holds live records, and at least
    /// `garbage_bytes_min` of it. [`is_worth_a_look`](Self::is_worth_a_look) counts anew from here.
    ///
    /// The later a segment is compacted, the less of it is live and has to be copied.
    pub(crate) fn look(&mut self, garbage_bytes_min: u64) -> bool {
        let live_bytes = self.live_bytes();
        let garbage_bytes = self.bytes().saturating_sub(live_bytes);
        let wanted_bytes = live_bytes.max(garbage_bytes_min).max(1);
        self.unchecked_bytes = 0;
        // A key that is removed is garbage, and is no longer live.
        self.look_after_bytes = wanted_bytes.saturating_sub(garbage_bytes) / 2;
        garbage_bytes >= wanted_bytes
    }

    /// Chooses the sealed segments of which at least half is garbage, if together they hold at
    /// least `garbage_bytes_min` of it. Where the bytes to be kept of them do not fit
    /// `output_bytes_max`, those with the largest shares of garbage are chosen, and at least one.
    ///
    /// A tombstone that a compaction kept counts as garbage only where nothing outside is older
    /// than the newest record of its segment. Else an older segment may hold its key, so that it
    /// would be kept again, and compacting would gain nothing.
    pub(crate) fn choose(&self, garbage_bytes_min: u64, output_bytes_max: u64) -> Vec<SegmentId> {
        let mut chosen: Vec<_> = self.all().filter(|(_, usage)| usage.sealed).collect();
        chosen.sort_by_key(|(_, usage)| (Reverse(usage.garbage_share()), usage.oldest));
        loop {
            let inside: BTreeSet<_> = chosen.iter().map(|(id, _)| *id).collect();
            let outside = self.all().filter(|(id, _)| !inside.contains(id));
            let oldest_outside =
                outside.map(|(_, usage)| usage.oldest).min().unwrap_or(Sequence::MAX);
            let (mut garbage_bytes, mut output_bytes) = (0, 0);
            let count = chosen.len();
            chosen.retain(|(_, usage)| {
                let kept_tombstones =
                    if oldest_outside < usage.newest { usage.tombstone_bytes } else { 0 };
                let kept = usage.live_bytes + kept_tombstones;
                let garbage = usage.bytes.saturating_sub(kept);
                let fits = output_bytes == 0 || output_bytes + kept <= output_bytes_max;
                let is_worth_it = fits && garbage * 2 >= usage.bytes;
                if is_worth_it {
                    garbage_bytes += garbage;
                    output_bytes += kept;
                }
                is_worth_it
            });
            // One segment less may be one more that tombstones have to be kept for.
            if chosen.len() == count {
                let is_enough = garbage_bytes >= garbage_bytes_min.max(1);
                return chosen.into_iter().filter(|_| is_enough).map(|(id, _)| id).collect();
            }
        }
    }

    /// Chooses the sealed segments with the least to keep, as many as fit an output of
    /// `output_bytes_max`. Compacting any of them alone would free at least `garbage_bytes_min`.
    ///
    /// Every tombstone counts as kept where anything older is left, so the output is no longer than
    /// expected.
    pub(crate) fn choose_emptiest(
        &mut self,
        garbage_bytes_min: u64,
        output_bytes_max: u64,
    ) -> Vec<SegmentId> {
        self.unchecked_bytes = 0;
        self.look_after_bytes = 0;
        let mut chosen: Vec<_> = self.all().filter(|(_, usage)| usage.sealed).collect();
        chosen.retain(|(_, usage)| self.is_reducible(usage, garbage_bytes_min));
        chosen.sort_by_key(|(_, usage)| (self.kept_bytes(usage), usage.oldest));
        let mut output_bytes = OUTPUT_BYTES;
        chosen.retain(|(_, usage)| {
            let longer = output_bytes + self.kept_bytes(usage) + OUTPUT_BYTES_PER_INPUT;
            let fits = longer <= output_bytes_max;
            if fits {
                output_bytes = longer;
            }
            fits
        });
        chosen.into_iter().map(|(id, _)| id).collect()
    }

    /// Returns true if a compaction of the segment alone would free that much, and its output be no
    /// longer than `output_bytes_max`.
    pub(crate) fn is_worth_sealing(
        &self,
        id: SegmentId,
        garbage_bytes_min: u64,
        output_bytes_max: u64,
    ) -> bool {
        self.get(id).is_some_and(|usage| {
            let output_bytes = OUTPUT_BYTES_OF_ONE + self.kept_bytes(usage);
            self.is_reducible(usage, garbage_bytes_min) && output_bytes <= output_bytes_max
        })
    }

    /// Returns true if a compaction of the segment would drop dead records and make it shorter.
    ///
    /// Of versions that only snapshots saw it is not known when they die, so that a segment with
    /// such is taken for one once there are no old snapshots.
    pub(crate) fn holds_droppable(&self, id: SegmentId, has_old_snapshots: bool) -> bool {
        self.get(id).is_some_and(|usage| {
            let is_shorter = usage.bytes > usage.kept_bytes_min() + OUTPUT_BYTES_OF_ONE;
            is_shorter && usage.droppable_bytes() > 0
                || usage.may_hold_unmarked && !has_old_snapshots
        })
    }

    /// Returns true if tombstones which a compaction kept in the segment may be able to go.
    pub(crate) fn holds_untested_tombstones(&self, id: SegmentId) -> bool {
        self.get(id).is_some_and(|usage| {
            let is_shorter = usage.bytes > usage.kept_bytes_min() + OUTPUT_BYTES_OF_ONE;
            is_shorter && usage.tombstone_bytes > 0 && !usage.tombstones_are_tested
        })
    }

    fn is_reducible(&self, usage: &SegmentUsage, garbage_bytes_min: u64) -> bool {
        let output_bytes = OUTPUT_BYTES_OF_ONE + self.kept_bytes(usage);
        usage.bytes >= output_bytes + garbage_bytes_min.max(1)
    }

    /// Returns the bytes that a compaction of the segment alone may have to keep.
    fn kept_bytes(&self, usage: &SegmentUsage) -> u64 {
        let is_oldest = self.segments.values().all(|other| other.oldest >= usage.oldest);
        let tombstones = usage.tombstone_bytes + usage.untested_tombstone_bytes;
        usage.live_bytes + if is_oldest { 0 } else { tombstones }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::compaction::accounting::tests::{add, place};
    use crate::storage::format::segment_header::Origin;

    fn choose(accounting: &Accounting, garbage: u64, output: u64) -> Vec<u64> {
        accounting.choose(garbage, output).into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn a_quarter_of_the_least_garbage_is_worth_a_look() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        accounting.add_live(&place(1, 100));
        assert!(!accounting.is_worth_a_look(0));
        accounting.mark_dead(&place(1, 100));
        assert!(accounting.is_worth_a_look(0));
        assert!(accounting.is_worth_a_look(400));
        assert!(!accounting.is_worth_a_look(404));
        assert!(!accounting.look(10_000));
        assert!(!accounting.is_worth_a_look(0));
    }

    #[test]
    fn a_log_is_compacted_once_it_holds_as_much_garbage_as_live_records() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        (0..10).for_each(|_| accounting.add_live(&place(1, 100)));
        assert!(!accounting.look(100));
        // Removals alone make it half garbage with 500 bytes.
        for removed in 1..=5 {
            assert!(!accounting.is_worth_a_look(100), "{removed} removed");
            accounting.mark_dead(&place(1, 100));
        }
        assert!(accounting.is_worth_a_look(100));
        assert!(!accounting.look(501), "less than the least");
        assert!(accounting.look(500));
        // On a full disk everything that may free something is worth it.
        (0..5).for_each(|_| accounting.add_live(&place(1, 100)));
        assert!(!accounting.look(100));
        accounting.choose_emptiest(1, 1000);
        accounting.mark_dead(&place(1, 100));
        assert!(accounting.is_worth_a_look(100));
    }

    #[test]
    fn a_segment_is_mostly_garbage_from_a_half_and_the_least_on() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        let segment = SegmentId(1);
        accounting.add_live(&place(1, 501));
        assert!(!accounting.is_mostly_garbage(segment, 100), "less than a half");
        accounting.mark_dead(&place(1, 501));
        accounting.add_live(&place(1, 500));
        assert!(accounting.is_mostly_garbage(segment, 500));
        assert!(!accounting.is_mostly_garbage(segment, 501), "less than the least");
        assert!(!accounting.is_mostly_garbage(SegmentId(2), 0), "unknown");
        add(&mut accounting, 3, 0, [1, 2]);
        assert!(!accounting.is_mostly_garbage(SegmentId(3), 0), "empty");
    }

    #[test]
    fn segments_of_half_garbage_are_chosen_if_they_are_enough_together() {
        let mut accounting = Accounting::default();
        for (id, live) in [(1, 501), (2, 500), (3, 100)] {
            add(&mut accounting, id, 1000, [id, id]);
            accounting.add_live(&place(id, live));
        }
        accounting.add(SegmentId(4), Origin::Written, 1000, false);
        assert_eq!(choose(&accounting, 1400, 10_000), [3, 2]);
        assert!(choose(&accounting, 1401, 10_000).is_empty(), "too little garbage");
        accounting.seal(SegmentId(4));
        assert_eq!(choose(&accounting, 2400, 10_000), [4, 3, 2]);
        accounting.unseal(SegmentId(4));
        accounting.remove(SegmentId(3));
        assert_eq!(choose(&accounting, 0, 10_000), [2]);
    }

    #[test]
    fn the_emptiest_are_chosen_as_far_as_what_is_kept_of_them_fits() {
        let mut accounting = Accounting::default();
        for (id, bytes, live) in [(1, 1000, 300), (2, 1000, 200), (3, 1000, 100), (4, 5000, 1200)] {
            add(&mut accounting, id, bytes, [10 - id, 10 - id]);
            accounting.add_live(&place(id, live));
        }
        assert_eq!(choose(&accounting, 0, 1800), [3, 2, 4, 1]);
        assert_eq!(choose(&accounting, 0, 1799), [3, 2, 4]);
        assert_eq!(choose(&accounting, 0, 600), [3, 2, 1], "the fourth does not fit");
        assert_eq!(choose(&accounting, 0, 99), [3], "one goes even if it is too large");
        assert!(choose(&accounting, 1701, 300).is_empty(), "too little garbage");
    }

    #[test]
    fn tombstones_are_garbage_only_where_nothing_outside_is_older() {
        for (oldest_outside, chosen) in [(4, false), (5, true), (6, true)] {
            let mut accounting = Accounting::default();
            add(&mut accounting, 1, 1000, [oldest_outside, 9]);
            accounting.add_live(&place(1, 900));
            add(&mut accounting, 2, 1000, [3, 5]);
            accounting.note_kept_tombstone(&place(2, 600));
            let expected: &[u64] = if chosen { &[2] } else { &[] };
            assert_eq!(choose(&accounting, 0, 10_000), expected, "{oldest_outside}");
        }
    }

    #[test]
    fn leaving_a_segment_out_keeps_more_tombstones() {
        let mut accounting = Accounting::default();
        // The first is garbage only while the second goes with it, which does not fit.
        add(&mut accounting, 1, 1000, [5, 6]);
        accounting.note_kept_tombstone(&place(1, 600));
        accounting.add_live(&place(1, 100));
        add(&mut accounting, 2, 1000, [1, 2]);
        accounting.add_live(&place(2, 501));
        assert!(choose(&accounting, 0, 10_000).is_empty());
        accounting.mark_dead(&place(2, 501));
        assert_eq!(choose(&accounting, 0, 10_000), [2, 1]);
    }

    #[test]
    fn on_a_full_disk_the_emptiest_are_chosen_as_far_as_their_output_fits() {
        let mut accounting = Accounting::default();
        for (id, live) in [(1, 700), (2, 300), (3, 0), (4, 840)] {
            add(&mut accounting, id, 1000, [id, id]);
            if live > 0 {
                accounting.add_live(&place(id, live));
            }
        }
        let choose = |accounting: &mut Accounting, garbage, output| {
            let chosen = accounting.choose_emptiest(garbage, output).into_iter();
            chosen.map(|id| id.0).collect::<Vec<_>>()
        };
        assert_eq!(choose(&mut accounting, 1, u64::MAX), [3, 2, 1, 4]);
        assert_eq!(choose(&mut accounting, 100, u64::MAX), [3, 2, 1], "the fourth has too little");
        let empty_output = OUTPUT_BYTES_OF_ONE;
        assert_eq!(choose(&mut accounting, 1, empty_output), [3]);
        assert!(choose(&mut accounting, 1, empty_output - 1).is_empty());
        assert_eq!(choose(&mut accounting, 1, empty_output + 310), [3, 2]);
        // Tombstones are kept while anything is older.
        accounting.add(SegmentId(5), Origin::Written, 1000, true);
        accounting.note_sequence(SegmentId(5), Sequence(9));
        accounting.note_kept_tombstone(&place(5, 900));
        assert!(!choose(&mut accounting, 1, u64::MAX).contains(&5));
        assert!(!accounting.is_worth_sealing(SegmentId(5), 1, u64::MAX));
        (1..5).for_each(|id| accounting.remove(SegmentId(id)));
        assert_eq!(choose(&mut accounting, 1, u64::MAX), [5]);
        assert!(accounting.is_worth_sealing(SegmentId(5), 1, u64::MAX));
    }
}
