//! What keys were before the mutator replaced their versions in place.
//!
//! It is published before anything is replaced, so whoever meets a version that is too new, or one that is
//! being replaced, finds here what was there before. One undo takes the place of the other: the next
//! group's is published when the group before it is visible.

use super::Slot;
use super::writer::Change;
use crate::sync::Arc;

/// What some keys were.
pub(super) struct Part<S> {
    /// What is done to the keys, in their order; those of one key in the order they are done in.
    pub(super) changes: Vec<Change<S>>,
    /// For each of them the newest version of its key, as it was before the first of them.
    pub(super) before: Vec<Option<(u64, S)>>,
}

/// What keys were before a group that is not visible yet, or before a move.
pub(super) struct Undo<S> {
    /// In the order in which they were done.
    pub(super) parts: Vec<Arc<Part<S>>>,
}

impl<S> Default for Undo<S> {
    fn default() -> Self {
        Self { parts: Vec::new() }
    }
}

/// What an [`Undo`] says of a key at a point in time.
pub(super) enum Past<S> {
    /// This was its newest version, or there was no such key.
    Known(Option<(u64, S)>),
    /// What was replaced is newer than that.
    Older,
    /// Nothing was done to it.
    Untouched,
}

impl<S: Slot> Undo<S> {
    /// What the key was at this sequence number, if that was before what was done to it here.
    pub(super) fn at(&self, key: &[u8], sequence: u64) -> Past<S> {
        // What the parts after the first did replaces what is no more visible than that.
        let mut parts = self.parts.iter();
        let Some((part, first)) = parts.find_map(|part| Some((part, part.find(key)?))) else {
            return Past::Untouched;
        };
        match &part.before[first] {
            None if sequence < part.changes[first].version => Past::Known(None),
            Some(before) if before.0 <= sequence => Past::Known(Some(before.clone())),
            _ => Past::Older,
        }
    }

    /// What the last part that does something to the key replaces.
    #[expect(clippy::option_option, reason = "what it replaces may be that there was no such key")]
    pub(super) fn replaced(&self, key: &[u8]) -> Option<Option<(u64, S)>> {
        self.parts.iter().rev().find_map(|part| Some(part.before[part.find(key)?].clone()))
    }
}

impl<S> Part<S> {
    /// The position of the key's first change.
    fn find(&self, key: &[u8]) -> Option<usize> {
        let first = self.changes.partition_point(|change| &*change.key < key);
        self.changes.get(first).filter(|change| change.key == key).map(|_| first)
    }

    /// The changes of each key, with what was before them.
    pub(super) fn by_key(&self) -> impl Iterator<Item = (&[Change<S>], Option<&(u64, S)>)> {
        let mut before = self.before.iter();
        self.changes.chunk_by(|a, b| a.key == b.key).map(move |changes| {
            let first = before.next();
            before.by_ref().take(changes.len() - 1).for_each(drop);
            (changes, first.and_then(Option::as_ref))
        })
    }
}
