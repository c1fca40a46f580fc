//! What the mutator does to the versions of a key.

use super::Slot;
use super::counts::Counts;
use super::snapshot::Horizon;
use super::tree::Edit;
use super::writer::{Change, Move, Removed};
use crate::bugs::{Bug, planted};

/// The newest version of a key, for a leaf that cannot take it in place.
pub(super) struct Put<'a, S> {
    pub(super) change: &'a Change<S>,
    /// A snapshot sees what was there before.
    pub(super) keeps: bool,
}

/// Sets the newest versions of keys.
pub(super) struct Insert<'a> {
    pub(super) horizon: &'a Horizon,
}

impl<'a, S: Slot> Edit<S> for Insert<'a> {
    type Change = Put<'a, S>;
    const GROWS: bool = true;

    fn key<'b>(put: &'b Put<'a, S>) -> &'b [u8] {
        &put.change.key
    }

    fn forgets(&self, version: u64, by: u64) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, puts: &[Put<'a, S>], versions: &mut Vec<(u64, S)>) {
        for Put { change, keeps } in puts {
            if !keeps && !versions.is_empty() {
                versions.remove(0);
            }
            versions.insert(0, (change.version, change.slot.clone()));
        }
    }
}

/// Puts back what was replaced in place and a snapshot turned out to see.
pub(super) struct Retain<'a> {
    pub(super) horizon: &'a Horizon,
}

impl<'a, S: Slot> Edit<S> for Retain<'a> {
    /// The key, and its version.
    type Change = (&'a [u8], &'a (u64, S));
    const GROWS: bool = true;

    fn key(change: &Self::Change) -> &[u8] {
        change.0
    }

    fn forgets(&self, version: u64, by: u64) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, changes: &[Self::Change], versions: &mut Vec<(u64, S)>) {
        for (_, (version, slot)) in changes {
            let place = versions.partition_point(|(other, _)| other > version);
            if versions.get(place).is_none_or(|(other, _)| other != version) {
                versions.insert(place, (*version, slot.clone()));
            }
        }
    }
}

/// Keeps of every key its newest version, whatever the order they come in.
pub(super) struct Restore<'a, F> {
    pub(super) counts: &'a mut Counts,
    pub(super) removed: &'a mut Vec<Removed>,
    pub(super) unneeded: F,
}

impl<S: Slot, F: FnMut(S)> Edit<S> for Restore<'_, F> {
    type Change = Change<S>;
    const GROWS: bool = false;

    fn key(change: &Change<S>) -> &[u8] {
        &change.key
    }

    fn forgets(&self, _: u64, _: u64) -> bool {
        false
    }

    fn revise(&mut self, changes: &[Change<S>], versions: &mut Vec<(u64, S)>) {
        for Change { key, version, slot } in changes {
            if versions.first().is_some_and(|(newer, _)| newer > version) {
                (self.unneeded)(slot.clone());
                continue;
            }
            let old = versions.pop().map(|(_, slot)| slot);
            self.counts.replace(key, old.as_ref(), slot);
            versions.push((*version, slot.clone()));
            old.map(&mut self.unneeded);
            if slot.is_tombstone() {
                // Kept until everything is restored: an older version of the key may still come.
                self.removed.push(Removed { key: key.clone(), version: *version });
            }
        }
    }
}

/// Replaces the slots of versions that are still where they move from.
pub(super) struct Repoint<'a, F> {
    pub(super) horizon: &'a Horizon,
    pub(super) moved: F,
}

impl<S: Slot + PartialEq, F: FnMut(&Move<S>, bool)> Edit<S> for Repoint<'_, F> {
    type Change = Move<S>;
    const GROWS: bool = true;

    fn key(change: &Move<S>) -> &[u8] {
        &change.key
    }

    fn forgets(&self, version: u64, by: u64) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, moves: &[Move<S>], versions: &mut Vec<(u64, S)>) {
        for change in moves {
            let is_moved = |(version, slot): &&mut (u64, S)| {
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

/// Forgets tombstones before which nobody sees anything.
pub(super) struct Forget<'a, F> {
    pub(super) horizon: &'a Horizon,
    pub(super) forgotten: F,
    /// Those that have to stay, with the snapshot for which.
    pub(super) kept: Vec<(Option<u64>, Removed)>,
}

impl<S: Slot, F: FnMut(S)> Edit<S> for Forget<'_, F> {
    type Change = Removed;
    const GROWS: bool = true;

    fn key(change: &Removed) -> &[u8] {
        &change.key
    }

    fn forgets(&self, version: u64, by: u64) -> bool {
        self.horizon.hides(version, by)
    }

    fn revise(&mut self, removed: &[Removed], versions: &mut Vec<(u64, S)>) {
        for Removed { key, version } in removed {
            let Some((_, slot)) =
                versions.first().filter(|(newest, slot)| newest == version && slot.is_tombstone())
            else {
                // It was replaced, and is told of as any version that was.
                continue;
            };
            let before = versions.get(1).map(|(older, _)| *older);
            let viewer = before.and_then(|older| self.horizon.viewer(older, *version));
            if before.is_some() || *version > self.horizon.visible {
                self.kept.push((viewer, Removed { key: key.clone(), version: *version }));
            } else {
                (self.forgotten)(slot.clone());
                versions.clear();
            }
        }
    }
}
