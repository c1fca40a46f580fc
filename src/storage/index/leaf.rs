//! A leaf of the tree: some dozens of keys, each with its newest version in a cell of its own.
//!
//! A version is replaced in its cell, and a new key is put behind the others while there is room; anything
//! else makes a new leaf. A lookup compares one byte of the key's hash with those of all keys, which lie
//! side by side, and so mostly touches one entry, in which most keys lie as a whole. The first keys are in order; those that were
//! put behind them are sorted by whoever wants the order.
//!
//! Versions that only snapshots see lie in a list of their own, which never changes.

use std::ops::Range;

use super::Slot;
use super::cell::Cell;
use super::keys::{KeyCell, Keys};
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// Keys that a leaf holds; more are split. A checker sees enough with few.
pub(super) const LEAF_KEYS_MAX: usize = if cfg!(any(kvs_loom, kvs_shuttle)) { 8 } else { 64 };

/// Hashes that one word holds.
const TAGS: usize = size_of::<u64>();

/// One byte of each key's hash; zero where there is no key yet.
pub(super) type Tags = [AtomicU64; LEAF_KEYS_MAX / TAGS];

/// A key and its newest version.
pub(super) struct Entry<S: Slot> {
    pub(super) key: KeyCell,
    pub(super) cell: S::Cell,
}

impl<S: Slot> Default for Entry<S> {
    fn default() -> Self {
        Self { key: KeyCell::default(), cell: S::Cell::default() }
    }
}

/// A version that is not the newest of its key.
#[derive(Clone)]
pub(super) struct Older<S> {
    /// The position of the key's entry.
    pub(super) position: usize,
    /// The commit that wrote it.
    pub(super) version: u64,
    /// What it says.
    pub(super) slot: S,
}

/// Keys with their versions.
pub(super) struct Leaf<S: Slot> {
    pub(super) tags: Tags,
    /// How many keys there are; stored when everything about the last one is.
    pub(super) count: AtomicUsize,
    /// How many of them, from the first on, are in order.
    pub(super) sorted: usize,
    pub(super) keys: Keys,
    /// As many as there may be keys.
    pub(super) entries: Box<[Entry<S>]>,
    /// By position, newest first.
    pub(super) older: Box<[Older<S>]>,
}

/// The positions of a leaf's keys in the order of the keys, as of when it was asked for.
pub(super) struct Sorted {
    positions: [u8; LEAF_KEYS_MAX],
    count: usize,
}

impl Sorted {
    /// The positions.
    pub(super) fn positions(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator {
        self.positions[..self.count].iter().map(|position| usize::from(*position))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn get(&self, rank: usize) -> usize {
        usize::from(self.positions[rank])
    }
}

impl<S: Slot> Leaf<S> {
    /// How many keys there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The key at this position.
    pub(super) fn key(&self, position: usize) -> Vec<u8> {
        self.keys.bytes(&self.entries[position].key)
    }

    /// The words of the key at this position, and its length in bytes.
    pub(super) fn key_words(&self, position: usize) -> (impl Iterator<Item = u64>, usize) {
        let cell = &self.entries[position].key;
        (self.keys.words(cell), cell.bytes())
    }

    /// The position of the key, if the leaf holds it.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        const LOW: u64 = u64::from_le_bytes([1; TAGS]);
        const HIGH: u64 = LOW << 7;
        let wanted = LOW * u64::from(tag(key));
        for (number, word) in self.tags.iter().enumerate() {
            // A byte of the difference is zero where a tag is the wanted one; one above it may seem so.
            let difference = word.load(Ordering::Acquire) ^ wanted;
            let mut zeros = difference.wrapping_sub(LOW) & !difference & HIGH;
            while zeros != 0 {
                let byte = zeros.trailing_zeros() as usize / 8;
                let position = number * TAGS + byte;
                if difference.to_le_bytes()[byte] == 0
                    && self.keys.is(&self.entries[position].key, key)
                {
                    return Some(position);
                }
                zeros &= zeros - 1;
            }
        }
        None
    }

    /// The tag of the key at this position.
    pub(super) fn tag(&self, position: usize) -> u8 {
        let word = self.tags[position / TAGS].load(Ordering::Relaxed);
        word.to_le_bytes()[position % TAGS]
    }

    /// The newest version at a position; `None` while it is being replaced.
    pub(super) fn newest(&self, position: usize) -> Option<(u64, S)> {
        self.entries[position].cell.load()
    }

    /// The versions at a position that are not the newest one, newest first.
    pub(super) fn older(&self, position: usize) -> &[Older<S>] {
        let start = self.older.partition_point(|older| older.position < position);
        let count = self.older[start..].partition_point(|older| older.position == position);
        &self.older[start..start + count]
    }

    /// Sets the newest version of the key at this position, or adds the key; false if there is no room for it.
    ///
    /// Only the mutator may, who must have told elsewhere what was there before.
    pub(super) fn put(&self, at: Option<usize>, key: &[u8], version: u64, slot: &S) -> bool {
        match at {
            Some(position) => {
                self.entries[position].cell.store(version, slot);
                true
            }
            None => self.append(key, version, slot).is_some(),
        }
    }

    fn append(&self, key: &[u8], version: u64, slot: &S) -> Option<()> {
        let position = self.count();
        let entry = self.entries.get(position)?;
        let start = position.checked_sub(1).map_or(0, |last| self.entries[last].key.end());
        self.keys.append(&entry.key, start, key)?;
        entry.cell.store(version, slot);
        self.count.store(position + 1, Ordering::Release);
        let word = &self.tags[position / TAGS];
        let shifted = u64::from(tag(key)) << (position % TAGS * 8);
        word.store(word.load(Ordering::Relaxed) | shifted, Ordering::Release);
        Some(())
    }

    /// The keys in order.
    pub(super) fn in_order(&self) -> Sorted {
        let count = self.count();
        let mut positions = [0; LEAF_KEYS_MAX];
        for (position, place) in (0_u8..).zip(&mut positions[..count]) {
            *place = position;
        }
        if self.sorted < count {
            let cell = |position: &u8| &self.entries[usize::from(*position)].key;
            let compare = |a: &u8, b: &u8| self.keys.compare_both(cell(a), cell(b));
            // Two stretches that are sorted, or nearly: the sort that keeps equal ones in place merges them.
            positions[self.sorted..count].sort_unstable_by(compare);
            positions[..count].sort_by(compare);
        }
        Sorted { positions, count }
    }

    /// How many keys are below this one.
    pub(super) fn lower(&self, sorted: &Sorted, key: &[u8]) -> usize {
        self.rank(sorted, |cell| self.keys.compare(cell, key).is_lt())
    }

    /// How many keys are at or below this one.
    pub(super) fn upper(&self, sorted: &Sorted, key: &[u8]) -> usize {
        self.rank(sorted, |cell| self.keys.compare(cell, key).is_le())
    }

    fn rank(&self, sorted: &Sorted, is_before: impl Fn(&KeyCell) -> bool) -> usize {
        let (mut low, mut high) = (0, sorted.count);
        while low < high {
            let middle = low.midpoint(high);
            if is_before(&self.entries[sorted.get(middle)].key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where in the order a key is, or would be.
    pub(super) fn place(&self, sorted: &Sorted, key: &[u8]) -> Range<usize> {
        let rank = self.lower(sorted, key);
        let is_there =
            rank < sorted.count && self.keys.is(&self.entries[sorted.get(rank)].key, key);
        rank..rank + usize::from(is_there)
    }
}

/// One byte that differs for most keys and is not zero; whoever chooses keys with equal ones gets slower
/// lookups only.
pub(super) fn tag(key: &[u8]) -> u8 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(ODD).rotate_left(29);
    let state = super::keys::words(key).fold(ODD ^ key.len() as u64, mix);
    state.wrapping_mul(ODD).to_be_bytes()[0].max(1)
}
