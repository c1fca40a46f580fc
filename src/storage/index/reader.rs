//! The readers' half of the index.

use super::change::KeyVersion;
use super::counts::SharedCounts;
use super::leaf::{Leaf, OlderVersion};
use super::slot::Slot;
use super::snapshot::{Horizon, Registry, Snapshot};
use super::tree::Tree;
use super::undo_log::{UndoLog, VersionAt};
use crate::bugs::{Bug, planted};
use crate::storage::key_range::KeyRange;
use crate::sync::{Arc, AtomicU64, Guard, Ordering, Published};

/// What the mutator and the readers share.
pub(super) struct IndexState<S: Slot> {
    pub(super) tree: Tree<S>,
    /// The newest sequence number that readers may see.
    pub(super) visible: AtomicU64,
    pub(super) counts: Arc<SharedCounts>,
    pub(super) registry: Arc<Registry>,
    /// What keys were before what is not visible yet.
    pub(super) undo: Published<UndoLog<S>>,
}

/// The readers' half: cheap to clone, safe to use from any thread, never blocked by the mutator.
pub(crate) struct IndexReader<S: Slot>(pub(super) Arc<IndexState<S>>);

impl<S: Slot> Clone for IndexReader<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Slot> IndexReader<S> {
    /// The newest visible version of the key, which may be a tombstone.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<(u64, S)> {
        let mut visible = self.visible().saturating_sub(u64::from(planted(Bug::StaleRead)));
        loop {
            let newest = self.0.tree.with_leaf(key, |leaf| Some(leaf.newest(leaf.find(key)?)))?;
            if newest.as_ref().is_some_and(|(version, _)| *version <= visible) {
                return newest;
            }
            // It is being replaced, by what is not visible or was not: then it is told of, or it is now.
            if let VersionAt::Known(before) = self.0.undo.load().version_at(key, visible) {
                return before;
            }
            if planted(Bug::SkipSecondLook) {
                return None;
            }
            visible = self.visible();
        }
    }

    /// The version of the key that the snapshot sees, which may be a tombstone.
    pub(crate) fn at(&self, key: &[u8], snapshot: &Snapshot) -> Option<(u64, S)> {
        let sequence = snapshot.sequence;
        let newest = self.0.tree.with_leaf(key, |leaf| Some(leaf.newest(leaf.find(key)?)))?;
        match newest {
            Some((version, _)) if version <= sequence => newest,
            _ => self
                .settled(|undo| self.0.tree.with_leaf(key, |leaf| seen(leaf, key, sequence, undo))),
        }
    }

    /// What `look` finds, which gets what keys were before they were replaced: nothing was replaced since
    /// that was published. It says `None` where it met something that is being replaced.
    fn settled<T>(&self, mut look: impl FnMut(&UndoLog<S>) -> Option<T>) -> T {
        loop {
            let undo: Guard<UndoLog<S>> = self.0.undo.load();
            let found = look(&undo);
            if let Some(found) = found
                && Arc::ptr_eq(&undo, &self.0.undo.load())
            {
                return found;
            }
        }
    }

    /// Registers the present as a snapshot.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.0.registry.register(|| self.visible())
    }

    /// What can be seen from now on.
    pub(crate) fn horizon(&self) -> Horizon {
        self.0.registry.horizon(|| self.visible())
    }

    /// Up to `limit` keys of the range as the snapshot sees them, tombstones included.
    pub(crate) fn page(
        &self,
        range: &KeyRange,
        snapshot: &Snapshot,
        limit: usize,
    ) -> Vec<KeyVersion<S>> {
        let mut page = Vec::new();
        if limit == 0 {
            return page;
        }
        self.0.tree.walk(range, |leaf, position| {
            let newest = leaf.newest(position).filter(|(version, _)| *version <= snapshot.sequence);
            let key = leaf.key(position);
            if let Some((version, slot)) = newest.or_else(|| self.at(&key, snapshot)) {
                page.push(KeyVersion { key, version, slot });
            }
            page.len() < limit
        });
        page
    }

    /// The versions of the key that somebody may need, newest first.
    pub(crate) fn versions(&self, key: &[u8], horizon: &Horizon) -> Vec<(u64, S)> {
        let mut versions = self.settled(|undo| {
            self.0.tree.with_leaf(key, |leaf| {
                let Some(position) = leaf.find(key) else { return Some(Vec::new()) };
                // What is being replaced is needed until it is.
                let newest =
                    leaf.newest(position).map_or_else(|| undo.replaced(key), |n| Some(Some(n)));
                let Some(newest) = newest? else { return Some(Vec::new()) };
                // Before what is not visible yet is what is, which a snapshot may still come to see.
                let mut versions = vec![newest];
                if let VersionAt::Known(before) = undo.version_at(key, self.visible()) {
                    versions.extend(before.filter(|(version, _)| *version < versions[0].0));
                }
                let oldest = versions.last().map_or(0, |(version, _)| *version);
                let older = leaf.older(position).iter().map(version);
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

    /// The newest sequence number that readers see.
    pub(crate) fn visible(&self) -> u64 {
        self.0.visible.load(Ordering::Acquire)
    }

    /// How many keys there are, those included whose expiry has passed but which are not removed yet.
    pub(crate) fn live(&self) -> u64 {
        self.0.counts.live.load(Ordering::Relaxed)
    }

    /// How many keys have an expiry.
    pub(crate) fn expiring(&self) -> u64 {
        self.0.counts.expiring.load(Ordering::Relaxed)
    }
}

/// What a snapshot at this sequence number sees of a key; `None` where that cannot be told.
#[expect(clippy::option_option, reason = "what it sees may be that there is no such key")]
fn seen<S: Slot>(
    leaf: &Leaf<S>,
    key: &[u8],
    sequence: u64,
    undo: &UndoLog<S>,
) -> Option<Option<(u64, S)>> {
    let Some(position) = leaf.find(key) else { return Some(None) };
    let newest = leaf.newest(position);
    if newest.as_ref().is_some_and(|(version, _)| *version <= sequence) {
        return Some(newest);
    }
    let mut older = leaf.older(position).iter();
    let mut older = || older.find(|older| older.version <= sequence).map(version);
    match undo.version_at(key, sequence) {
        VersionAt::Known(before) => Some(before),
        VersionAt::Older => Some(older()),
        VersionAt::Untouched => newest.map(|_| older()),
    }
}

/// A version with what it says.
fn version<S: Clone>(older: &OlderVersion<S>) -> (u64, S) {
    (older.version, older.slot.clone())
}
