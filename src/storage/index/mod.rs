//! The ordered, versioned map from keys to slots: one mutator, readers without locks.
//!
//! A version is the sequence number of the commit that wrote it. The mutator inserts the versions of a
//! group, then publishes the group's last sequence number in `visible`: that one store makes the whole
//! group appear. A reader takes `visible` once and looks for the newest version at or below it, so it
//! sees all of a batch or nothing. A [`Snapshot`] is such a number that is registered, which keeps the
//! versions it can see from being forgotten.
//!
//! A removed key is a slot that says so ([`Slot::is_tombstone`]) and not an absence, because a snapshot
//! scan must still find what the key was before. A version that a newer visible one replaced, and that
//! no snapshot sees, is told of by [`IndexWriter::prune`] at once.
//!
//! Underneath is a B+tree ([`tree`]) whose leaves take most changes in place: a key's newest version lies
//! in a cell ([`cell`]), which the mutator replaces while readers read. What that takes away from them is
//! kept in three ways:
//!
//! - Before it replaces anything, the mutator publishes what was there ([`undo`]). A reader that meets a
//!   version above its own, or one that is being replaced, looks there. So it never waits.
//! - What a registered snapshot sees stays in the leaf, beside the newest version.
//! - A snapshot that registers while a group is not visible yet sees what the group replaced; before the
//!   group becomes visible, that is put back into the leaves.

mod builder;
mod cell;
mod counts;
mod edit;
mod fences;
mod keys;
mod leaf;
mod reader;
mod snapshot;
mod tree;
mod undo;
mod writer;

pub(crate) use cell::{Cell, PointerCell, WORDS, Words, WordsCell};
pub(crate) use reader::IndexReader;
pub(crate) use snapshot::{Horizon, Snapshot};
pub(crate) use writer::{Change, IndexWriter, Move};

/// What the index holds for one version of a key.
pub(crate) trait Slot: Clone + Send + Sync + 'static {
    /// What holds the newest version of a key.
    type Cell: Cell<Self>;

    /// True where this version says that the key is gone.
    fn is_tombstone(&self) -> bool;
    /// When this version expires, in milliseconds since the Unix epoch.
    fn expires_at(&self) -> Option<u64>;
}

/// A key with one version of it.
#[derive(Debug, Clone)]
pub(crate) struct Found<S> {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The commit that wrote this version.
    pub(crate) version: u64,
    /// What it says.
    pub(crate) slot: S,
}

#[cfg(test)]
mod tests;
