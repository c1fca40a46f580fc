//! A batch of a scan: neighbouring keys with the versions that a snapshot sees.

use smallvec::SmallVec;

use super::leaf::LEAF_KEYS_MAX;
use crate::storage::format::sequence::Sequence;

/// Keys of one leaf in the order of a scan, each with a version. Its memory serves the next batch
/// again, so that a scan does not allocate for each key.
pub(crate) struct ScanBatch<S> {
    /// The keys, one after the other.
    keys: Vec<u8>,
    entries: SmallVec<[BatchEntry<S>; LEAF_KEYS_MAX]>,
}

/// The bytes of keys that there is room for at first: most batches need no more.
const KEY_BYTES: usize = 1000;

/// A version in a batch.
struct BatchEntry<S> {
    /// The end of its key in the bytes of all.
    key_end: usize,
    version: Sequence,
    slot: S,
}

impl<S> ScanBatch<S> {
    /// Returns a batch without keys.
    pub(crate) fn new() -> Self {
        Self { keys: Vec::with_capacity(KEY_BYTES), entries: SmallVec::new() }
    }

    /// Returns the number of keys.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the key at a position.
    pub(crate) fn key(&self, position: usize) -> &[u8] {
        let before = position.checked_sub(1).map_or(0, |before| self.entries[before].key_end);
        &self.keys[before..self.entries[position].key_end]
    }

    /// Returns the version of the key at a position, which may be a tombstone.
    pub(crate) fn version(&self, position: usize) -> (Sequence, &S) {
        let BatchEntry { version, slot, .. } = &self.entries[position];
        (*version, slot)
    }

    /// Removes all keys.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.entries.clear();
    }

    /// Adds a key that `write` appends, if `find` has a version of it.
    pub(super) fn push(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>),
        find: impl FnOnce(&[u8]) -> Option<(Sequence, S)>,
    ) {
        let start = self.keys.len();
        write(&mut self.keys);
        match find(&self.keys[start..]) {
            Some((version, slot)) => {
                self.entries.push(BatchEntry { key_end: self.keys.len(), version, slot });
            }
            None => self.keys.truncate(start),
        }
    }
}
