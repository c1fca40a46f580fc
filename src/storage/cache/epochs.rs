//! Epochs: for every key the sequence number of the newest write that may have changed it.

use super::lazy_array::LazyArray;
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::sequence::Sequence;
use crate::sync::{AtomicU64, Ordering};

/// The number of sets of keyspaces: with more, a range removal invalidates fewer other keyspaces.
const KEYSPACE_SETS: usize = 64;

/// The least number of cells that are allocated at once: a page. The model checkers have few keys.
const PART_MIN: usize = if cfg!(any(kvs_loom, kvs_shuttle)) { 1 } else { 512 };

/// A cell for each of many sets of keys, zero if it is not allocated.
///
/// Only the writer allocates and raises cells, so a cell that a reader misses was never raised
/// before that reader began.
pub(super) struct Epochs {
    cells: LazyArray<AtomicU64>,
    /// The newest write that removed a range of keys, for each set of keyspaces.
    ranges: [AtomicU64; KEYSPACE_SETS],
}

impl Epochs {
    /// Returns at least this many cells.
    pub(super) fn new(cells: usize) -> Self {
        let ranges = std::array::from_fn(|_| AtomicU64::new(0));
        Self { cells: LazyArray::new(cells, PART_MIN), ranges }
    }

    /// Returns the newest write that may have changed a key with this hash.
    pub(super) fn of(&self, keyspace: KeyspaceId, hash: u64) -> Sequence {
        let cell = self.cells.get(self.position(hash));
        let raised = cell.map_or(0, |cell| cell.load(Ordering::Acquire));
        Sequence(raised.max(self.range(keyspace).load(Ordering::Acquire)))
    }

    /// Raises the epoch of the keys with this hash to the newest write.
    pub(super) fn raise(&self, hash: u64, version: Sequence) {
        self.cells.get_or_make(self.position(hash)).store(version.0, Ordering::Release);
    }

    /// Raises the epochs of all keys of the keyspace to the newest write.
    pub(super) fn raise_all(&self, keyspace: KeyspaceId, version: Sequence) {
        self.range(keyspace).store(version.0, Ordering::Release);
    }

    /// Returns the cell of the range removals of a keyspace.
    fn range(&self, keyspace: KeyspaceId) -> &AtomicU64 {
        &self.ranges[keyspace.0 as usize % KEYSPACE_SETS]
    }

    /// Returns the cell of a hash, by other bits than those that choose the bucket.
    fn position(&self, hash: u64) -> usize {
        let [.., a, b, c, d] = hash.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) as usize & (self.cells.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_raises_its_own_cell_and_a_range_removal_all_of_its_keyspace() {
        let epochs = Epochs::new(1024);
        let (one, other) = (7 << 32, 600 << 32);
        let of = |keyspace| [one, other].map(|hash| epochs.of(KeyspaceId(keyspace), hash).0);
        epochs.raise(one, Sequence(3));
        assert_eq!((of(0), of(1)), ([3, 0], [3, 0]));
        epochs.raise_all(KeyspaceId(1), Sequence(4));
        assert_eq!((of(0), of(1)), ([3, 0], [4, 4]));
        epochs.raise(other, Sequence(5));
        assert_eq!((of(0), of(1)), ([3, 5], [4, 5]));
    }
}
