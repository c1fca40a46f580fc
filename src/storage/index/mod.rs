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
//! no snapshot sees, is told of by [`IndexWriter::prune`] at once; its few bytes go when its leaf is
//! made anew.
//!
//! Underneath is a B+tree whose nodes never change ([`tree`]): a change makes a new leaf and puts it in
//! the place of the old one, which lives on while a reader is in it.

mod counts;
mod edit;
mod fences;
mod leaf;
mod reader;
mod snapshot;
mod tree;
mod writer;

pub(crate) use reader::IndexReader;
pub(crate) use snapshot::{Horizon, Snapshot};
pub(crate) use writer::{Change, IndexWriter, Move};

/// What the index holds for one version of a key.
pub(crate) trait Slot: Clone + Send + Sync + 'static {
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
