//! The half of the index that looks things up.

use super::earlier::{EarlierGenerations, GenerationAt};
use super::generation::Generation;
use super::node::Node;
use super::slot::Slot;
use super::snapshot::{Horizon, IndexSnapshot};
use super::visibility::Visibility;
use crate::bugs::{Bug, if_planted, planted};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::sync::{Arc, Guard, Ordering};

/// The data of one index that the writer and the readers share.
pub(super) struct IndexState<S: Slot> {
    /// The keys since the last clear, visible or not.
    pub(super) newest: Arc<Generation<S>>,
    pub(super) earlier: Arc<EarlierGenerations<S>>,
}

impl<S: Slot> Default for IndexState<S> {
    fn default() -> Self {
        Self { newest: Arc::default(), earlier: Arc::default() }
    }
}

impl<S: Slot> Clone for IndexState<S> {
    fn clone(&self) -> Self {
        Self { newest: Arc::clone(&self.newest), earlier: Arc::clone(&self.earlier) }
    }
}

/// The half of the index that looks things up: cheap to clone, usable from any thread, and never
/// blocked by the writer.
pub(crate) struct IndexReader<S: Slot> {
    visibility: Arc<Visibility>,
    pub(super) state: IndexState<S>,
}

impl<S: Slot> Clone for IndexReader<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.visibility), self.state.clone())
    }
}

impl<S: Slot> IndexReader<S> {
    pub(super) fn new(visibility: Arc<Visibility>, state: IndexState<S>) -> Self {
        Self { visibility, state }
    }

    /// Returns the newest visible version of the key, which may be a tombstone.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<(Sequence, S)> {
        let mut visible = self.visible();
        if_planted!(StaleRead => visible = visible.previous());
        loop {
            if let Some(newest) = self.newest_at(key, visible) {
                return newest;
            }
            if_planted!(SkipSecondLook => return None);
            visible = self.visible();
        }
    }

    /// Returns the newest version of the key for readers of this sequence number. The outer `None`
    /// says that this cannot be told, since more is visible by now, the inner one that there is no
    /// such key.
    #[expect(clippy::option_option, reason = "both mean something else")]
    fn newest_at(&self, key: &[u8], visible: Sequence) -> Option<Option<(Sequence, S)>> {
        let found = self.state.newest.newest(key, visible);
        if matches!(found, Some(Some(_))) {
            return found;
        }
        // It may be what a clear left that is not visible yet.
        match self.state.earlier.at(visible) {
            GenerationAt::Newest => found,
            GenerationAt::Earlier(earlier) => {
                let found = earlier.generation.newest(key, visible);
                // Once the clear is visible, the generation may be taken apart.
                let counts = || self.visible() < earlier.span.until;
                found.filter(|_| counts() || planted(Bug::TrustDrained))
            }
            GenerationAt::Gone => None,
        }
    }

    /// Returns the version of the key that the snapshot sees, which may be a tombstone.
    pub(crate) fn at(&self, key: &[u8], snapshot: &IndexSnapshot) -> Option<(Sequence, S)> {
        let found = self.state.newest.at(key, snapshot.sequence);
        if found.is_some() {
            return found;
        }
        match self.state.earlier.at(snapshot.sequence) {
            GenerationAt::Earlier(earlier) => earlier.generation.at(key, snapshot.sequence),
            // Not gone: the snapshot keeps what it sees.
            GenerationAt::Newest | GenerationAt::Gone => None,
        }
    }

    /// Returns the root of the tree that the snapshot sees.
    pub(super) fn root_at(&self, snapshot: &IndexSnapshot) -> Guard<Node<S>> {
        let newest = self.state.newest.tree.root.load();
        match self.state.earlier.at(snapshot.sequence) {
            GenerationAt::Earlier(earlier) => earlier.generation.tree.root.load(),
            GenerationAt::Newest | GenerationAt::Gone => newest,
        }
    }

    /// Registers a snapshot of the present.
    pub(crate) fn snapshot(&self) -> IndexSnapshot {
        self.visibility.snapshot(None)
    }

    /// Registers a snapshot of the present, which is `now` for those who ask for its age.
    pub(crate) fn snapshot_at(&self, now: UnixMillis) -> IndexSnapshot {
        self.visibility.snapshot(Some(now))
    }

    /// Returns what can be seen from now on.
    #[cfg(test)]
    pub(crate) fn horizon(&self) -> Horizon {
        self.visibility.horizon()
    }

    /// Returns the versions of the key that a reader or a snapshot may need, newest first; some may
    /// come twice.
    pub(crate) fn versions(&self, key: &[u8], horizon: &Horizon) -> Vec<(Sequence, S)> {
        let versions_in = |generation: &Generation<S>, mut newer: Option<Sequence>| {
            let mut versions = generation.versions(key, || self.visible());
            versions.retain(|(version, _)| {
                let is_needed = newer.is_none_or(|newer| !horizon.hides(*version, newer));
                newer = Some(*version);
                is_needed
            });
            versions
        };
        let mut versions = versions_in(&self.state.newest, None);
        // After that, so that what a clear moves meanwhile is not missed.
        for earlier in self.state.earlier.all().iter() {
            versions.extend(versions_in(&earlier.generation, Some(earlier.span.until)));
        }
        versions
    }

    /// Returns the newest clear, visible or not, that removed a key.
    pub(crate) fn cleared(&self) -> Sequence {
        self.state.earlier.cleared()
    }

    /// Returns the newest sequence number that readers see.
    pub(crate) fn visible(&self) -> Sequence {
        self.visibility.visible()
    }

    /// Returns the number of keys. A key counts until it is removed, also after its expiry.
    pub(crate) fn live(&self) -> u64 {
        self.state.newest.counts.live.load(Ordering::Relaxed)
    }

    /// Returns the number of keys that have an expiry.
    pub(crate) fn expiring(&self) -> u64 {
        self.state.newest.counts.expiring.load(Ordering::Relaxed)
    }
}
