//! Garbage accounting: the live and the dead bytes of every segment, and the keys that it holds.

use std::collections::BTreeMap;

use crate::bugs::unless_planted;
use crate::storage::compaction::dead_bitmap::{DeadBitmap, SharedDeadBitmap};
use crate::storage::compaction::key_set::KeySet;
use crate::storage::compaction::keyspace_bytes::KeyspaceBytes;
use crate::storage::compaction::plan::OutsideSegment;
use crate::storage::compaction::segment_usage::SegmentUsage;
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::segment_header::Origin;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::Slot;
use crate::storage::segment::Location;

/// The usage of every segment.
#[derive(Default)]
pub(crate) struct Accounting {
    pub(super) segments: BTreeMap<SegmentId, SegmentUsage>,
    /// The bytes of all segments, which every write asks for.
    bytes: u64,
    /// The keys that each segment holds values of.
    keys: BTreeMap<SegmentId, KeySet>,
    /// The dead values of each segment.
    dead_bitmaps: BTreeMap<SegmentId, DeadBitmap>,
    /// Garbage that was made since the last choice.
    pub(super) unchecked_bytes: u64,
    /// The garbage that has to be made before another choice is worth a look.
    pub(super) look_after_bytes: u64,
}

impl Accounting {
    /// Adds a segment without live records.
    pub(crate) fn add(&mut self, id: SegmentId, origin: Origin, bytes: u64, sealed: bool) {
        let usage = SegmentUsage {
            origin,
            bytes,
            live_bytes: 0,
            records: KeyspaceBytes::default(),
            tombstone_bytes: 0,
            untested_tombstone_bytes: 0,
            tombstones_are_tested: false,
            oldest: Sequence::MAX,
            newest: Sequence::ZERO,
            sealed,
            may_hold_unmarked: false,
        };
        self.bytes += bytes;
        self.bytes -= self.segments.insert(id, usage).map_or(0, |before| before.bytes);
    }

    /// Forgets a segment.
    pub(crate) fn remove(&mut self, id: SegmentId) {
        self.bytes -= self.segments.remove(&id).map_or(0, |before| before.bytes);
        self.keys.remove(&id);
        self.dead_bitmaps.remove(&id);
    }

    /// Returns the usage of a segment.
    pub(crate) fn get(&self, id: SegmentId) -> Option<&SegmentUsage> {
        self.segments.get(&id)
    }

    /// Returns every segment, lowest id first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (SegmentId, &SegmentUsage)> {
        self.segments.iter().map(|(id, usage)| (*id, usage))
    }

    /// Notes that nothing is appended to the segment any more.
    pub(crate) fn seal(&mut self, id: SegmentId) {
        self.with(id, |usage| usage.sealed = true);
    }

    /// Notes that something may still be appended to the segment.
    pub(crate) fn unseal(&mut self, id: SegmentId) {
        self.with(id, |usage| usage.sealed = false);
    }

    /// Sets the length of the segment.
    pub(crate) fn set_length(&mut self, id: SegmentId, bytes: u64) {
        if let Some(usage) = self.segments.get_mut(&id) {
            self.bytes += bytes;
            self.bytes -= std::mem::replace(&mut usage.bytes, bytes);
        }
    }

    /// Notes that the segment holds a record of this commit.
    pub(crate) fn note_sequence(&mut self, id: SegmentId, sequence: Sequence) {
        self.with(id, |usage| {
            usage.oldest = usage.oldest.min(sequence);
            usage.newest = usage.newest.max(sequence);
        });
    }

    /// Notes that the segment holds a value of this key, live or dead.
    pub(crate) fn note_key(&mut self, id: SegmentId, (keyspace, key): PlacedKey<'_>) {
        self.keys.entry(id).or_default().add(keyspace, key);
    }

    /// Notes that the segment holds values of keys with these hashes and keyspaces, live or dead.
    pub(crate) fn note_key_hashes(
        &mut self,
        id: SegmentId,
        hashes: Vec<u32>,
        keyspaces: Vec<KeyspaceId>,
    ) {
        self.keys.entry(id).or_default().add_hashes(hashes, keyspaces);
    }

    /// Notes that the segment holds a record of the keyspace, live or dead.
    pub(crate) fn note_record(&mut self, keyspace: KeyspaceId, location: &Location) {
        self.with(location.segment, |usage| usage.records.add(keyspace, location.cost()));
    }

    /// Notes that the segment holds records of these bytes, and no others.
    pub(crate) fn note_records(&mut self, id: SegmentId, bytes: KeyspaceBytes) {
        self.with(id, |usage| usage.records = bytes);
    }

    /// Returns the bytes of all records, live and dead, by their keyspaces.
    pub(crate) fn record_bytes(&self) -> BTreeMap<KeyspaceId, u64> {
        let mut bytes = BTreeMap::new();
        for (keyspace, records) in self.segments.values().flat_map(|usage| usage.records.iter()) {
            *bytes.entry(keyspace).or_default() += records;
        }
        bytes
    }

    /// Marks a record as dead that the index never pointed to.
    pub(crate) fn add_unindexed_garbage(&mut self, location: &Location) {
        self.set_dead(location);
        self.unchecked_bytes += location.cost();
    }

    /// Returns every sealed segment but these. Segments that are not sealed hold nothing that is
    /// older than a sealed one's records.
    pub(crate) fn outside(&mut self, inside: &[SegmentId]) -> Vec<OutsideSegment> {
        let sealed = self.segments.iter().filter(|(_, usage)| usage.sealed);
        let keys = &mut self.keys;
        sealed
            .filter(|(id, _)| !inside.contains(id))
            .map(|(id, usage)| OutsideSegment {
                oldest: usage.oldest,
                keys: keys.entry(*id).or_default().freeze(),
            })
            .collect()
    }

    /// Adds a record that the index points to from now on.
    pub(crate) fn add_live(&mut self, location: &Location) {
        self.add_live_bytes(location.segment, location.cost());
    }

    /// Adds a record of the keyspace that was written, and that the index points to from now on.
    pub(crate) fn add_written(&mut self, keyspace: KeyspaceId, location: &Location) {
        let cost = location.cost();
        self.with(location.segment, |usage| {
            usage.live_bytes += cost;
            usage.records.add(keyspace, cost);
        });
    }

    /// Adds records of one segment that the index points to from now on.
    pub(crate) fn add_live_bytes(&mut self, id: SegmentId, bytes: u64) {
        self.with(id, |usage| usage.live_bytes += bytes);
    }

    /// Marks a record as dead: the index and the snapshots no longer point to it.
    pub(crate) fn mark_dead(&mut self, location: &Location) {
        let cost = location.cost();
        self.set_dead(location);
        self.unchecked_bytes += cost;
        self.with(location.segment, |usage| {
            usage.live_bytes = usage.live_bytes.saturating_sub(cost);
        });
    }

    /// Notes that the index forgot a version: marks its record as dead. With `gone` it is a
    /// tombstone of whose key nothing is left in the index.
    pub(crate) fn note_forgotten(&mut self, location: &Location, gone: bool) {
        self.mark_dead(location);
        if gone {
            self.note_kept_tombstone(location);
        }
    }

    /// Marks a record as dead that the index never pointed to.
    pub(crate) fn mark_never_live(&mut self, location: &Location) {
        unless_planted!(ForgetRejected => self.set_dead(location));
    }

    /// Sets the bit of a dead value, so that a compaction passes over it. A tombstone has none: it
    /// may be needed although the index does not point to it.
    fn set_dead(&mut self, location: &Location) {
        if !location.is_tombstone() && self.segments.contains_key(&location.segment) {
            self.dead_bitmaps.entry(location.segment).or_default().mark(location);
        }
    }

    /// Notes that versions which only snapshots see were moved to the segment: they are not marked
    /// when they die.
    pub(crate) fn note_unmarked(&mut self, id: SegmentId) {
        self.with(id, |usage| usage.may_hold_unmarked = true);
    }

    /// Returns the dead values of a sealed segment.
    pub(crate) fn dead_bitmap(&mut self, id: SegmentId) -> SharedDeadBitmap {
        let bytes = self.segments.get(&id).map_or(0, |usage| usage.bytes);
        self.dead_bitmaps.entry(id).or_default().share(bytes)
    }

    /// Returns true if the segment holds a dead value, as far as that is known.
    pub(crate) fn holds_dead_values(&self, id: SegmentId) -> bool {
        self.dead_values(id) > 0 || self.get(id).is_some_and(|usage| usage.may_hold_unmarked)
    }

    /// Returns the number of dead values that are marked in a segment.
    pub(crate) fn dead_values(&self, id: SegmentId) -> u64 {
        self.dead_bitmaps.get(&id).map_or(0, DeadBitmap::count)
    }

    /// Notes that the index points to a copy of a record from now on, which is no new garbage.
    pub(crate) fn move_live(&mut self, from: &Location, to: &Location) {
        let unchecked_bytes = self.unchecked_bytes;
        self.mark_dead(from);
        self.add_live(to);
        self.unchecked_bytes = unchecked_bytes;
    }

    /// Notes a tombstone of whose key nothing is left in the index. If a compaction kept it, an
    /// older segment may hold its key; any other counts as garbage until a compaction has looked.
    pub(crate) fn note_kept_tombstone(&mut self, location: &Location) {
        self.with(location.segment, |usage| match usage.origin {
            Origin::Compacted => usage.tombstone_bytes += location.cost(),
            Origin::Written => usage.untested_tombstone_bytes += location.cost(),
        });
    }

    /// Notes that dead values were dropped with their segments: tombstones that were kept on
    /// account of them may go.
    pub(crate) fn note_values_dropped(&mut self) {
        self.segments.values_mut().for_each(|usage| usage.tombstones_are_tested = false);
    }

    /// Notes that a compaction has kept just those tombstones in the segment that have to stay.
    pub(crate) fn note_tested(&mut self, id: SegmentId) {
        self.with(id, |usage| usage.tombstones_are_tested = true);
    }

    /// Returns the bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the bytes of all live records.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.segments.values().map(|usage| usage.live_bytes.min(usage.bytes)).sum()
    }

    fn with(&mut self, id: SegmentId, change: impl FnOnce(&mut SegmentUsage)) {
        if let Some(usage) = self.segments.get_mut(&id) {
            change(usage);
        }
    }
}

#[cfg(test)]
pub(in crate::storage::compaction) mod tests {
    use super::*;
    use crate::storage::format::frame::FRAME_HEADER_BYTES;
    use crate::storage::format::record::{Extent, Record};

    /// Adds a sealed segment with these bytes, which holds these commits.
    pub(in crate::storage::compaction) fn add(
        accounting: &mut Accounting,
        id: u64,
        bytes: u64,
        commits: [u64; 2],
    ) {
        accounting.add(SegmentId(id), Origin::Compacted, bytes, true);
        commits
            .into_iter()
            .for_each(|sequence| accounting.note_sequence(SegmentId(id), Sequence(sequence)));
    }

    /// Returns a location that costs this many bytes.
    pub(in crate::storage::compaction) fn place(id: u64, cost: u64) -> Location {
        let length = u32::try_from(cost - FRAME_HEADER_BYTES as u64).unwrap();
        Location::of(&Record::remove(b"k"), SegmentId(id), Extent { offset: 72, length })
    }

    #[test]
    fn moved_records_stay_live_and_are_no_new_garbage() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        add(&mut accounting, 2, 500, [1, 2]);
        accounting.add_live(&place(1, 400));
        accounting.add_live(&place(1, 100));
        assert_eq!((accounting.bytes(), accounting.live_bytes()), (1500, 500));
        accounting.move_live(&place(1, 400), &place(2, 400));
        assert_eq!(accounting.get(SegmentId(1)).unwrap().live_bytes, 100);
        assert_eq!(accounting.get(SegmentId(2)).unwrap().live_bytes, 400);
        assert!(!accounting.is_worth_a_look(0));
        // One long batch may count more than its segment has.
        accounting.add_live(&place(2, 400));
        assert_eq!((accounting.bytes(), accounting.live_bytes()), (1500, 600));
    }

    #[test]
    fn the_bytes_of_all_segments_are_the_sum_of_those_that_are_there() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        add(&mut accounting, 2, 500, [1, 2]);
        add(&mut accounting, 2, 600, [1, 2]);
        assert_eq!(accounting.bytes(), 1600);
        accounting.set_length(SegmentId(1), 700);
        accounting.set_length(SegmentId(3), 700);
        assert_eq!(accounting.bytes(), 1300);
        accounting.remove(SegmentId(2));
        accounting.remove(SegmentId(2));
        assert_eq!(accounting.bytes(), 700);
    }

    #[test]
    fn values_that_are_lost_are_marked_and_tombstones_are_not() {
        let mut accounting = Accounting::default();
        add(&mut accounting, 1, 1000, [1, 2]);
        let put = Record::put(b"k", b"v", None);
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
    fn segments_outside_are_sealed_and_not_among_the_inputs() {
        let mut accounting = Accounting::default();
        for id in 1..4 {
            add(&mut accounting, id, 1000, [id * 10, id * 10]);
            accounting.note_key(SegmentId(id), (KeyspaceId::DEFAULT, &id.to_le_bytes()));
        }
        accounting.unseal(SegmentId(3));
        let outside = accounting.outside(&[SegmentId(1)]);
        assert_eq!(outside.len(), 1);
        let holds =
            |key: u64| outside[0].keys.may_contain((KeyspaceId::DEFAULT, &key.to_le_bytes()));
        assert!(outside[0].oldest == Sequence(20) && holds(2));
        assert!(!holds(1));
    }
}
