//! For every key the number of the newest write that may have changed it.

use super::chunks::Chunks;
use crate::sync::{AtomicU64, Ordering};

/// Cells that are made at once: a few pages. A checker has few keys.
const PART_MIN: usize = if cfg!(any(kvs_loom, kvs_shuttle)) { 1 } else { 512 };

/// A cell for each of many sets of keys; a cell that was not made is zero.
///
/// Only the writer raises cells and makes them, so what is missing for a reader was never raised before
/// that reader began.
pub(super) struct Epochs {
    cells: Chunks<AtomicU64>,
    /// The newest write that removed every key.
    cleared: AtomicU64,
}

impl Epochs {
    /// So many cells at least.
    pub(super) fn new(cells: usize) -> Self {
        Self { cells: Chunks::new(cells, PART_MIN), cleared: AtomicU64::new(0) }
    }

    /// The newest write that may have changed a key with this hash.
    pub(super) fn of(&self, hash: u64) -> u64 {
        let cell = self.cells.get(self.position(hash));
        let raised = cell.map_or(0, |cell| cell.load(Ordering::Acquire));
        raised.max(self.cleared.load(Ordering::Acquire))
    }

    /// Says that this write, the newest, changes a key with this hash.
    pub(super) fn raise(&self, hash: u64, version: u64) {
        self.cells.get_or_make(self.position(hash)).store(version, Ordering::Release);
    }

    /// Says that this write, the newest, changes every key.
    pub(super) fn raise_all(&self, version: u64) {
        self.cleared.store(version, Ordering::Release);
    }

    /// By other bits of the hash than those that choose the bucket.
    fn position(&self, hash: u64) -> usize {
        let [.., a, b, c, d] = hash.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) as usize & (self.cells.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_raises_its_own_cell_and_a_clear_all_of_them() {
        let epochs = Epochs::new(1024);
        let (one, other) = (7 << 32, 600 << 32);
        epochs.raise(one, 3);
        assert_eq!((epochs.of(one), epochs.of(other)), (3, 0));
        epochs.raise_all(4);
        assert_eq!((epochs.of(one), epochs.of(other)), (4, 4));
        epochs.raise(other, 5);
        assert_eq!((epochs.of(one), epochs.of(other)), (4, 5));
    }
}
