//! The keys that a segment may hold values of: a sorted list of hashes, four bytes a value.
//!
//! A compaction asks it whether a tombstone is still needed. A key that was never put into a
//! segment is reported for one in some ten thousand of the tombstones asked about, which then
//! merely stay.

use std::collections::BTreeSet;

use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::sync::{Arc, Mutex, lock};

/// Returns the hash by which a set remembers a key.
pub(crate) fn hash(keyspace: KeyspaceId, key: &[u8]) -> u32 {
    // Added and not started with: a CRC of another start is that of a neighbouring key.
    crc32fast::hash(key).wrapping_add(keyspace.0.wrapping_mul(0x9E37_79B1))
}

/// The hashes of a segment's keys.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// The hashes that were added since the last freeze.
    added: Vec<u32>,
    frozen: FrozenKeySet,
    /// The keyspace of the key that was added last.
    last: Option<KeyspaceId>,
}

/// Hashes that no longer change.
#[derive(Debug)]
struct HashRun {
    hashes: Vec<u32>,
    is_sorted: bool,
}

impl KeySet {
    /// Adds a key that the segment holds a value of.
    pub(crate) fn add(&mut self, keyspace: KeyspaceId, key: &[u8]) {
        self.added.push(hash(keyspace, key));
        if self.last != Some(keyspace) {
            self.add_keyspaces([keyspace]);
        }
    }

    /// Adds keys by their [`hash`]es, and their keyspaces.
    pub(crate) fn add_hashes(&mut self, mut hashes: Vec<u32>, keyspaces: Vec<KeyspaceId>) {
        self.added.append(&mut hashes);
        self.add_keyspaces(keyspaces);
    }

    fn add_keyspaces(&mut self, keyspaces: impl IntoIterator<Item = KeyspaceId>) {
        for keyspace in keyspaces {
            self.last = Some(keyspace);
            self.frozen.keyspaces.insert(keyspace);
        }
    }

    /// Returns the set as it is now, for another thread.
    pub(crate) fn freeze(&mut self) -> FrozenKeySet {
        if !self.added.is_empty() {
            let hashes = std::mem::take(&mut self.added);
            self.frozen.hashes.push(Arc::new(Mutex::new(HashRun { hashes, is_sorted: false })));
        }
        self.frozen.clone()
    }
}

/// A set of keys that no longer changes. The first query sorts it, so that the writer need not.
#[derive(Debug, Default, Clone)]
pub(crate) struct FrozenKeySet {
    hashes: Vec<Arc<Mutex<HashRun>>>,
    keyspaces: BTreeSet<KeyspaceId>,
}

impl FrozenKeySet {
    /// Returns false only if this key was not added.
    pub(crate) fn may_contain(&self, (keyspace, key): PlacedKey<'_>) -> bool {
        let hash = hash(keyspace, key);
        self.hashes.iter().any(|part| {
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

    /// Returns false only if no key of the keyspace was added.
    pub(crate) fn may_contain_any(&self, keyspace: KeyspaceId) -> bool {
        self.keyspaces.contains(&keyspace)
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
            (0..1000u32)
                .for_each(|key| keys.add(KeyspaceId::DEFAULT, &(round * 1000 + key).to_le_bytes()));
            let frozen = keys.freeze();
            let is_found =
                |keyspace, key: u32| frozen.may_contain((KeyspaceId(keyspace), &key.to_le_bytes()));
            assert!((0..round * 1000 + 1000).all(|key| is_found(0, key)));
            assert_eq!((100_000..101_000).filter(|key| is_found(0, *key)).count(), 0);
            assert!((0..1000).filter(|key| is_found(1, *key)).count() < 3, "another keyspace");
            assert!(
                frozen.may_contain_any(KeyspaceId(0)) && !frozen.may_contain_any(KeyspaceId(1))
            );
        }
        assert!(!frozen_early.may_contain((KeyspaceId::DEFAULT, &0u32.to_le_bytes())));
    }
}
