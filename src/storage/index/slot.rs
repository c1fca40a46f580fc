//! The contract between the index and what it holds for a version.

use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;

/// The data of one version of a key: the location of its record, or the value itself.
pub(crate) trait Slot: Clone + Send + Sync + 'static {
    /// The cell that holds the newest version of a key.
    type Cell: Cell<Self>;

    /// Returns true if this version is a removal of the key.
    fn is_tombstone(&self) -> bool;

    /// Returns the time at which this version expires.
    fn expires_at(&self) -> Option<UnixMillis>;

    /// Returns the bytes that the version takes where it lies: in the log, or of its value.
    fn bytes(&self) -> u64 {
        0
    }

    /// Returns the bytes of memory that the version takes beside its cell.
    fn memory(&self) -> u64 {
        0
    }
}

/// A version number and its slot, which one thread replaces while others read them without a lock.
pub(crate) trait Cell<S>: Default + Send + Sync {
    /// Returns the version; `None` while it is being replaced, or if nothing was stored yet.
    fn load(&self) -> Option<(Sequence, S)>;

    /// Replaces the version. Only one thread calls this. A reader may meet the cell half-way, so
    /// the version that was there must be found in the undo log by then.
    fn store(&self, version: Sequence, slot: &S);
}
