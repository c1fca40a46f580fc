//! The maker of leaves: collects keys in order and cuts them into leaves.

use std::ops::Range;

use super::leaf::{LEAF_KEYS_MAX, Leaf, LeafEntry, OlderVersion, SortedPositions, tag};
use super::leaf_keys::{HEAD_WORDS, KeyHead, KeyTails, key_bytes, words};
use super::node::Node;
use super::separators::shortest_separator;
use super::slot::{Cell, Slot};
use crate::storage::format::sequence::Sequence;
use crate::sync::{AtomicU64, AtomicUsize};

/// The number of free entries in a leaf where more keys are expected. Free entries cost memory, and
/// when they are used up the leaf is copied.
const SPARE_KEYS: usize = LEAF_KEYS_MAX / 4;

/// Keys that are to become leaves.
pub(super) struct LeafBuilder<S> {
    /// The words of all keys, one key after the other.
    words: Vec<u64>,
    entries: Vec<BuiltEntry<S>>,
    /// By position in `entries`.
    older: Vec<OlderVersion<S>>,
    /// The bytes of the leaves that it made and that were not replaced.
    bytes: u64,
}

/// A key and its newest version.
struct BuiltEntry<S> {
    /// The range of its key in the words.
    words: Range<usize>,
    /// The key's length.
    bytes: usize,
    tag: u8,
    version: Sequence,
    slot: S,
}

impl<S: Slot> LeafBuilder<S> {
    /// Returns a builder without keys.
    pub(super) fn new() -> Self {
        Self { words: Vec::new(), entries: Vec::new(), older: Vec::new(), bytes: 0 }
    }

    /// Returns a leaf without keys.
    pub(super) fn empty() -> Leaf<S> {
        Self::new().leaf(0..0, SPARE_KEYS)
    }

    /// Copies the keys of these ranks, without the versions of which `forgets` says that nobody
    /// needs them.
    pub(super) fn keep(
        &mut self,
        leaf: &Leaf<S>,
        sorted: &SortedPositions,
        ranks: Range<usize>,
        forgets: impl Fn(Sequence, Sequence) -> bool,
    ) {
        for position in sorted.positions().skip(ranks.start).take(ranks.len()) {
            // Always there: only this thread replaces versions.
            let Some((version, slot)) = leaf.newest(position) else { continue };
            let (words, bytes) = leaf.key_words(position);
            let words = self.add_words(words);
            let tag = leaf.tag(position);
            self.entries.push(BuiltEntry { words, bytes, tag, version, slot });
            let mut newer = version;
            for older in leaf.older(position) {
                if !forgets(older.version, newer) {
                    let position = self.entries.len() - 1;
                    self.older.push(OlderVersion { position, ..older.clone() });
                    newer = older.version;
                }
            }
        }
    }

    /// Adds a key with its versions, newest first. Adds nothing if there are none.
    pub(super) fn push(&mut self, key: &[u8], mut versions: impl Iterator<Item = (Sequence, S)>) {
        let Some((version, slot)) = versions.next() else { return };
        let (words, bytes) = (self.add_words(words(key)), key.len());
        self.entries.push(BuiltEntry { words, bytes, tag: tag(key), version, slot });
        let position = self.entries.len() - 1;
        self.older.extend(versions.map(|(version, slot)| OlderVersion { position, version, slot }));
    }

    /// Returns the bytes of memory of the leaves that it made and that were not replaced.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Notes that leaves which another builder made take so many bytes.
    pub(super) fn note_loaded(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Notes that a leaf is replaced. The empty leaf that a tree begins with was not counted.
    pub(super) fn note_replaced(&mut self, leaf: &Leaf<S>) {
        self.bytes = self.bytes.saturating_sub(node_bytes(leaf));
    }

    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn add_words(&mut self, words: impl Iterator<Item = u64>) -> Range<usize> {
        let start = self.words.len();
        self.words.extend(words);
        start..self.words.len()
    }

    /// Makes leaves of the keys, each with the separator it begins at, and begins anew.
    ///
    /// After an appended key (`is_appended`) more are expected behind it, so every leaf but the
    /// last is filled. With `grows`, leaves get space for more keys.
    pub(super) fn finish(&mut self, is_appended: bool, grows: bool) -> Vec<(Vec<u8>, Leaf<S>)> {
        let total = self.entries.len();
        let count = total.div_ceil(LEAF_KEYS_MAX);
        let size = if is_appended { LEAF_KEYS_MAX } else { total.div_ceil(count.max(1)) };
        let mut leaves = Vec::with_capacity(count);
        let mut start = 0;
        while start < total {
            let end = total.min(start + size);
            let leaf = self.leaf(start..end, if grows { SPARE_KEYS } else { 0 });
            self.bytes += node_bytes(&leaf);
            leaves.push((self.separator(start), leaf));
            start = end;
        }
        self.words.clear();
        self.entries.clear();
        self.older.clear();
        leaves
    }

    fn leaf(&self, positions: Range<usize>, spare: usize) -> Leaf<S> {
        let built = &self.entries[positions.clone()];
        let spare = spare.min(LEAF_KEYS_MAX - built.len());
        let mut tags = [0; LEAF_KEYS_MAX];
        let mut rest = Vec::new();
        let entries = built.iter().zip(&mut tags).map(|(built, tag)| {
            *tag = built.tag;
            let words = &self.words[built.words.clone()];
            let key = KeyHead::new(words, built.bytes, rest.len());
            rest.extend(words.iter().skip(HEAD_WORDS));
            let cell = S::Cell::default();
            cell.store(built.version, &built.slot);
            LeafEntry { key, cell }
        });
        let mut all: Vec<LeafEntry<S>> = Vec::with_capacity(built.len() + spare);
        all.extend(entries);
        all.extend(std::iter::repeat_with(LeafEntry::default).take(spare));
        let spare_words = spare * rest.len().div_ceil(built.len().max(1));
        let from = self.older.partition_point(|older| older.position < positions.start);
        let to = self.older.partition_point(|older| older.position < positions.end);
        let older = self.older[from..to].iter().map(|older| OlderVersion {
            position: older.position - positions.start,
            ..older.clone()
        });
        let tag_word = |word: usize| {
            let bytes = tags[word * 8..word * 8 + 8].iter().rev();
            AtomicU64::new(bytes.fold(0, |word, byte| word << 8 | u64::from(*byte)))
        };
        Leaf {
            tags: std::array::from_fn(tag_word),
            count: AtomicUsize::new(built.len()),
            sorted: built.len(),
            keys: KeyTails::new(&rest, spare_words),
            entries: all.into(),
            older: older.collect(),
        }
    }

    /// Returns the shortest key above the key before the position and not above the one there.
    fn separator(&self, position: usize) -> Vec<u8> {
        let Some(before) = position.checked_sub(1) else { return Vec::new() };
        let key = |position: usize| {
            let BuiltEntry { words, bytes, .. } = &self.entries[position];
            key_bytes(self.words[words.clone()].iter().copied(), *bytes)
        };
        shortest_separator(&key(before), &key(position))
    }
}

/// Returns the bytes of memory of the node of a leaf.
fn node_bytes<S: Slot>(leaf: &Leaf<S>) -> u64 {
    (Node::<S>::BYTES + leaf.memory()) as u64
}
