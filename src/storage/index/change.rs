//! The data that enters and leaves the index.

use crate::storage::format::sequence::Sequence;

/// One version of a key.
#[derive(Debug, Clone)]
pub(crate) struct KeyVersion<S> {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The sequence number of the commit that wrote the version.
    pub(crate) version: Sequence,
    /// The data of the version.
    pub(crate) slot: S,
}

/// A version whose slot a compaction wants to replace.
pub(crate) struct Move<S> {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The version, which stays the same.
    pub(crate) version: Sequence,
    /// The slot that the compaction copied from.
    pub(crate) from: S,
    /// The slot that takes its place.
    pub(crate) to: S,
}

/// A version that a newer one replaced.
pub(super) struct Superseded<S> {
    pub(super) version: Sequence,
    /// The version that replaced it.
    pub(super) by: Sequence,
    pub(super) slot: S,
}

/// A removed key, which leaves the index once nobody sees an older version of it.
pub(super) struct Tombstone {
    pub(super) key: Vec<u8>,
    pub(super) version: Sequence,
}
