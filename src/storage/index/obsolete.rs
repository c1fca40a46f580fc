//! Versions that a newer one replaced, until no snapshot sees them: the garbage of [MVCC][mvcc].
//!
//! [mvcc]: https://doi.org/10.1145/319996.319998

use std::collections::BTreeMap;
use std::ops::Add;

use super::change::{Superseded, Tombstone};
use super::edits::Forget;
use super::leaf_builder::LeafBuilder;
use super::rewrite::rewrite;
use super::slot::Slot;
use super::snapshot::Horizon;
use super::tree::Tree;
use crate::storage::format::sequence::Sequence;

/// The obsolete versions of one index.
pub(super) struct ObsoleteVersions<S> {
    /// The horizon of the last [`prune`](Self::prune), which reported every version that it hides.
    horizon: Horizon,
    /// The versions since the last prune, and those of commits that were not visible then.
    pending: Garbage<S>,
    /// The versions that a snapshot sees, by the newest one that does.
    held: BTreeMap<Sequence, Garbage<S>>,
}

/// The versions that are kept for snapshots alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HeldVersions {
    /// The number of them, tombstones included.
    pub(crate) versions: u64,
    /// The bytes that they take where they lie.
    pub(crate) bytes: u64,
}

impl Add for HeldVersions {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { versions: self.versions + other.versions, bytes: self.bytes + other.bytes }
    }
}

/// Superseded versions and tombstones.
pub(super) struct Garbage<S> {
    superseded: Vec<Superseded<S>>,
    tombstones: Vec<Tombstone>,
    /// The bytes of superseded versions that are held for a snapshot.
    bytes_held: u64,
}

impl<S> Default for Garbage<S> {
    fn default() -> Self {
        Self { superseded: Vec::new(), tombstones: Vec::new(), bytes_held: 0 }
    }
}

impl<S> Garbage<S> {
    pub(super) fn is_empty(&self) -> bool {
        self.superseded.is_empty() && self.tombstones.is_empty()
    }

    fn append(&mut self, mut other: Self) {
        self.superseded.append(&mut other.superseded);
        self.tombstones.append(&mut other.tombstones);
    }

    /// Adds a superseded version that a snapshot sees.
    fn hold(&mut self, superseded: Superseded<S>)
    where
        S: Slot,
    {
        self.bytes_held += superseded.slot.bytes();
        self.superseded.push(superseded);
    }

    /// Takes one out: a superseded version with its slot, a tombstone without. Returns `None` if
    /// there is none.
    #[expect(clippy::option_option, reason = "the inner one: the slot of a tombstone is in a leaf")]
    pub(super) fn take_one(&mut self) -> Option<Option<S>> {
        match self.superseded.pop() {
            Some(superseded) => Some(Some(superseded.slot)),
            None => self.tombstones.pop().map(|_| None),
        }
    }
}

impl<S> Default for ObsoleteVersions<S> {
    fn default() -> Self {
        Self { horizon: Horizon::default(), pending: Garbage::default(), held: BTreeMap::new() }
    }
}

impl<S> ObsoleteVersions<S> {
    /// Adds a version that was replaced.
    pub(super) fn add_superseded(&mut self, superseded: Superseded<S>) {
        self.pending.superseded.push(superseded);
    }

    /// Returns the tombstones since the last prune, to be added to.
    pub(super) fn new_tombstones(&mut self) -> &mut Vec<Tombstone> {
        &mut self.pending.tombstones
    }

    /// Returns the horizon of the last prune. Versions that it hides were reported and may be
    /// dropped.
    pub(super) fn horizon(&self) -> &Horizon {
        &self.horizon
    }

    /// Returns true if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.held.is_empty()
    }

    /// Returns the number of those that are held for snapshots, and the bytes of the versions.
    pub(super) fn held(&self) -> HeldVersions {
        let of = |garbage: &Garbage<S>| HeldVersions {
            versions: (garbage.superseded.len() + garbage.tombstones.len()) as u64,
            bytes: garbage.bytes_held,
        };
        self.held.values().map(of).fold(HeldVersions::default(), Add::add)
    }

    /// Returns all of them, whoever sees them.
    pub(super) fn into_garbage(self) -> Vec<Garbage<S>> {
        let all = self.held.into_values().chain([self.pending]);
        all.filter(|garbage| !garbage.is_empty()).collect()
    }
}

impl<S: Slot> ObsoleteVersions<S> {
    /// Reports every version that nobody sees any more, tombstones with true, and removes the keys
    /// of these tombstones from the tree.
    pub(super) fn prune(
        &mut self,
        horizon: Horizon,
        tree: &Tree<S>,
        builder: &mut LeafBuilder<S>,
        mut forgotten: impl FnMut(S, bool),
    ) {
        self.horizon = horizon;
        let Garbage { superseded, mut tombstones, .. } = self.take_candidates();
        let Self { horizon, pending, held } = self;
        for superseded in superseded {
            let Superseded { version, by, .. } = superseded;
            match horizon.viewer(version, by) {
                _ if by > horizon.visible => pending.superseded.push(superseded),
                Some(snapshot) => held.entry(snapshot).or_default().hold(superseded),
                None => forgotten(superseded.slot, false),
            }
        }
        tombstones.sort_by(|a, b| a.key.cmp(&b.key));
        let mut edit =
            Forget { horizon, forgotten: |slot| forgotten(slot, true), kept: Vec::new() };
        rewrite(tree, builder, &mut edit, &tombstones);
        for (viewer, tombstone) in edit.kept {
            match viewer {
                Some(snapshot) => held.entry(snapshot).or_default().tombstones.push(tombstone),
                None => pending.tombstones.push(tombstone),
            }
        }
    }

    /// Takes out what is new, and what was held for snapshots that are gone.
    fn take_candidates(&mut self) -> Garbage<S> {
        let Self { horizon, pending, held } = self;
        let is_released = |snapshot: &Sequence| horizon.snapshots.binary_search(snapshot).is_err();
        let released: Vec<Sequence> = held.keys().copied().filter(is_released).collect();
        let mut candidates = std::mem::take(pending);
        for snapshot in released {
            candidates.append(held.remove(&snapshot).unwrap_or_default());
        }
        candidates
    }
}
