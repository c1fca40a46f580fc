//! The mutator's half of the index.

use std::collections::BTreeMap;

use super::change::{KeyVersion, Move, Superseded, Tombstone};
use super::counts::{KeyCounts, SharedCounts};
use super::edits::{Forget, Insert, Put, Repoint, Restore, Retain};
use super::leaf_builder::LeafBuilder;
use super::reader::{IndexReader, IndexState};
use super::rewrite::rewrite;
use super::slot::Slot;
use super::snapshot::{Horizon, Registry};
use super::tree::{LeafCursor, Tree};
use super::undo_log::{UndoLog, UndoRecord};
use crate::bugs::{Bug, planted};
use crate::storage::key_range::KeyRange;
use crate::sync::{Arc, AtomicU64, Ordering, Published};

/// What may be forgotten once nobody sees it.
pub(super) struct Obsolete<S> {
    pub(super) superseded: Vec<Superseded<S>>,
    pub(super) removed: Vec<Tombstone>,
}

impl<S> Default for Obsolete<S> {
    fn default() -> Self {
        Self { superseded: Vec::new(), removed: Vec::new() }
    }
}

impl<S> Obsolete<S> {
    fn is_empty(&self) -> bool {
        self.superseded.is_empty() && self.removed.is_empty()
    }

    fn append(&mut self, mut other: Self) {
        self.superseded.append(&mut other.superseded);
        self.removed.append(&mut other.removed);
    }
}

/// The one mutator's half.
pub(crate) struct IndexWriter<S: Slot> {
    shared: Arc<IndexState<S>>,
    counts: KeyCounts,
    builder: LeafBuilder<S>,
    /// What keys were before what was inserted since the last [`publish`](Self::publish).
    unpublished: Vec<Arc<UndoRecord<S>>>,
    /// Some of that was replaced in place although a snapshot of the present would see it.
    is_replaced: bool,
    /// As of the last [`prune`](Self::prune), which was told of everything that it hides.
    horizon: Horizon,
    /// Since the last prune.
    pending: Obsolete<S>,
    /// By the snapshot that kept it from being forgotten.
    held: BTreeMap<u64, Obsolete<S>>,
}

impl<S: Slot> IndexWriter<S> {
    /// An empty index of which nothing is published.
    pub(crate) fn new() -> Self {
        let counts = Arc::<SharedCounts>::default();
        let shared = IndexState {
            tree: Tree::new(),
            visible: AtomicU64::new(0),
            counts: Arc::clone(&counts),
            registry: Arc::<Registry>::default(),
            undo: Published::new(UndoLog::default()),
        };
        Self {
            shared: Arc::new(shared),
            counts: KeyCounts::new(counts),
            builder: LeafBuilder::new(),
            unpublished: Vec::new(),
            is_replaced: false,
            horizon: Horizon::default(),
            pending: Obsolete::default(),
            held: BTreeMap::new(),
        }
    }

    /// A half for readers.
    pub(crate) fn reader(&self) -> IndexReader<S> {
        IndexReader(Arc::clone(&self.shared))
    }

    /// Adds versions, each at least as new as what its key has; not visible before
    /// [`publish`](Self::publish).
    ///
    /// Tells `replaced` of slots that had this very version, as happens where a batch writes a key twice.
    pub(crate) fn insert(&mut self, mut changes: Vec<KeyVersion<S>>, mut replaced: impl FnMut(S)) {
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        let (part, places) = self.look_up(changes);
        let part = Arc::new(part);
        if !planted(Bug::ReplaceUnannounced) {
            self.announce(Arc::clone(&part));
        }
        self.unpublished.push(Arc::clone(&part));
        // Those that register from now on are looked for when this is published.
        let horizon = self.reader().horizon();
        self.is_replaced |= horizon.snapshots.last() != Some(&horizon.visible);
        let mut puts = Vec::new();
        for ((changes, before), place) in part.by_key().zip(places) {
            self.account(changes, before, &mut replaced);
            let [.., last] = changes else { continue };
            let is_seen =
                |(version, _): &(u64, S)| horizon.viewer(*version, last.version).is_some();
            let keeps = before.is_some_and(is_seen);
            if keeps || !place.put(&last.key, last.version, &last.slot) {
                puts.push(Put { change: last, keeps });
            }
        }
        let mut edit = Insert { horizon: &self.horizon };
        rewrite(&self.shared.tree, &mut self.builder, &mut edit, &puts);
    }

    /// The changes, with what their keys are now, and where each key is.
    fn look_up(&self, changes: Vec<KeyVersion<S>>) -> (UndoRecord<S>, Vec<LeafCursor<S>>) {
        let mut before = Vec::with_capacity(changes.len());
        let mut places = Vec::with_capacity(changes.len());
        for same in changes.chunk_by(|a, b| a.key == b.key) {
            let place = self.shared.tree.locate(&same[0].key);
            before.resize(before.len() + same.len(), place.newest());
            places.push(place);
        }
        (UndoRecord { changes, before }, places)
    }

    /// Publishes what keys were before this, and before everything else that is not visible yet.
    fn announce(&self, part: Arc<UndoRecord<S>>) {
        let records = self.unpublished.iter().cloned().chain([part]).collect();
        self.shared.undo.store(Arc::new(UndoLog { records }));
    }

    /// KeyCounts what the changes of one key do.
    fn account(
        &mut self,
        changes: &[KeyVersion<S>],
        before: Option<&(u64, S)>,
        replaced: &mut impl FnMut(S),
    ) {
        let mut newest = before.map(|(version, slot)| (*version, slot));
        for KeyVersion { key, version, slot } in changes {
            self.counts.replace(key, newest.map(|(_, slot)| slot), slot);
            match newest {
                Some((same, old)) if same == *version => replaced(old.clone()),
                Some((older, old)) => self.pending.superseded.push(Superseded {
                    version: older,
                    by: *version,
                    slot: old.clone(),
                }),
                None => {}
            }
            if slot.is_tombstone() {
                self.pending.removed.push(Tombstone { key: key.clone(), version: *version });
            }
            newest = Some((*version, slot));
        }
    }

    /// Adds versions while no reader exists, in any order; tells `unneeded` of those that are not needed
    /// after it, which may be new ones.
    pub(crate) fn restore(&mut self, mut changes: Vec<KeyVersion<S>>, unneeded: impl FnMut(S)) {
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        let Self { shared, counts, builder, pending, .. } = self;
        let mut edit = Restore { counts, removed: &mut pending.removed, unneeded };
        rewrite(&shared.tree, builder, &mut edit, &changes);
    }

    /// Replaces what versions say without changing history, where they are still needed and at the place they
    /// move from; tells `moved` whether that was so.
    pub(crate) fn repoint(&mut self, mut moves: Vec<Move<S>>, mut moved: impl FnMut(&Move<S>, bool))
    where
        S: PartialEq,
    {
        moves.sort_by(|a, b| a.key.cmp(&b.key));
        let mut others = Vec::new();
        let mut part = UndoRecord { changes: Vec::new(), before: Vec::new() };
        let mut places = Vec::new();
        for change in moves {
            let place = self.shared.tree.locate(&change.key);
            let newest = place.newest();
            let is_there = |(version, slot): &(u64, S)| {
                *version == change.version && *slot == change.from
                    || planted(Bug::RepointOverwritten)
            };
            if newest.as_ref().is_some_and(is_there) {
                moved(&change, true);
                let Move { key, to, .. } = change;
                let version = newest.as_ref().map_or(0, |(version, _)| *version);
                part.changes.push(KeyVersion { key, version, slot: to });
                part.before.push(newest);
                places.push(place);
            } else if place.keeps(change.version) {
                others.push(change);
            } else {
                moved(&change, false);
            }
        }
        let part = Arc::new(part);
        self.announce(Arc::clone(&part));
        for (KeyVersion { key, version, slot }, place) in part.changes.iter().zip(places) {
            place.put(key, *version, slot);
        }
        let Self { shared, builder, horizon, .. } = self;
        let mut edit = Repoint { horizon, moved };
        rewrite(&shared.tree, builder, &mut edit, &others);
    }

    /// Makes everything up to `sequence` visible at once.
    pub(crate) fn publish(&mut self, sequence: u64) {
        let IndexState { registry, visible, .. } = &*self.shared;
        let present = visible.load(Ordering::Relaxed);
        let publish = || visible.store(sequence, Ordering::Release);
        // A snapshot of the present that is registered under the same lock is of before or after.
        if !self.is_replaced || planted(Bug::SkipRetain) {
            publish();
        } else if !registry.unless_registered(present, publish) {
            self.retain(present);
            self.shared.visible.store(sequence, Ordering::Release);
        }
        self.unpublished.clear();
        self.is_replaced = false;
    }

    /// Puts back, beside what replaced it, what the present snapshot sees.
    fn retain(&mut self, present: u64) {
        for part in &self.unpublished {
            let before = part.by_key().filter_map(|(changes, before)| {
                Some((&*changes.first()?.key, before.filter(|(version, _)| *version <= present)?))
            });
            let before: Vec<_> = before.collect();
            let mut edit = Retain { horizon: &self.horizon };
            rewrite(&self.shared.tree, &mut self.builder, &mut edit, &before);
        }
    }

    /// Tells `forgotten` of versions that nobody can see any more since the last time, and whether one was a
    /// tombstone after which nothing of its key is left.
    pub(crate) fn prune(&mut self, mut forgotten: impl FnMut(S, bool)) {
        if self.pending.is_empty() && self.held.is_empty() {
            return;
        }
        self.horizon = self.reader().horizon();
        let Self { shared, builder, horizon, pending, held, .. } = self;
        let is_released = |snapshot: &u64| horizon.snapshots.binary_search(snapshot).is_err();
        let released: Vec<u64> = held.keys().copied().filter(is_released).collect();
        let mut candidates = std::mem::take(pending);
        for snapshot in released {
            candidates.append(held.remove(&snapshot).unwrap_or_default());
        }
        for superseded in candidates.superseded {
            let Superseded { version, by, .. } = superseded;
            match horizon.viewer(version, by) {
                _ if by > horizon.visible => pending.superseded.push(superseded),
                Some(snapshot) => held.entry(snapshot).or_default().superseded.push(superseded),
                None => forgotten(superseded.slot, false),
            }
        }
        let mut removed = candidates.removed;
        removed.sort_by(|a, b| a.key.cmp(&b.key));
        let mut edit =
            Forget { horizon, forgotten: |slot| forgotten(slot, true), kept: Vec::new() };
        rewrite(&shared.tree, builder, &mut edit, &removed);
        for (viewer, removed) in edit.kept {
            match viewer {
                Some(snapshot) => held.entry(snapshot).or_default().removed.push(removed),
                None => pending.removed.push(removed),
            }
        }
    }

    /// Removes every key at one version, those of earlier batches that are not published included; tells
    /// `replaced` as [`insert`](Self::insert) does.
    pub(crate) fn remove_all(&mut self, version: u64, tombstone: &S, mut replaced: impl FnMut(S)) {
        const KEYS_AT_ONCE: usize = 1024;
        let mut range = KeyRange::all();
        loop {
            let keys = self.live_keys(&range, KEYS_AT_ONCE);
            let Some(last) = keys.last() else { return };
            range = range.after(last);
            let change = |key| KeyVersion { key, version, slot: tombstone.clone() };
            self.insert(keys.into_iter().map(change).collect(), &mut replaced);
        }
    }

    /// Up to `limit` keys of the range whose newest version, published or not, is no tombstone.
    pub(crate) fn live_keys(&self, range: &KeyRange, limit: usize) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        self.shared.tree.walk(range, |leaf, position| {
            if leaf.newest(position).is_some_and(|(_, slot)| !slot.is_tombstone()) {
                keys.push(leaf.key(position));
            }
            keys.len() < limit
        });
        keys
    }

    /// Up to `limit` keys whose expiry is at or before `now`, soonest first.
    pub(crate) fn due(&self, now: u64, limit: usize) -> Vec<Vec<u8>> {
        self.counts.due(now, limit)
    }

    /// Returns the soonest expiry of any key.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.counts.next_deadline()
    }
}
