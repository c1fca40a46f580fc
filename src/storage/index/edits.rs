//! The changes of versions that the writer makes by rewriting leaves.

use super::change::{KeyVersion, Move, Tombstone};
use super::counts::KeyCounts;
use super::rewrite::Edit;
use super::slot::Slot;
use super::snapshot::Horizon;
use crate::bugs::{Bug, planted};
use crate::storage::format::sequence::Sequence;

/// A new version of a key that its leaf could not take in place.
pub(super) struct Put<'a, S> {
    pub(super) change: &'a KeyVersion<S>,
    /// True if a snapshot sees the version before it.
    pub(super) keeps: bool,
}

/// Sets the newest versions of keys.
pub(super) struct Insert<'a> {
    pub(super) horizon: &'a Horizon,
}

impl<'a, S: Slot> Edit<S> for Insert<'a> {
    type Input = Put<'a, S>;
    const GROWS: bool = true;

    fn key<'b>(put: &'b Put<'a, S>) -> &'b [u8] {
        &put.change.key
    }

    fn forgets(&self, version: Sequence, by: Sequence) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, puts: &[Put<'a, S>], versions: &mut Vec<(Sequence, S)>) {
        for Put { change, keeps } in puts {
            if !keeps && !versions.is_empty() {
                versions.remove(0);
            }
            versions.insert(0, (change.version, change.slot.clone()));
        }
    }
}

/// Puts back the versions that were replaced in place although a snapshot sees them.
pub(super) struct Retain<'a> {
    pub(super) horizon: &'a Horizon,
}

impl<'a, S: Slot> Edit<S> for Retain<'a> {
    /// The key, and its version.
    type Input = (&'a [u8], &'a (Sequence, S));
    const GROWS: bool = true;

    fn key(change: &Self::Input) -> &[u8] {
        change.0
    }

    fn forgets(&self, version: Sequence, by: Sequence) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, changes: &[Self::Input], versions: &mut Vec<(Sequence, S)>) {
        for (_, (version, slot)) in changes {
            let place = versions.partition_point(|(other, _)| other > version);
            if versions.get(place).is_none_or(|(other, _)| other != version) {
                versions.insert(place, (*version, slot.clone()));
            }
        }
    }
}

/// Keeps the newest version of every key, in whatever order the versions come.
pub(super) struct Restore<'a, F> {
    pub(super) counts: &'a mut KeyCounts,
    /// Collects the tombstones.
    pub(super) tombstones: &'a mut Vec<Tombstone>,
    /// Gets each slot that was not the newest.
    pub(super) unneeded: F,
}

impl<S: Slot, F: FnMut(S)> Edit<S> for Restore<'_, F> {
    type Input = KeyVersion<S>;
    const GROWS: bool = false;

    fn key(change: &KeyVersion<S>) -> &[u8] {
        &change.key
    }

    fn forgets(&self, _: Sequence, _: Sequence) -> bool {
        false
    }

    fn revise(&mut self, changes: &[KeyVersion<S>], versions: &mut Vec<(Sequence, S)>) {
        for KeyVersion { key, version, slot } in changes {
            if versions.first().is_some_and(|(newer, _)| newer > version) {
                (self.unneeded)(slot.clone());
                continue;
            }
            let old = versions.pop().map(|(_, slot)| slot);
            self.counts.replace(key, old.as_ref(), slot);
            versions.push((*version, slot.clone()));
            old.map(&mut self.unneeded);
            if slot.is_tombstone() {
                // It stays until everything is restored: an older version may still come.
                self.tombstones.push(Tombstone { key: key.clone(), version: *version });
            }
        }
    }
}

/// Replaces the slots of versions that still have the slot they move from.
pub(super) struct Repoint<'a, F> {
    pub(super) horizon: &'a Horizon,
    /// Gets each move and true if it was made.
    pub(super) moved: F,
}

impl<S: Slot + PartialEq, F: FnMut(&Move<S>, bool)> Edit<S> for Repoint<'_, F> {
    type Input = Move<S>;
    const GROWS: bool = true;

    fn key(change: &Move<S>) -> &[u8] {
        &change.key
    }

    fn forgets(&self, version: Sequence, by: Sequence) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, moves: &[Move<S>], versions: &mut Vec<(Sequence, S)>) {
        for change in moves {
            let is_moved = |(version, slot): &&mut (Sequence, S)| {
                planted(Bug::RepointOverwritten)
                    || *version == change.version && *slot == change.from
            };
            let place = versions.iter_mut().find(is_moved);
            let is_found = place.is_some();
            if let Some((_, slot)) = place {
                *slot = change.to.clone();
            }
            (self.moved)(change, is_found);
        }
    }
}

/// Drops the tombstones of keys of which nobody sees an older version.
pub(super) struct Forget<'a, F> {
    pub(super) horizon: &'a Horizon,
    /// Gets the slot of each tombstone that was dropped.
    pub(super) forgotten: F,
    /// The tombstones that have to stay, each with the snapshot that needs it.
    pub(super) kept: Vec<(Option<Sequence>, Tombstone)>,
}

impl<S: Slot, F: FnMut(S)> Edit<S> for Forget<'_, F> {
    type Input = Tombstone;
    const GROWS: bool = true;

    fn key(change: &Tombstone) -> &[u8] {
        &change.key
    }

    fn forgets(&self, version: Sequence, by: Sequence) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, tombstones: &[Tombstone], versions: &mut Vec<(Sequence, S)>) {
        for Tombstone { key, version } in tombstones {
            let Some((_, slot)) =
                versions.first().filter(|(newest, slot)| newest == version && slot.is_tombstone())
            else {
                // The key was written again, so this one is superseded as any other version.
                continue;
            };
            let before = versions.get(1).map(|(older, _)| *older);
            let viewer = before.and_then(|older| self.horizon.viewer(older, *version));
            if before.is_some() || *version > self.horizon.visible {
                self.kept.push((viewer, Tombstone { key: key.clone(), version: *version }));
            } else {
                (self.forgotten)(slot.clone());
                versions.clear();
            }
        }
    }
}
