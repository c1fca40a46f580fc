//! How many bytes of each segment are still needed, and which segments are worth compacting.

use std::collections::{BTreeMap, BTreeSet};

use crate::bugs::unless_planted;
use crate::storage::compaction::dead_bitmap::{DeadBitmap, SharedDeadBitmap};
use crate::storage::compaction::key_set::{FrozenKeySet, KeySet};
use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::Slot;
use crate::storage::segment::Location;

/// What is known of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentUsage {
    /// How it came to be.
    pub(crate) origin: Origin,
    /// Its length.
    pub(crate) bytes: u64,
    /// What a compaction would have to keep of it, tombstones that readers no longer need left out.
    pub(crate) live_bytes: u64,
    /// Tombstones that a compaction kept, because an older segment may hold their keys.
    pub(crate) tombstone_bytes: u64,
    /// Tombstones that readers no longer need, and of which no compaction has found out if an older
    /// segment holds their keys.
    pub(crate) untested_tombstone_bytes: u64,
    /// The lowest sequence number in it; the highest possible where it holds none.
    pub(crate) oldest: u64,
    /// The highest sequence number in it; zero where it holds none.
    pub(crate) newest: u64,
    /// Nothing is appended to it any more.
    pub(crate) sealed: bool,
    /// It may hold values that nobody needs and that are not marked.
    pub(crate) may_hold_unmarked: bool,
}

/// The bytes of a compaction's output beside what it keeps: a header, a seal, and a list of the
/// inputs with up to so many bytes for each.
const OUTPUT_BYTES: u64 = (SEGMENT_HEADER_BYTES + 2 * FRAME_HEADER_BYTES + 1) as u64;
const OUTPUT_BYTES_PER_INPUT: u64 = 10;

/// The usage of every segment.
#[derive(Default)]
pub(crate) struct Accounting {
    segments: BTreeMap<SegmentId, SegmentUsage>,
    /// The keys that each segment holds values of.
    keys: BTreeMap<SegmentId, KeySet>,
    /// Which values of each segment nobody needs any more.
    dead_bitmaps: BTreeMap<SegmentId, DeadBitmap>,
    /// Garbage that was made since the last choice.
    unchecked_bytes: u64,
}

impl Accounting {
    /// Begins to count a segment.
    pub(crate) fn add(&mut self, id: SegmentId, origin: Origin, bytes: u64, sealed: bool) {
        let usage = SegmentUsage {
            origin,
            bytes,
            live_bytes: 0,
            tombstone_bytes: 0,
            untested_tombstone_bytes: 0,
            oldest: u64::MAX,
            newest: 0,
            sealed,
            may_hold_unmarked: false,
        };
        self.segments.insert(id, usage);
    }

    /// Forgets a segment.
    pub(crate) fn remove(&mut self, id: SegmentId) {
        self.segments.remove(&id);
        self.keys.remove(&id);
        self.dead_bitmaps.remove(&id);
    }

    /// The segment's usage.
    pub(crate) fn get(&self, id: SegmentId) -> Option<&SegmentUsage> {
        self.segments.get(&id)
    }

    /// Every segment, lowest id first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (SegmentId, &SegmentUsage)> {
        self.segments.iter().map(|(id, usage)| (*id, usage))
    }

    /// Nothing is appended to the segment from now on.
    pub(crate) fn seal(&mut self, id: SegmentId) {
        self.with(id, |usage| usage.sealed = true);
    }

    /// Something may still be appended to the segment.
    pub(crate) fn unseal(&mut self, id: SegmentId) {
        self.with(id, |usage| usage.sealed = false);
    }

    /// The segment has grown to this length.
    pub(crate) fn set_length(&mut self, id: SegmentId, bytes: u64) {
        self.with(id, |usage| usage.bytes = bytes);
    }

    /// The segment holds something of this commit.
    pub(crate) fn note_sequence(&mut self, id: SegmentId, sequence: u64) {
        self.with(id, |usage| {
            usage.oldest = usage.oldest.min(sequence);
            usage.newest = usage.newest.max(sequence);
        });
    }

    /// The segment holds a value of this key, needed or not.
    pub(crate) fn note_key(&mut self, id: SegmentId, key: &[u8]) {
        self.keys.entry(id).or_default().add(key);
    }

    /// The segment holds values of keys with these hashes, needed or not.
    pub(crate) fn note_key_hashes(&mut self, id: SegmentId, hashes: Vec<u32>) {
        self.keys.entry(id).or_default().add_hashes(hashes);
    }

    /// Some of what a segment holds is found to be garbage, and the index never pointed to it.
    pub(crate) fn add_unindexed_garbage(&mut self, bytes: u64) {
        self.unchecked_bytes += bytes;
    }

    /// For every sealed segment but these: the oldest sequence number in it, and its keys. What is not
    /// sealed is newer than everything that is.
    pub(crate) fn outside(&mut self, inside: &[SegmentId]) -> Vec<(u64, FrozenKeySet)> {
        let sealed = self.segments.iter().filter(|(_, usage)| usage.sealed);
        let keys = &mut self.keys;
        sealed
            .filter(|(id, _)| !inside.contains(id))
            .map(|(id, usage)| (usage.oldest, keys.entry(*id).or_default().freeze()))
            .collect()
    }

    /// The index points to this place from now on.
    pub(crate) fn add_live(&mut self, location: &Location) {
        self.with(location.segment, |usage| usage.live_bytes += location.cost());
    }

    /// The index does not point to this place any more, and nobody needs what is there.
    pub(crate) fn mark_dead(&mut self, location: &Location) {
        let cost = location.cost();
        self.set_dead(location);
        self.unchecked_bytes += cost;
        self.with(location.segment, |usage| {
            usage.live_bytes = usage.live_bytes.saturating_sub(cost);
        });
    }

    /// Nobody needs what is at this place, and the index never pointed to it.
    pub(crate) fn mark_never_live(&mut self, location: &Location) {
        unless_planted!(ForgetRejected => self.set_dead(location));
    }

    /// A compaction of the segment need not copy what is there. A tombstone may be needed though the index does
    /// not point to it.
    fn set_dead(&mut self, location: &Location) {
        if !location.is_tombstone() && self.segments.contains_key(&location.segment) {
            self.dead_bitmaps.entry(location.segment).or_default().mark(location);
        }
    }

    /// Versions that a snapshot sees are moved to the segment: where they lie now is not told when they are lost.
    pub(crate) fn note_unmarked(&mut self, id: SegmentId) {
        self.with(id, |usage| usage.may_hold_unmarked = true);
    }

    /// What a compaction need not copy of a sealed segment.
    pub(crate) fn dead_bitmap(&mut self, id: SegmentId) -> SharedDeadBitmap {
        let bytes = self.segments.get(&id).map_or(0, |usage| usage.bytes);
        self.dead_bitmaps.entry(id).or_default().share(bytes)
    }

    /// The index points to another copy of the same from now on; that makes no new garbage.
    pub(crate) fn move_live(&mut self, from: &Location, to: &Location) {
        let unchecked_bytes = self.unchecked_bytes;
        self.mark_dead(from);
        self.add_live(to);
        self.unchecked_bytes = unchecked_bytes;
    }

    /// Nothing of the tombstone's key is left in the index. If a compaction kept it, an older segment may
    /// hold what it removed; any other counts as garbage until a compaction looks whether it is needed.
    pub(crate) fn note_kept_tombstone(&mut self, location: &Location) {
        self.with(location.segment, |usage| match usage.origin {
            Origin::Compacted => usage.tombstone_bytes += location.cost(),
            Origin::Written => usage.untested_tombstone_bytes += location.cost(),
        });
    }

    /// The bytes of all segments, and how many of them are needed.
    pub(crate) fn totals(&self) -> (u64, u64) {
        self.segments.values().fold((0, 0), |(bytes, live), usage| {
            (bytes + usage.bytes, live + usage.live_bytes.min(usage.bytes))
        })
    }

    /// Whether enough garbage was made since the last choice to look again.
    pub(crate) fn is_worth_a_look(&self, garbage_bytes_min: u64) -> bool {
        self.unchecked_bytes >= (garbage_bytes_min / 4).max(1)
    }

    /// Whether the segment should be sealed before it is full, so that its garbage can be compacted.
    pub(crate) fn is_mostly_garbage(&self, id: SegmentId, garbage_bytes_min: u64) -> bool {
        self.segments.get(&id).is_some_and(|usage| {
            let garbage = usage.bytes.saturating_sub(usage.live_bytes);
            garbage >= garbage_bytes_min.max(1) && garbage * 2 >= usage.bytes
        })
    }

    /// The sealed segments of which at least half is garbage, if together they hold at least
    /// `garbage_bytes_min` of it; what has to be kept of them fits `output_bytes_max`, but for a segment
    /// that holds more than that by itself.
    ///
    /// A tombstone that a compaction kept counts as garbage only where nothing outside is older than the newest of its segment:
    /// else it has to be kept, because what is older may hold its key, and compacting would gain nothing.
    pub(crate) fn choose(
        &mut self,
        garbage_bytes_min: u64,
        output_bytes_max: u64,
    ) -> Vec<SegmentId> {
        self.unchecked_bytes = 0;
        let mut chosen: Vec<_> = self.all().filter(|(_, usage)| usage.sealed).collect();
        chosen.sort_by_key(|(_, usage)| usage.oldest);
        loop {
            let inside: BTreeSet<_> = chosen.iter().map(|(id, _)| *id).collect();
            let outside = self.all().filter(|(id, _)| !inside.contains(id));
            let oldest_outside = outside.map(|(_, usage)| usage.oldest).min().unwrap_or(u64::MAX);
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

    /// The sealed segments with the least to keep, as many as an output of `output_bytes_max` has
    /// room for; an output of each alone would be shorter than it by at least `garbage_bytes_min`.
    ///
    /// Every tombstone counts as kept where anything older is left, so the output is no longer than
    /// expected.
    pub(crate) fn choose_emptiest(
        &mut self,
        garbage_bytes_min: u64,
        output_bytes_max: u64,
    ) -> Vec<SegmentId> {
        self.unchecked_bytes = 0;
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
            let output_bytes = OUTPUT_BYTES + OUTPUT_BYTES_PER_INPUT + self.kept_bytes(usage);
            self.is_reducible(usage, garbage_bytes_min) && output_bytes <= output_bytes_max
        })
    }

    fn is_reducible(&self, usage: &SegmentUsage, garbage_bytes_min: u64) -> bool {
        let output_bytes = OUTPUT_BYTES + OUTPUT_BYTES_PER_INPUT + self.kept_bytes(usage);
        usage.bytes >= output_bytes + garbage_bytes_min.max(1)
    }

    /// Returns the bytes that a compaction of the segment alone may have to keep.
    fn kept_bytes(&self, usage: &SegmentUsage) -> u64 {
        let is_oldest = self.segments.values().all(|other| other.oldest >= usage.oldest);
        let tombstones = usage.tombstone_bytes + usage.untested_tombstone_bytes;
        usage.live_bytes + if is_oldest { 0 } else { tombstones }
    }

    fn with(&mut self, id: SegmentId, change: impl FnOnce(&mut SegmentUsage)) {
        if let Some(usage) = self.segments.get_mut(&id) {
            change(usage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::record::{Extent, Record};

    /// A segment with these bytes that is sealed and holds these commits.
    fn add(accounting: &mut Accounting, id: u64, bytes: u64, commits: [u64; 2]) {
        accounting.add(SegmentId(id), Origin::Compacted, bytes, true);
        commits.into_iter().for_each(|sequence| accounting.note_sequence(SegmentId(id), sequence));
    }

    /// A place that costs this many bytes.
    fn place(id: u64, cost: u64) -> Location {
        let length = u32::try_from(cost - FRAME_HEADER_BYTES as u64).unwrap();
        Location::of(&Record::Remove { key: b"k" }, SegmentId(id), Extent { offset: 72, length })
    }

    fn choose(accounting: &mut Accounting, garbage: u64, output: u64) -> Vec<u64> {
        accounting.choose(garbage, output).into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn what_moves_stays_live_and_is_no_new_garbage() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        add(&mut accounting, 2, 500, [1, 2]);
        accounting.add_live(&place(1, 400));
        accounting.add_live(&place(1, 100));
        assert_eq!(accounting.totals(), (1500, 500));
        accounting.move_live(&place(1, 400), &place(2, 400));
        assert_eq!(accounting.get(SegmentId(1)).unwrap().live_bytes, 100);
        assert_eq!(accounting.get(SegmentId(2)).unwrap().live_bytes, 400);
        assert!(!accounting.is_worth_a_look(0));
        // One long batch may count more than its segment has.
        accounting.add_live(&place(2, 400));
        assert_eq!(accounting.totals(), (1500, 600));
    }

    #[test]
    fn values_that_are_lost_are_marked_and_tombstones_are_not() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        let put = Record::Put { key: b"k", value: b"v", expires_at: None };
        let at = |offset| Location::of(&put, SegmentId(1), Extent { offset, length: 14 });
        accounting.mark_dead(&at(104));
        accounting.mark_never_live(&at(150));
        accounting.mark_dead(&place(1, 100));
        accounting.mark_dead(&Location::of(&put, SegmentId(9), Extent { offset: 72, length: 14 }));
        let dead = accounting.dead_bitmap(SegmentId(1));
        let marked: Vec<_> = (0..1000).step_by(8).filter(|offset| dead.contains(*offset)).collect();
        assert_eq!(marked, [104, 144]);
        assert!(!accounting.dead_bitmap(SegmentId(9)).contains(72), "it is not known");
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
        choose(&mut accounting, 10_000, 10_000);
        assert!(!accounting.is_worth_a_look(0));
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
    fn what_is_half_garbage_is_chosen_if_it_is_enough_together() {
        let mut accounting = Accounting::default();
        for (id, live) in [(1, 501), (2, 500), (3, 100)] {
            add(&mut accounting, id, 1000, [id, id]);
            accounting.add_live(&place(id, live));
        }
        accounting.add(SegmentId(4), Origin::Written, 1000, false);
        assert_eq!(choose(&mut accounting, 1400, 10_000), [2, 3]);
        assert!(choose(&mut accounting, 1401, 10_000).is_empty(), "too little garbage");
        accounting.seal(SegmentId(4));
        assert_eq!(choose(&mut accounting, 0, 10_000), [2, 3, 4]);
        accounting.unseal(SegmentId(4));
        accounting.remove(SegmentId(3));
        assert_eq!(choose(&mut accounting, 0, 10_000), [2]);
    }

    #[test]
    fn the_oldest_are_chosen_as_far_as_what_is_kept_of_them_fits() {
        let mut accounting = Accounting::default();
        for (id, oldest) in [(1, 30), (2, 20), (3, 10)] {
            add(&mut accounting, id, 1000, [oldest, oldest]);
            accounting.add_live(&place(id, 200));
        }
        assert_eq!(choose(&mut accounting, 0, 600), [3, 2, 1]);
        assert_eq!(choose(&mut accounting, 0, 599), [3, 2]);
        assert_eq!(choose(&mut accounting, 0, 100), [3], "one goes even if it is too large");
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
            assert_eq!(choose(&mut accounting, 0, 10_000), expected, "{oldest_outside}");
        }
    }

    #[test]
    fn one_segment_less_is_one_more_that_tombstones_are_kept_for() {
        let mut accounting = Accounting::default();
        // The first is garbage only while the second goes with it, which does not fit.
        add(&mut accounting, 1, 1000, [5, 6]);
        accounting.note_kept_tombstone(&place(1, 600));
        accounting.add_live(&place(1, 100));
        add(&mut accounting, 2, 1000, [1, 2]);
        accounting.add_live(&place(2, 501));
        assert!(choose(&mut accounting, 0, 10_000).is_empty());
        accounting.mark_dead(&place(2, 501));
        assert_eq!(choose(&mut accounting, 0, 10_000), [2, 1]);
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
        let empty_output = OUTPUT_BYTES + OUTPUT_BYTES_PER_INPUT;
        assert_eq!(choose(&mut accounting, 1, empty_output), [3]);
        assert_eq!(choose(&mut accounting, 1, empty_output - 1), []);
        assert_eq!(choose(&mut accounting, 1, empty_output + 310), [3, 2]);
        // Tombstones are kept while anything is older.
        accounting.add(SegmentId(5), Origin::Written, 1000, true);
        accounting.note_sequence(SegmentId(5), 9);
        accounting.note_kept_tombstone(&place(5, 900));
        assert!(!choose(&mut accounting, 1, u64::MAX).contains(&5));
        assert!(!accounting.is_worth_sealing(SegmentId(5), 1, u64::MAX));
        (1..5).for_each(|id| accounting.remove(SegmentId(id)));
        assert_eq!(choose(&mut accounting, 1, u64::MAX), [5]);
        assert!(accounting.is_worth_sealing(SegmentId(5), 1, u64::MAX));
    }

    #[test]
    fn what_is_outside_is_sealed_and_not_among_the_inputs() {
        let mut accounting = Accounting::default();
        for id in 1..4 {
            add(&mut accounting, id, 1000, [id * 10, id * 10]);
            accounting.note_key(SegmentId(id), &id.to_le_bytes());
        }
        accounting.unseal(SegmentId(3));
        let outside = accounting.outside(&[SegmentId(1)]);
        assert_eq!(outside.len(), 1);
        assert!(outside[0].0 == 20 && outside[0].1.may_contain(&2u64.to_le_bytes()));
        assert!(!outside[0].1.may_contain(&1u64.to_le_bytes()));
    }
}
