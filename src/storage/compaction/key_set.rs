//! The keys that a segment may hold values of: a sorted list of hashes, four bytes a value.
//!
//! A compaction asks it whether a tombstone is still needed. A key that was never put into a
//! segment is reported for one in some ten thousand of the tombstones asked about, which then
//! merely stay.

use crate::sync::{Arc, Mutex, lock};

/// Returns the hash by which a set remembers a key.
pub(crate) fn hash(key: &[u8]) -> u32 {
    crc32fast::hash(key)
}

/// The hashes of a segment's keys.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// The hashes that were added since the last freeze.
    added: Vec<u32>,
    frozen: FrozenKeySet,
}

/// Hashes that no longer change.
#[derive(Debug)]
struct HashRun {
    hashes: Vec<u32>,
    is_sorted: bool,
}

impl KeySet {
    /// Adds a key that the segment holds a value of.
    pub(crate) fn add(&mut self, key: &[u8]) {
        self.added.push(hash(key));
    }

    /// Adds keys by their [`hash`]es.
    pub(crate) fn add_hashes(&mut self, mut hashes: Vec<u32>) {
        self.added.append(&mut hashes);
    }

    /// Returns the set as it is now, for another thread.
    pub(crate) fn freeze(&mut self) -> FrozenKeySet {
        if !self.added.is_empty() {
            let hashes = std::mem::take(&mut self.added);
            self.frozen.0.push(Arc::new(Mutex::new(HashRun { hashes, is_sorted: false })));
        }
        self.frozen.clone()
    }
}

/// A set of keys that no longer changes. The first query sorts it, so that the writer need not.
#[derive(Debug, Default, Clone)]
pub(crate) struct FrozenKeySet(Vec<Arc<Mutex<HashRun>>>);

impl FrozenKeySet {
    /// Returns false only if this key was not added.
    pub(crate) fn may_contain(&self, key: &[u8]) -> bool {
        let hash = hash(key);
        self.0.iter().any(|part| {
            let mut part = lock(part);
            if !part.is_sorted {
                part.hashes.sort_unstable();
                part.hashes.dedup();
                part.hashes.shrink_to_fit();
                part.is_sorted = true;
            }
            part.hashes.binary_search(&hash).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_was_added_is_found() {
        let mut keys = KeySet::default();
        let frozen_early = keys.freeze();
        for round in 0..3u32 {
            (0..1000u32).for_each(|key| keys.add(&(round * 1000 + key).to_le_bytes()));
            let frozen = keys.freeze();
            assert!((0..round * 1000 + 1000).all(|key| frozen.may_contain(&key.to_le_bytes())));
            let others = (100_000..101_000u32).filter(|key| frozen.may_contain(&key.to_le_bytes()));
            assert_eq!(others.count(), 0);
        }
        assert!(!frozen_early.may_contain(&0u32.to_le_bytes()));
    }
}
