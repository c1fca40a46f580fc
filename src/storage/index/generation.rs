//! A generation: the keys of an index from one clear to the next, and their versions.
//!
//! A clear does not remove key by key. It moves all there is into a generation of its own, whose
//! keys nothing is written to any more, and leaves an empty one behind. Readers of a point in time
//! before the clear go on with the earlier generation ([`EarlierGenerations`]); once it hides from
//! all of them, it is [taken apart](super::drain).

use super::counts::SharedCounts;
use super::leaf::{Leaf, OlderVersion};
use super::leaf_builder::LeafBuilder;
use super::node::Node;
use super::slot::Slot;
use super::tree::Tree;
use super::undo_log::{UndoLog, VersionAt};
use crate::storage::format::sequence::Sequence;
use crate::sync::{Arc, Guard, Published};

/// The data of a generation, which the writer and the readers share.
pub(super) struct Generation<S: Slot> {
    pub(super) tree: Tree<S>,
    /// The versions that the unpublished commits, or the last move, replaced.
    pub(super) undo: Published<UndoLog<S>>,
    pub(super) counts: Arc<SharedCounts>,
}

impl<S: Slot> Default for Generation<S> {
    fn default() -> Self {
        let (undo, counts) = (Published::new(UndoLog::default()), Arc::default());
        Self { tree: Tree::new(), undo, counts }
    }
}

impl<S: Slot> Generation<S> {
    /// Returns another one with all that this one has, before that is emptied.
    pub(super) fn duplicate(&self) -> Self {
        let tree = Tree { root: Published::of(self.tree.root.load_full()) };
        Self { tree, undo: Published::of(self.undo.load_full()), counts: Arc::default() }
    }

    /// Removes all keys at once, for readers that look for them elsewhere.
    pub(super) fn empty(&self) {
        self.undo.store(Arc::new(UndoLog::default()));
        self.tree.root.store(Arc::new(Node::Leaf(LeafBuilder::empty())));
    }

    /// Returns the version of the key in a leaf that is newest for readers of this sequence number.
    /// The outer `None` says that this cannot be told, since more is visible by now, the inner one
    /// that there is no such key.
    #[expect(clippy::option_option, reason = "both mean something else")]
    pub(super) fn newest(&self, key: &[u8], visible: Sequence) -> Option<Option<(Sequence, S)>> {
        let Some(newest) = self.newest_in_tree(key) else { return Some(None) };
        if newest.as_ref().is_some_and(|(version, _)| *version <= visible) {
            return Some(newest);
        }
        // The cell is being replaced, or was since `visible` was read. Either the undo log has the
        // version before, or the commit is visible by now.
        match self.undo.load().version_at(key, visible) {
            VersionAt::Known(before) => Some(before),
            VersionAt::Older | VersionAt::Untouched => None,
        }
    }

    /// Returns the version of the key at the sequence number of a snapshot.
    pub(super) fn at(&self, key: &[u8], sequence: Sequence) -> Option<(Sequence, S)> {
        let newest = self.newest_in_tree(key)?;
        match newest {
            Some((version, _)) if version <= sequence => newest,
            _ => self.with_stable_undo(|undo| {
                self.tree.with_leaf(key, |leaf| version_at(leaf, key, sequence, undo))
            }),
        }
    }

    /// Returns the versions of the key that it may have, newest first. `visible` returns the newest
    /// sequence number that readers see.
    pub(super) fn versions(
        &self,
        key: &[u8],
        visible: impl Fn() -> Sequence,
    ) -> Vec<(Sequence, S)> {
        self.with_stable_undo(|undo| {
            self.tree.with_leaf(key, |leaf| {
                let Some(position) = leaf.find(key) else { return Some(Vec::new()) };
                // A version that is being replaced is needed until it is.
                let newest =
                    leaf.newest(position).map_or_else(|| undo.replaced(key), |n| Some(Some(n)));
                let Some(newest) = newest? else { return Some(Vec::new()) };
                // If it is not visible yet, the version before is, and snapshots may still be taken
                // of it.
                let mut versions = vec![newest];
                if let VersionAt::Known(before) = undo.version_at(key, visible()) {
                    versions.extend(before.filter(|(version, _)| *version < versions[0].0));
                }
                let oldest = versions.last().map_or(Sequence::ZERO, |(version, _)| *version);
                let older = leaf.older(position).iter().map(version_and_slot);
                versions.extend(older.filter(|(version, _)| *version < oldest));
                Some(versions)
            })
        })
    }

    /// Returns the version in the key's cell, visible or not. The outer `None` says that there is
    /// no such key, the inner one that its cell is being replaced.
    #[expect(clippy::option_option, reason = "both mean something else")]
    fn newest_in_tree(&self, key: &[u8]) -> Option<Option<(Sequence, S)>> {
        self.tree.with_leaf(key, |leaf| Some(leaf.newest(leaf.find(key)?)))
    }

    /// Returns the result of `look`, called with an undo log during whose time nothing else was
    /// replaced. Calls it again if it returns `None`, for a cell that is being replaced.
    fn with_stable_undo<T>(&self, mut look: impl FnMut(&UndoLog<S>) -> Option<T>) -> T {
        loop {
            let undo: Guard<UndoLog<S>> = self.undo.load();
            let found = look(&undo);
            if let Some(found) = found
                && Arc::ptr_eq(&undo, &self.undo.load())
            {
                return found;
            }
        }
    }
}

/// Returns the version of a key at a sequence number. The outer `None` says that this cannot be
/// told from this undo log, the inner one that there is no such key.
#[expect(clippy::option_option, reason = "both mean something else")]
fn version_at<S: Slot>(
    leaf: &Leaf<S>,
    key: &[u8],
    sequence: Sequence,
    undo: &UndoLog<S>,
) -> Option<Option<(Sequence, S)>> {
    let Some(position) = leaf.find(key) else { return Some(None) };
    let newest = leaf.newest(position);
    if newest.as_ref().is_some_and(|(version, _)| *version <= sequence) {
        return Some(newest);
    }
    let mut older = leaf.older(position).iter();
    let mut older = || older.find(|older| older.version <= sequence).map(version_and_slot);
    match undo.version_at(key, sequence) {
        VersionAt::Known(before) => Some(before),
        VersionAt::Older => Some(older()),
        VersionAt::Untouched => newest.map(|_| older()),
    }
}

fn version_and_slot<S: Clone>(older: &OlderVersion<S>) -> (Sequence, S) {
    (older.version, older.slot.clone())
}
