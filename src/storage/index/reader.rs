//! The half of the index that looks things up.

use super::counts::SharedCounts;
use super::leaf::{Leaf, OlderVersion};
use super::slot::Slot;
use super::snapshot::{Horizon, IndexSnapshot};
use super::tree::Tree;
use super::undo_log::{UndoLog, VersionAt};
use super::visibility::Visibility;
use crate::bugs::if_planted;
use crate::storage::format::sequence::Sequence;
use crate::sync::{Arc, Guard, Ordering, Published};

/// The data of one index that the writer and the readers share.
pub(super) struct IndexState<S: Slot> {
    pub(super) tree: Tree<S>,
    /// The versions that the unpublished commits, or the last move, replaced.
    pub(super) undo: Published<UndoLog<S>>,
    pub(super) counts: Arc<SharedCounts>,
}

impl<S: Slot> Default for IndexState<S> {
    fn default() -> Self {
        let (undo, counts) = (Published::new(UndoLog::default()), Arc::default());
        Self { tree: Tree::new(), undo, counts }
    }
}

/// The half of the index that looks things up: cheap to clone, usable from any thread, and never
/// blocked by the writer.
pub(crate) struct IndexReader<S: Slot> {
    visibility: Arc<Visibility>,
    pub(super) shared: Arc<IndexState<S>>,
}

impl<S: Slot> Clone for IndexReader<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.visibility), Arc::clone(&self.shared))
    }
}

impl<S: Slot> IndexReader<S> {
    pub(super) fn new(visibility: Arc<Visibility>, shared: Arc<IndexState<S>>) -> Self {
        Self { visibility, shared }
    }

    /// Returns the newest visible version of the key, which may be a tombstone.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<(Sequence, S)> {
        let mut visible = self.visible();
        if_planted!(StaleRead => visible = visible.previous());
        loop {
            let newest = self.newest_in_tree(key)?;
            if newest.as_ref().is_some_and(|(version, _)| *version <= visible) {
                return newest;
            }
            // The cell is being replaced, or was since `visible` was read. Either the undo log has
            // the version before, or the commit is visible by now.
            if let VersionAt::Known(before) = self.shared.undo.load().version_at(key, visible) {
                return before;
            }
            if_planted!(SkipSecondLook => return None);
            visible = self.visible();
        }
    }

    /// Returns the version of the key that the snapshot sees, which may be a tombstone.
    pub(crate) fn at(&self, key: &[u8], snapshot: &IndexSnapshot) -> Option<(Sequence, S)> {
        let sequence = snapshot.sequence;
        let newest = self.newest_in_tree(key)?;
        match newest {
            Some((version, _)) if version <= sequence => newest,
            _ => self.with_stable_undo(|undo| {
                self.shared.tree.with_leaf(key, |leaf| version_at(leaf, key, sequence, undo))
            }),
        }
    }

    /// Returns the version in the key's cell, visible or not. The outer `None` says that there is
    /// no such key, the inner one that its cell is being replaced.
    #[expect(clippy::option_option, reason = "both mean something else")]
    fn newest_in_tree(&self, key: &[u8]) -> Option<Option<(Sequence, S)>> {
        self.shared.tree.with_leaf(key, |leaf| Some(leaf.newest(leaf.find(key)?)))
    }

    /// Returns the result of `look`, called with an undo log during whose time nothing else was
    /// replaced. Calls it again if it returns `None`, for a cell that is being replaced.
    fn with_stable_undo<T>(&self, mut look: impl FnMut(&UndoLog<S>) -> Option<T>) -> T {
        loop {
            let undo: Guard<UndoLog<S>> = self.shared.undo.load();
            let found = look(&undo);
            if let Some(found) = found
                && Arc::ptr_eq(&undo, &self.shared.undo.load())
            {
                return found;
            }
        }
    }

    /// Registers a snapshot of the present.
    pub(crate) fn snapshot(&self) -> IndexSnapshot {
        self.visibility.snapshot()
    }

    /// Returns what can be seen from now on.
    #[cfg(test)]
    pub(crate) fn horizon(&self) -> Horizon {
        self.visibility.horizon()
    }

    /// Returns the versions of the key that a reader or a snapshot may need, newest first.
    pub(crate) fn versions(&self, key: &[u8], horizon: &Horizon) -> Vec<(Sequence, S)> {
        let mut versions = self.with_stable_undo(|undo| {
            self.shared.tree.with_leaf(key, |leaf| {
                let Some(position) = leaf.find(key) else { return Some(Vec::new()) };
                // A version that is being replaced is needed until it is.
                let newest =
                    leaf.newest(position).map_or_else(|| undo.replaced(key), |n| Some(Some(n)));
                let Some(newest) = newest? else { return Some(Vec::new()) };
                // If it is not visible yet, the version before is, and snapshots may still be taken
                // of it.
                let mut versions = vec![newest];
                if let VersionAt::Known(before) = undo.version_at(key, self.visible()) {
                    versions.extend(before.filter(|(version, _)| *version < versions[0].0));
                }
                let oldest = versions.last().map_or(Sequence::ZERO, |(version, _)| *version);
                let older = leaf.older(position).iter().map(version_and_slot);
                versions.extend(older.filter(|(version, _)| *version < oldest));
                Some(versions)
            })
        });
        let mut newer = None;
        versions.retain(|(version, _)| {
            let is_needed = newer.is_none_or(|newer| !horizon.hides(*version, newer));
            newer = Some(*version);
            is_needed
        });
        versions
    }

    /// Returns the newest sequence number that readers see.
    pub(crate) fn visible(&self) -> Sequence {
        self.visibility.visible()
    }

    /// Returns the number of keys. A key counts until it is removed, also after its expiry.
    pub(crate) fn live(&self) -> u64 {
        self.shared.counts.live.load(Ordering::Relaxed)
    }

    /// Returns the number of keys that have an expiry.
    pub(crate) fn expiring(&self) -> u64 {
        self.shared.counts.expiring.load(Ordering::Relaxed)
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
