//! Makes leaves.

use std::ops::Range;

use super::Slot;
use super::cell::Cell;
use super::fences::common;
use super::keys::{HEAD_WORDS, KeyCell, Keys, key_bytes, words};
use super::leaf::{Entry, LEAF_KEYS_MAX, Leaf, Older, Sorted, tag};
use crate::sync::{AtomicU64, AtomicUsize};

/// Room for keys that a leaf is made with where more are expected: each time it is used up, a leaf is made
/// anew, and what of it is unused is wasted.
const SPARE_KEYS: usize = LEAF_KEYS_MAX / 4;

/// Collects keys in order, and makes leaves of them.
pub(super) struct LeafBuilder<S> {
    /// The words of all keys.
    words: Vec<u64>,
    entries: Vec<Built<S>>,
    /// Their positions are those in `entries`.
    older: Vec<Older<S>>,
}

struct Built<S> {
    /// Which of the words are its key's.
    words: Range<usize>,
    /// The key's length.
    bytes: usize,
    tag: u8,
    version: u64,
    slot: S,
}

impl<S: Slot> LeafBuilder<S> {
    /// A builder of nothing yet.
    pub(super) fn new() -> Self {
        Self { words: Vec::new(), entries: Vec::new(), older: Vec::new() }
    }

    /// A leaf without keys.
    pub(super) fn empty() -> Leaf<S> {
        Self::new().leaf(0..0, SPARE_KEYS)
    }

    /// Takes over the keys at these places of the order but for versions that `forgets` says nobody needs.
    pub(super) fn keep(
        &mut self,
        leaf: &Leaf<S>,
        sorted: &Sorted,
        places: Range<usize>,
        forgets: impl Fn(u64, u64) -> bool,
    ) {
        for position in sorted.positions().skip(places.start).take(places.len()) {
            // Only the thread that replaces versions is here, so none is being replaced.
            let Some((version, slot)) = leaf.newest(position) else { continue };
            let (words, bytes) = leaf.key_words(position);
            let words = self.add_words(words);
            let tag = leaf.tag(position);
            self.entries.push(Built { words, bytes, tag, version, slot });
            let mut newer = version;
            for older in leaf.older(position) {
                if !forgets(older.version, newer) {
                    let position = self.entries.len() - 1;
                    self.older.push(Older { position, ..older.clone() });
                    newer = older.version;
                }
            }
        }
    }

    /// Adds a key with its versions, newest first; nothing where there are none.
    pub(super) fn push(&mut self, key: &[u8], mut versions: impl Iterator<Item = (u64, S)>) {
        let Some((version, slot)) = versions.next() else { return };
        let (words, bytes) = (self.add_words(words(key)), key.len());
        self.entries.push(Built { words, bytes, tag: tag(key), version, slot });
        let position = self.entries.len() - 1;
        self.older.extend(versions.map(|(version, slot)| Older { position, version, slot }));
    }

    fn add_words(&mut self, words: impl Iterator<Item = u64>) -> Range<usize> {
        let start = self.words.len();
        self.words.extend(words);
        start..self.words.len()
    }

    /// The leaves of what was added, each after the first with the fence it begins at.
    ///
    /// Where the last key is one that was appended, more are expected behind it: all leaves but the last
    /// are then filled. With `grows`, leaves get room for more keys.
    pub(super) fn finish(&mut self, is_appended: bool, grows: bool) -> Vec<(Vec<u8>, Leaf<S>)> {
        let total = self.entries.len();
        let pieces = total.div_ceil(LEAF_KEYS_MAX);
        let size = if is_appended { LEAF_KEYS_MAX } else { total.div_ceil(pieces.max(1)) };
        let mut leaves = Vec::with_capacity(pieces);
        let mut start = 0;
        while start < total {
            let end = total.min(start + size);
            leaves.push((
                self.fence(start),
                self.leaf(start..end, if grows { SPARE_KEYS } else { 0 }),
            ));
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
            let key = KeyCell::new(words, built.bytes, rest.len());
            rest.extend(words.iter().skip(HEAD_WORDS));
            let cell = S::Cell::default();
            cell.store(built.version, &built.slot);
            Entry { key, cell }
        });
        let mut all: Vec<Entry<S>> = Vec::with_capacity(built.len() + spare);
        all.extend(entries);
        all.extend(std::iter::repeat_with(Entry::default).take(spare));
        let spare_words = spare * rest.len().div_ceil(built.len().max(1));
        let from = self.older.partition_point(|older| older.position < positions.start);
        let to = self.older.partition_point(|older| older.position < positions.end);
        let older = self.older[from..to]
            .iter()
            .map(|older| Older { position: older.position - positions.start, ..older.clone() });
        let tag_word = |word: usize| {
            let bytes = tags[word * 8..word * 8 + 8].iter().rev();
            AtomicU64::new(bytes.fold(0, |word, byte| word << 8 | u64::from(*byte)))
        };
        Leaf {
            tags: std::array::from_fn(tag_word),
            count: AtomicUsize::new(built.len()),
            sorted: built.len(),
            keys: Keys::new(&rest, spare_words),
            entries: all.into(),
            older: older.collect(),
        }
    }

    /// The shortest key that is above what is before the position and not above what is there.
    fn fence(&self, position: usize) -> Vec<u8> {
        let Some(before) = position.checked_sub(1) else { return Vec::new() };
        let key = |position: usize| {
            let Built { words, bytes, .. } = &self.entries[position];
            key_bytes(self.words[words.clone()].iter().copied(), *bytes)
        };
        let (last, mut first) = (key(before), key(position));
        first.truncate(common(&last, &first) + 1);
        first
    }
}
