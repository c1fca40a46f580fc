//! A leaf of the tree: some dozens of keys with their versions, never changed once it is made.
//!
//! Making the next one copies three stretches of memory. A lookup compares one byte of the key's hash with
//! those of all entries, which lie side by side, and so mostly touches one key and one slot.

use std::ops::Range;

use super::fences::common;

/// Entries that a leaf holds unless one key alone has more versions; more are split.
pub(super) const LEAF_ENTRIES_MAX: usize = 64;

/// One version of a key.
#[derive(Clone)]
pub(super) struct Entry<S> {
    /// The commit that wrote it.
    pub(super) version: u64,
    /// What it says.
    pub(super) slot: S,
    /// Where its key ends among the keys of the leaf.
    key_end: u32,
    /// The entry before it is a newer version of the same key.
    is_older: bool,
}

/// Entries by key, those of one key newest first.
pub(super) struct Leaf<S> {
    /// One byte of the hash of each entry's key; only in a leaf that is not oversized.
    hashes: [u8; LEAF_ENTRIES_MAX],
    keys: Box<[u8]>,
    entries: Box<[Entry<S>]>,
    /// Some key has more than one version.
    has_older: bool,
}

impl<S> Leaf<S> {
    /// A leaf without entries.
    pub(super) fn empty() -> Self {
        Self {
            hashes: [0; LEAF_ENTRIES_MAX],
            keys: Box::default(),
            entries: Box::default(),
            has_older: false,
        }
    }

    /// The entries of one key, newest first; empty where the leaf does not hold it.
    pub(super) fn versions(&self, key: &[u8]) -> &[Entry<S>] {
        &self.entries[self.position(key).unwrap_or(0..0)]
    }

    /// Where the entries of one key are, or would be.
    pub(super) fn place(&self, key: &[u8]) -> Range<usize> {
        self.position(key).unwrap_or_else(|| {
            let position = self.lower(key);
            position..position
        })
    }

    /// The entries at these positions.
    pub(super) fn entries(&self, positions: Range<usize>) -> &[Entry<S>] {
        &self.entries[positions]
    }

    fn hashes(&self) -> Option<&[u8]> {
        self.hashes.get(..self.entries.len())
    }

    fn position(&self, key: &[u8]) -> Option<Range<usize>> {
        let first = match self.hashes() {
            Some(hashes) => {
                let mut candidates = memchr::memchr_iter(hash(key), hashes);
                candidates.find(|position| self.key(*position) == key)?
            }
            None => {
                let first = self.lower(key);
                (first < self.entries.len() && self.key(first) == key).then_some(first)?
            }
        };
        Some(first..self.group_end(first))
    }

    /// The newest version of the key at or below `sequence`.
    pub(super) fn find(&self, key: &[u8], sequence: u64) -> Option<&Entry<S>> {
        self.versions(key).iter().find(|entry| entry.version <= sequence)
    }

    /// The keys at these positions with their versions, newest first.
    pub(super) fn groups(
        &self,
        positions: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = (&[u8], &[Entry<S>])> {
        let is_first = |position: &usize| !self.entries[*position].is_older;
        let firsts = positions.filter(is_first);
        firsts.map(|first| (self.key(first), &self.entries[first..self.group_end(first)]))
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The position of the first entry whose key is at or above this one.
    pub(super) fn lower(&self, key: &[u8]) -> usize {
        self.partition(|other| other < key)
    }

    /// The position of the first entry whose key is above this one.
    pub(super) fn upper(&self, key: &[u8]) -> usize {
        self.partition(|other| other <= key)
    }

    fn partition(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.key(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn group_end(&self, first: usize) -> usize {
        if !self.has_older {
            return first + 1;
        }
        let older = self.entries[first + 1..].iter().take_while(|entry| entry.is_older);
        first + 1 + older.count()
    }

    fn key(&self, position: usize) -> &[u8] {
        &self.keys[self.key_start(position)..self.entries[position].key_end as usize]
    }

    fn key_start(&self, position: usize) -> usize {
        position.checked_sub(1).map_or(0, |before| self.entries[before].key_end as usize)
    }
}

/// Whoever updates the tree keeps the keys of one update below 4 GiB.
#[expect(clippy::cast_possible_truncation, reason = "keys have at most 64 KiB, updates are cut up")]
fn offset(bytes: usize) -> u32 {
    bytes as u32
}

/// One byte that differs for most keys; whoever chooses keys with equal ones gets slower lookups only.
fn hash(key: &[u8]) -> u8 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let words = key.chunks_exact(8);
    let mut rest = [0; 8];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    let last = u64::from_le_bytes(rest) ^ key.len() as u64;
    let words = words.map(|word| word.try_into().map_or(0, u64::from_le_bytes));
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(ODD).rotate_left(29);
    let state = words.chain([last]).fold(ODD, mix);
    state.wrapping_mul(ODD).to_be_bytes()[0]
}

/// Makes leaves.
pub(super) struct LeafBuilder<S> {
    hashes: Vec<u8>,
    keys: Vec<u8>,
    entries: Vec<Entry<S>>,
}

impl<S: Clone> LeafBuilder<S> {
    /// A builder of nothing yet.
    pub(super) fn new() -> Self {
        Self { hashes: Vec::new(), keys: Vec::new(), entries: Vec::new() }
    }

    /// Makes room for the entries of a leaf and some more.
    pub(super) fn reserve(&mut self, leaf: &Leaf<S>, more: usize, more_key_bytes: usize) {
        self.entries.reserve_exact(leaf.entries.len() + more);
        self.keys.reserve_exact(leaf.keys.len() + more_key_bytes);
    }

    /// Takes over the entries at these positions but for versions that `forgets` says nobody needs.
    pub(super) fn keep(
        &mut self,
        leaf: &Leaf<S>,
        positions: Range<usize>,
        forgets: impl Fn(u64, u64) -> bool,
    ) {
        if !leaf.has_older {
            return self.copy(leaf, positions);
        }
        let mut start = positions.start;
        let mut newer = 0;
        for position in positions.clone() {
            let entry = &leaf.entries[position];
            if entry.is_older && forgets(entry.version, newer) {
                self.copy(leaf, start..position);
                start = position + 1;
            } else {
                newer = entry.version;
            }
        }
        self.copy(leaf, start..positions.end);
    }

    fn copy(&mut self, leaf: &Leaf<S>, positions: Range<usize>) {
        if positions.is_empty() {
            return;
        }
        let start = leaf.key_start(positions.start);
        let end = leaf.entries[positions.end - 1].key_end as usize;
        let moved = offset(self.keys.len()).wrapping_sub(offset(start));
        match leaf.hashes() {
            Some(hashes) => self.hashes.extend_from_slice(&hashes[positions.clone()]),
            None => self.hashes.extend(positions.clone().map(|position| hash(leaf.key(position)))),
        }
        self.keys.extend_from_slice(&leaf.keys[start..end]);
        let entries = leaf.entries[positions].iter();
        let entries = entries.map(|entry| {
            let mut entry = entry.clone();
            entry.key_end = entry.key_end.wrapping_add(moved);
            entry
        });
        self.entries.extend(entries);
    }

    /// Adds a key with its versions, newest first.
    pub(super) fn push(&mut self, key: &[u8], versions: impl Iterator<Item = (u64, S)>) {
        for (position, (version, slot)) in versions.enumerate() {
            self.hashes.push(hash(key));
            self.keys.extend_from_slice(key);
            let key_end = offset(self.keys.len());
            self.entries.push(Entry { version, slot, key_end, is_older: position > 0 });
        }
    }

    /// The leaves of what was added, each after the first with the fence it begins at.
    ///
    /// Where the last key is one that was appended, more are expected behind it: all leaves but the last
    /// are then filled.
    pub(super) fn finish(&mut self, is_appended: bool) -> Vec<(Vec<u8>, Leaf<S>)> {
        let total = self.entries.len();
        let pieces = total.div_ceil(LEAF_ENTRIES_MAX);
        let size = if is_appended { LEAF_ENTRIES_MAX } else { total.div_ceil(pieces.max(1)) };
        if pieces == 1 {
            // By far the most frequent case: what was collected becomes the leaf.
            return vec![(Vec::new(), self.take())];
        }
        let mut leaves = Vec::with_capacity(pieces);
        let mut start = 0;
        while start < total {
            let mut end = total.min(start + size);
            while self.entries.get(end).is_some_and(|entry| entry.is_older) {
                end += 1;
            }
            leaves.push((self.fence(start), self.leaf(start..end)));
            start = end;
        }
        self.hashes.clear();
        self.keys.clear();
        self.entries.clear();
        leaves
    }

    fn take(&mut self) -> Leaf<S> {
        let mut hashes = [0; LEAF_ENTRIES_MAX];
        hashes[..self.hashes.len()].copy_from_slice(&self.hashes);
        self.hashes.clear();
        let entries = std::mem::take(&mut self.entries).into_boxed_slice();
        let has_older = entries.iter().any(|entry| entry.is_older);
        Leaf { hashes, keys: std::mem::take(&mut self.keys).into(), entries, has_older }
    }

    /// The shortest key that is above what is before the position and not above what is there.
    fn fence(&self, position: usize) -> Vec<u8> {
        let Some(before) = position.checked_sub(1) else { return Vec::new() };
        let key = |position: usize| {
            let start = self.key_start(position);
            &self.keys[start..self.entries[position].key_end as usize]
        };
        let (last, first) = (key(before), key(position));
        first[..common(last, first) + 1].to_vec()
    }

    fn key_start(&self, position: usize) -> usize {
        position.checked_sub(1).map_or(0, |before| self.entries[before].key_end as usize)
    }

    fn leaf(&self, positions: Range<usize>) -> Leaf<S> {
        let start = self.key_start(positions.start);
        let end = self.key_start(positions.end);
        let mut hashes = [0; LEAF_ENTRIES_MAX];
        if let Some(hashes) = hashes.get_mut(..positions.len()) {
            hashes.copy_from_slice(&self.hashes[positions.clone()]);
        }
        let keys = self.keys[start..end].into();
        let mut has_older = false;
        let entries = self.entries[positions].iter().map(|entry| {
            has_older |= entry.is_older;
            let mut entry = entry.clone();
            entry.key_end -= offset(start);
            entry
        });
        let entries = entries.collect();
        Leaf { hashes, keys, entries, has_older }
    }
}
