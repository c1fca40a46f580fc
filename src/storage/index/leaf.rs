//! A leaf of the tree: up to 64 keys, each with its newest version in a cell.
//!
//! The writer replaces a version in its cell and appends a new key while there is space; any other
//! change makes a new leaf. The first keys are in order; a scan sorts the appended ones for itself.
//! The versions that only snapshots see are in a list of their own, which never changes.
//!
//! A lookup does not search by order. It compares a tag, one byte of the key's hash, with the tags
//! of all keys, eight in one word (the fingerprints of the [FPTree][fptree], compared [as in a
//! word][swar]), and so mostly touches one entry, in which most keys lie as a whole.
//! `benches/engines.rs`, "random get", measures it.
//!
//! [fptree]: https://doi.org/10.1145/2882903.2915251
//! [swar]: https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord

use std::hint::black_box;
use std::ops::Range;

use super::leaf_keys::{KeyHead, KeyTails};
use super::slot::{Cell, Slot};
use crate::storage::format::sequence::Sequence;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// The number of keys of a full leaf. Few are enough for the model checkers.
pub(super) const LEAF_KEYS_MAX: usize = if cfg!(any(kvs_loom, kvs_shuttle)) { 8 } else { 64 };

/// The number of tags in one word.
const TAGS: usize = size_of::<u64>();

/// The tag of each key; zero for no key.
pub(super) type Tags = [AtomicU64; LEAF_KEYS_MAX / TAGS];

/// A key and its newest version.
pub(super) struct LeafEntry<S: Slot> {
    pub(super) key: KeyHead,
    pub(super) cell: S::Cell,
}

impl<S: Slot> Default for LeafEntry<S> {
    fn default() -> Self {
        Self { key: KeyHead::default(), cell: S::Cell::default() }
    }
}

/// A version that is not the newest of its key.
#[derive(Clone)]
pub(super) struct OlderVersion<S> {
    /// The position of the key's entry.
    pub(super) position: usize,
    pub(super) version: Sequence,
    pub(super) slot: S,
}

/// Keys with their versions.
pub(super) struct Leaf<S: Slot> {
    pub(super) tags: Tags,
    /// The number of keys. Stored after everything else about the last one.
    pub(super) count: AtomicUsize,
    /// The number of keys, from the first on, that are in order.
    pub(super) sorted: usize,
    pub(super) keys: KeyTails,
    /// One for each key that there may be.
    pub(super) entries: Box<[LeafEntry<S>]>,
    /// In the order of positions, the versions of one key newest first.
    pub(super) older: Box<[OlderVersion<S>]>,
}

/// The positions of a leaf's keys in the order of the keys, at one moment.
pub(super) struct SortedPositions {
    positions: [u8; LEAF_KEYS_MAX],
    count: usize,
}

impl SortedPositions {
    /// Returns the positions in the order of the keys.
    pub(super) fn positions(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator {
        self.positions[..self.count].iter().map(|position| usize::from(*position))
    }

    /// Returns the number of keys.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the position of the key with so many keys below it.
    pub(super) fn get(&self, rank: usize) -> usize {
        usize::from(self.positions[rank])
    }
}

impl<S: Slot> Leaf<S> {
    /// Returns the number of keys.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Returns the bytes of memory that it takes beside its node, with room for every key that it
    /// may take. They never change.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.entries) + size_of_val(&*self.older) + self.keys.memory()
    }

    /// Returns the key at this position.
    pub(super) fn key(&self, position: usize) -> Vec<u8> {
        self.keys.bytes(&self.entries[position].key)
    }

    /// Appends the key at this position.
    pub(super) fn append_key(&self, position: usize, out: &mut Vec<u8>) {
        self.keys.append_bytes(&self.entries[position].key, out);
    }

    /// Returns the words of the key at this position, and its length in bytes.
    pub(super) fn key_words(&self, position: usize) -> (impl Iterator<Item = u64>, usize) {
        let cell = &self.entries[position].key;
        (self.keys.words(cell), cell.bytes())
    }

    /// Returns the position of the key, if the leaf holds it.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        self.find_tagged(tag(key), |position| self.is_at(position, key))
    }

    /// Returns true if this is the key at this position.
    pub(super) fn is_at(&self, position: usize, key: &[u8]) -> bool {
        self.keys.is(&self.entries[position].key, key)
    }

    /// Returns the position of the first key with this tag of which `is_it` returns true.
    pub(super) fn find_tagged(&self, tag: u8, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        const LOW: u64 = u64::from_le_bytes([1; TAGS]);
        const HIGH: u64 = LOW << 7;
        let wanted = LOW * u64::from(tag);
        for (number, word) in self.tags.iter().enumerate() {
            // A byte of the difference is zero for an equal tag. The trick may also report the byte
            // above.
            let difference = word.load(Ordering::Acquire) ^ wanted;
            let mut zeros = difference.wrapping_sub(LOW) & !difference & HIGH;
            while zeros != 0 {
                let byte = zeros.trailing_zeros() as usize / 8;
                let position = number * TAGS + byte;
                if difference.to_le_bytes()[byte] == 0 && is_it(position) {
                    return Some(position);
                }
                zeros &= zeros - 1;
            }
        }
        None
    }

    /// Makes the processor fetch what a lookup of any key reads first.
    pub(super) fn touch_tags(&self) {
        for word in [self.tags.first(), self.tags.last()] {
            black_box(word.map(|word| word.load(Ordering::Relaxed)));
        }
        black_box(self.entries.len());
    }

    /// Makes the processor fetch the key at this position.
    pub(super) fn touch_entry(&self, position: usize) {
        black_box(self.entries[position].key.bytes());
    }

    /// Returns the tag of the key at this position.
    pub(super) fn tag(&self, position: usize) -> u8 {
        let word = self.tags[position / TAGS].load(Ordering::Relaxed);
        word.to_le_bytes()[position % TAGS]
    }

    /// Returns the newest version at a position; `None` while it is being replaced.
    pub(super) fn newest(&self, position: usize) -> Option<(Sequence, S)> {
        self.entries[position].cell.load()
    }

    /// Returns the versions at a position but for the newest one, newest first.
    pub(super) fn older(&self, position: usize) -> &[OlderVersion<S>] {
        let start = self.older.partition_point(|older| older.position < position);
        let count = self.older[start..].partition_point(|older| older.position == position);
        &self.older[start..start + count]
    }

    /// Sets the newest version of the key at this position, or appends the key. Returns false if
    /// there is no space for it.
    ///
    /// Only the writer calls this, after it published an undo log with the version that this
    /// replaces.
    pub(super) fn put(&self, at: Option<usize>, key: &[u8], version: Sequence, slot: &S) -> bool {
        match at {
            Some(position) => {
                self.entries[position].cell.store(version, slot);
                true
            }
            None => self.append(key, version, slot).is_some(),
        }
    }

    fn append(&self, key: &[u8], version: Sequence, slot: &S) -> Option<()> {
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

    /// Returns the order of the keys.
    pub(super) fn in_order(&self) -> SortedPositions {
        let count = self.count();
        let mut positions = [0; LEAF_KEYS_MAX];
        for (position, place) in (0_u8..).zip(&mut positions[..count]) {
            *place = position;
        }
        if self.sorted < count {
            let cell = |position: &u8| &self.entries[usize::from(*position)].key;
            let compare = |a: &u8, b: &u8| self.keys.compare_both(cell(a), cell(b));
            // The stable sort merges stretches that are in order, as these two then are.
            positions[self.sorted..count].sort_unstable_by(compare);
            positions[..count].sort_by(compare);
        }
        SortedPositions { positions, count }
    }

    /// Returns the number of keys below this one.
    pub(super) fn lower_bound(&self, sorted: &SortedPositions, key: &[u8]) -> usize {
        self.rank(sorted, |cell| self.keys.compare(cell, key).is_lt())
    }

    /// Returns the number of keys at or below this one.
    pub(super) fn upper_bound(&self, sorted: &SortedPositions, key: &[u8]) -> usize {
        self.rank(sorted, |cell| self.keys.compare(cell, key).is_le())
    }

    fn rank(&self, sorted: &SortedPositions, is_before: impl Fn(&KeyHead) -> bool) -> usize {
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

    /// Returns the rank of the key: a range of one, or an empty one where the key would be.
    pub(super) fn equal_range(&self, sorted: &SortedPositions, key: &[u8]) -> Range<usize> {
        let rank = self.lower_bound(sorted, key);
        let is_there =
            rank < sorted.count && self.keys.is(&self.entries[sorted.get(rank)].key, key);
        rank..rank + usize::from(is_there)
    }
}

/// Returns one byte of the key's hash, never zero. The hash is not keyed: an adversary who chooses
/// keys with equal tags only makes lookups in their leaf slower.
pub(super) fn tag(key: &[u8]) -> u8 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(ODD).rotate_left(29);
    let state = super::leaf_keys::words(key).fold(ODD ^ key.len() as u64, mix);
    state.wrapping_mul(ODD).to_be_bytes()[0].max(1)
}
