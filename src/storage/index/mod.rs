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
//! in a cell ([`seqlock_cell`]), which the mutator replaces while readers read. What that takes away from them is
//! kept in three ways:
//!
//! - Before it replaces anything, the mutator publishes what was there ([`undo_log`]). A reader that meets a
//!   version above its own, or one that is being replaced, looks there. So it never waits.
//! - What a registered snapshot sees stays in the leaf, beside the newest version.
//! - A snapshot that registers while a group is not visible yet sees what the group replaced; before the
//!   group becomes visible, that is put back into the leaves.

mod change;
mod counts;
mod edits;
mod leaf;
mod leaf_builder;
mod leaf_keys;
mod node;
mod pointer_cell;
mod reader;
mod rewrite;
mod separators;
mod seqlock_cell;
mod slot;
mod snapshot;
#[cfg(test)]
mod tests;
mod tree;
mod undo_log;
mod writer;

pub(crate) use change::{KeyVersion, Move};
pub(crate) use pointer_cell::PointerCell;
pub(crate) use reader::IndexReader;
pub(crate) use seqlock_cell::{PackedSlot, SLOT_WORDS, SeqlockCell};
pub(crate) use slot::Slot;
pub(crate) use snapshot::{Horizon, Snapshot};
pub(crate) use writer::IndexWriter;
