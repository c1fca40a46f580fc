//! How many bytes of each segment are still needed, and which segments are worth compacting.

use std::collections::{BTreeMap, BTreeSet};

use super::key_set::{FrozenKeySet, KeySet};
use super::names::SegmentId;
use super::segment::{Location, Origin};

/// What is known of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// How it came to be.
    pub(crate) origin: Origin,
    /// Its length.
    pub(crate) bytes: u64,
    /// What a compaction would have to keep of it, tombstones that readers no longer need left out.
    pub(crate) live_bytes: u64,
    /// Tombstones that a compaction kept, because an older segment may hold their keys.
    pub(crate) tombstone_bytes: u64,
    /// The lowest sequence number in it; the highest possible where it holds none.
    pub(crate) oldest: u64,
    /// The highest sequence number in it; zero where it holds none.
    pub(crate) newest: u64,
    /// Nothing is appended to it any more.
    pub(crate) sealed: bool,
}

/// The usage of every segment.
#[derive(Debug, Default)]
pub(crate) struct Accounting {
    segments: BTreeMap<SegmentId, Usage>,
    /// The keys that each segment holds values of.
    keys: BTreeMap<SegmentId, KeySet>,
    /// Garbage that was made since the last choice.
    unchecked_bytes: u64,
}

impl Accounting {
    /// Begins to count a segment.
    pub(crate) fn add(&mut self, id: SegmentId, origin: Origin, bytes: u64, sealed: bool) {
        let usage = Usage {
            origin,
            bytes,
            live_bytes: 0,
            tombstone_bytes: 0,
            oldest: u64::MAX,
            newest: 0,
            sealed,
        };
        self.segments.insert(id, usage);
    }

    /// Forgets a segment.
    pub(crate) fn remove(&mut self, id: SegmentId) {
        self.segments.remove(&id);
        self.keys.remove(&id);
    }

    /// The segment's usage.
    pub(crate) fn get(&self, id: SegmentId) -> Option<&Usage> {
        self.segments.get(&id)
    }

    /// Every segment, lowest id first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (SegmentId, &Usage)> {
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
    pub(crate) fn grow(&mut self, id: SegmentId, bytes: u64) {
        self.with(id, |usage| usage.bytes = bytes);
    }

    /// The segment holds something of this commit.
    pub(crate) fn hold(&mut self, id: SegmentId, sequence: u64) {
        self.with(id, |usage| {
            usage.oldest = usage.oldest.min(sequence);
            usage.newest = usage.newest.max(sequence);
        });
    }

    /// The segment holds a value of this key, needed or not.
    pub(crate) fn hold_key(&mut self, id: SegmentId, key: &[u8]) {
        self.keys.entry(id).or_default().add(key);
    }

    /// The segment holds values of keys with these hashes, needed or not.
    pub(crate) fn hold_keys(&mut self, id: SegmentId, hashes: Vec<u32>) {
        self.keys.entry(id).or_default().add_hashes(hashes);
    }

    /// Some of what a segment holds is found to be garbage, and the index never pointed to it.
    pub(crate) fn find_garbage(&mut self, bytes: u64) {
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
    pub(crate) fn gain(&mut self, location: &Location) {
        self.with(location.segment, |usage| usage.live_bytes += location.cost());
    }

    /// The index does not point to this place any more.
    pub(crate) fn lose(&mut self, location: &Location) {
        let cost = location.cost();
        self.unchecked_bytes += cost;
        self.with(location.segment, |usage| {
            usage.live_bytes = usage.live_bytes.saturating_sub(cost);
        });
    }

    /// The index points to another copy of the same from now on; that makes no new garbage.
    pub(crate) fn move_live(&mut self, from: &Location, to: &Location) {
        let unchecked_bytes = self.unchecked_bytes;
        self.lose(from);
        self.gain(to);
        self.unchecked_bytes = unchecked_bytes;
    }

    /// Nothing of the tombstone's key is left in the index. If a compaction kept it, an older segment may
    /// hold what it removed; any other counts as garbage until a compaction looks whether it is needed.
    pub(crate) fn keep_tombstone(&mut self, location: &Location) {
        self.with(location.segment, |usage| {
            if usage.origin == Origin::Compacted {
                usage.tombstone_bytes += location.cost();
            }
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

    fn with(&mut self, id: SegmentId, change: impl FnOnce(&mut Usage)) {
        if let Some(usage) = self.segments.get_mut(&id) {
            change(usage);
        }
    }
}
