//! The readers' half of the index.

use std::ops::Bound;

use super::counts::SharedCounts;
use super::leaf::{Entry, Leaf};
use super::snapshot::{Horizon, Registry, Snapshot};
use super::tree::{Seek, Span, Tree};
use super::{Found, Slot};
use crate::bugs::{Bug, planted};
use crate::storage::range::KeyRange;
use crate::sync::{Arc, AtomicU64, Ordering};

/// What the mutator and the readers share.
pub(super) struct Shared<S> {
    pub(super) tree: Tree<S>,
    /// The newest sequence number that readers may see.
    pub(super) visible: AtomicU64,
    pub(super) counts: Arc<SharedCounts>,
    pub(super) registry: Arc<Registry>,
}

/// The readers' half: cheap to clone, safe to use from any thread, never blocked by the mutator.
pub(crate) struct IndexReader<S>(pub(super) Arc<Shared<S>>);

impl<S> Clone for IndexReader<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Slot> IndexReader<S> {
    /// The newest visible version of the key, which may be a tombstone.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<(u64, S)> {
        let mut visible = self.visible().saturating_sub(u64::from(planted(Bug::StaleRead)));
        loop {
            if let Some(found) = self.find(key, visible) {
                return Some(found);
            }
            // The version this reader was to see may have been forgotten after a newer one became
            // visible, so an absence is final only if nothing became visible meanwhile.
            let now = self.visible();
            if now == visible || planted(Bug::SkipSecondLook) {
                return None;
            }
            visible = now;
        }
    }

    /// The version of the key that the snapshot sees, which may be a tombstone.
    pub(crate) fn at(&self, key: &[u8], snapshot: &Snapshot) -> Option<(u64, S)> {
        self.find(key, snapshot.sequence)
    }

    fn find(&self, key: &[u8], sequence: u64) -> Option<(u64, S)> {
        self.0.tree.with_leaf(key, |leaf| {
            leaf.find(key, sequence).map(|entry| (entry.version, entry.slot.clone()))
        })
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
    ) -> Vec<Found<S>> {
        let mut page = Vec::new();
        if limit == 0 {
            return page;
        }
        self.walk(range, |key, versions| {
            if let Some(entry) = versions.iter().find(|entry| entry.version <= snapshot.sequence) {
                let (version, slot) = (entry.version, entry.slot.clone());
                page.push(Found { key: key.to_vec(), version, slot });
            }
            page.len() < limit
        });
        page
    }

    /// Up to `limit` keys of the range whose newest version, visible or not, is no tombstone.
    pub(super) fn live_keys(&self, range: &KeyRange, limit: usize) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        self.walk(range, |key, versions| {
            if versions.first().is_some_and(|newest| !newest.slot.is_tombstone()) {
                keys.push(key.to_vec());
            }
            keys.len() < limit
        });
        keys
    }

    /// Visits the keys of the range, each with its versions, newest first, until `visit` says no.
    fn walk(&self, range: &KeyRange, mut visit: impl FnMut(&[u8], &[Entry<S>]) -> bool) {
        if range.is_empty() {
            return;
        }
        let mut from = match if range.reverse { &range.end } else { &range.start } {
            Bound::Included(key) | Bound::Excluded(key) => Some(key.clone()),
            Bound::Unbounded => (!range.reverse).then(Vec::new),
        };
        let mut is_first = true;
        loop {
            let seek = match &from {
                // What follows a leaf in reverse is below its lower fence.
                Some(key) if range.reverse && !is_first => Seek::Below(key),
                Some(key) => Seek::At(key),
                None => Seek::Last,
            };
            let rest = self.0.tree.seek(&seek, |leaf, span| {
                let is_done = !visit_leaf(leaf, range, &mut visit);
                let Span { lower, upper } = span;
                if range.reverse { lower } else { upper }.filter(|_| !is_done)
            });
            let Some(fence) = rest.filter(|fence| range.reaches(fence)) else { return };
            from = Some(fence);
            is_first = false;
        }
    }

    /// The versions of the key that somebody may need, newest first.
    pub(crate) fn versions(&self, key: &[u8], horizon: &Horizon) -> Vec<(u64, S)> {
        self.0.tree.with_leaf(key, |leaf| {
            let versions = leaf.versions(key);
            let newer = std::iter::once(None).chain(versions.iter().map(Some));
            let needed = versions.iter().zip(newer).filter(|(entry, newer)| {
                newer.is_none_or(|newer| !horizon.hides(entry.version, newer.version))
            });
            needed.map(|(entry, _)| (entry.version, entry.slot.clone())).collect()
        })
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

/// Visits those keys of a leaf that are in the range; false as soon as `visit` says so.
fn visit_leaf<S>(
    leaf: &Leaf<S>,
    range: &KeyRange,
    visit: &mut impl FnMut(&[u8], &[Entry<S>]) -> bool,
) -> bool {
    let start = match &range.start {
        Bound::Included(key) => leaf.lower(key),
        Bound::Excluded(key) => leaf.upper(key),
        Bound::Unbounded => 0,
    };
    let end = match &range.end {
        Bound::Included(key) => leaf.upper(key),
        Bound::Excluded(key) => leaf.lower(key),
        Bound::Unbounded => leaf.len(),
    };
    let mut groups = leaf.groups(start..end);
    let mut visit = |(key, versions): (&[u8], _)| visit(key, versions);
    if range.reverse { groups.rev().all(visit) } else { groups.all(&mut visit) }
}
