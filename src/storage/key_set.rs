//! Which keys a segment may hold values of: a sorted list of hashes, four bytes a value.
//!
//! A compaction asks it whether a tombstone is still needed. A key that was never put into a segment is
//! reported for one in some ten thousand of the tombstones asked about, which then merely stay.

use crate::sync::Arc;

/// What is remembered of a key.
pub(crate) fn hash(key: &[u8]) -> u32 {
    crc32fast::hash(key)
}

/// The hashes of a segment's keys.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// Those that were added since it was last frozen.
    added: Vec<u32>,
    frozen: Arc<[u32]>,
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

    /// The set as it is now, to be asked from another thread.
    pub(crate) fn freeze(&mut self) -> FrozenKeySet {
        if !self.added.is_empty() {
            self.added.extend_from_slice(&self.frozen);
            self.added.sort_unstable();
            self.added.dedup();
            self.frozen = std::mem::take(&mut self.added).into();
        }
        FrozenKeySet(Arc::clone(&self.frozen))
    }
}

/// A set of keys that does not change any more.
pub(crate) struct FrozenKeySet(Arc<[u32]>);

impl FrozenKeySet {
    /// False only if no such key was added.
    pub(crate) fn may_contain(&self, key: &[u8]) -> bool {
        self.0.binary_search(&hash(key)).is_ok()
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
