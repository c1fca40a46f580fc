//! The half of the index that changes it.

use super::bulk_load::LoadedPart;
use super::change::{KeyVersion, Move, Superseded, Tombstone};
use super::counts::KeyCounts;
use super::cursors::LeafCursors;
use super::drain::Drain;
use super::edits::{Insert, Put, Repoint, Restore, Retain};
use super::generation::Generation;
use super::leaf::Leaf;
use super::leaf_builder::LeafBuilder;
use super::leaf_walk::{LeafPositions, LeafWalk};
use super::node::Inner;
use super::obsolete::{HeldVersions, ObsoleteVersions};
#[cfg(test)]
use super::reader::IndexReader;
#[cfg(test)]
use super::reader::IndexState;
use super::rewrite::rewrite;
use super::slot::Slot;
use super::snapshot::Horizon;
use super::undo_log::{UndoLog, UndoRecord, UndoVersions};
use super::visibility::Visibility;
use crate::bugs::{Bug, planted, unless_planted};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::key_range::{KeyInterval, KeyRange};
use crate::sync::Arc;

/// The most keys at random among which one is looked for that was not removed.
const LIVE_TRIES: usize = 8;

/// The most keys at random among which one is looked for that expires, before one is chosen by the
/// time of its expiry.
const EXPIRING_TRIES: usize = 32;

/// The half of the index that changes it. There is one, and one thread has it.
pub(crate) struct IndexWriter<S: Slot> {
    visibility: Arc<Visibility>,
    generation: Arc<Generation<S>>,
    counts: KeyCounts,
    builder: LeafBuilder<S>,
    /// The insertions since the last [`publish`](Self::publish).
    unpublished: Vec<Arc<UndoRecord<S>>>,
    /// True if they replaced versions in place that a snapshot taken now would see.
    replaces_visible: bool,
    obsolete: ObsoleteVersions<S>,
}

/// Makes everything up to `sequence` visible at once in these indexes, which are all that changed.
pub(super) fn publish_together<S: Slot>(
    visibility: &Visibility,
    sequence: Sequence,
    indexes: &mut [&mut IndexWriter<S>],
) {
    let present = visibility.visible_to_writer();
    let replaces_visible = indexes.iter().any(|index| index.replaces_visible);
    if !replaces_visible || planted(Bug::SkipRetain) {
        visibility.publish(sequence);
    } else if !visibility.publish_unless_seen(present, sequence) {
        let count = if planted(Bug::RetainOneKeyspace) { 1 } else { indexes.len() };
        indexes.iter_mut().take(count).for_each(|index| index.retain(present));
        visibility.publish(sequence);
    }
    for index in indexes {
        index.unpublished.clear();
        index.replaces_visible = false;
    }
}

impl<S: Slot> IndexWriter<S> {
    /// Returns an empty index by itself.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::with_visibility(Arc::default(), Arc::default())
    }

    /// Returns the writer of an empty index whose versions become visible together with those of
    /// others.
    pub(super) fn with_visibility(
        visibility: Arc<Visibility>,
        generation: Arc<Generation<S>>,
    ) -> Self {
        Self {
            visibility,
            counts: KeyCounts::new(Arc::clone(&generation.counts)),
            generation,
            builder: LeafBuilder::new(),
            unpublished: Vec::new(),
            replaces_visible: false,
            obsolete: ObsoleteVersions::default(),
        }
    }

    /// Returns the number of keys.
    pub(crate) fn live(&self) -> u64 {
        self.counts.live()
    }

    /// Returns the bytes of memory that the keys take which are not cleared: their leaves, what is
    /// beside these, and the deadlines. The nodes above the leaves, about a hundredth of it, are
    /// left out.
    pub(crate) fn bytes(&self) -> u64 {
        self.builder.bytes() + self.counts.bytes()
    }

    /// Returns the number of keys that have an expiry.
    pub(crate) fn expiring(&self) -> u64 {
        self.counts.expiring()
    }

    /// Returns a key at random, about every one of them as likely as any other; `None` if it came
    /// upon none. With `expires` one that has an expiry: if these are few, those that expire
    /// after a long time in which no other does are more likely.
    pub(crate) fn sample(
        &self,
        expires: bool,
        random: &mut impl FnMut() -> u64,
    ) -> Option<Vec<u8>> {
        let mut tries = if expires { EXPIRING_TRIES } else { LIVE_TRIES };
        while tries > 0
            && let Some((key, slot)) = self.generation.tree.random_version(random)
        {
            if !slot.is_tombstone() && (!expires || slot.expires_at().is_some()) {
                return Some(key);
            }
            tries -= 1;
        }
        expires.then(|| self.counts.random_deadline(random)).flatten()
    }

    /// Returns up to `limit` keys that expire soonest, with their times.
    pub(super) fn soonest(&self, limit: usize) -> Vec<(UnixMillis, Vec<u8>)> {
        self.counts.soonest(limit)
    }

    /// Returns a half that reads.
    #[cfg(test)]
    pub(crate) fn reader(&self) -> IndexReader<S> {
        let (newest, earlier) = (Arc::clone(&self.generation), Arc::default());
        IndexReader::new(Arc::clone(&self.visibility), IndexState { newest, earlier })
    }

    /// Adds versions, each at least as new as the newest one of its key. They become visible with
    /// the next [`publish`](Self::publish).
    ///
    /// Calls `replaced` with each slot that had the same version, as when a batch writes a key
    /// twice.
    pub(crate) fn insert(&mut self, mut changes: Vec<KeyVersion<S>>, mut replaced: impl FnMut(S)) {
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        let (record, cursors) = self.locate(changes);
        let record = Arc::new(record);
        unless_planted!(ReplaceUnannounced => self.publish_undo(Arc::clone(&record)));
        self.unpublished.push(Arc::clone(&record));
        // Snapshots that register after this are looked for in `publish`.
        let horizon = self.visibility.horizon();
        self.replaces_visible |= horizon.snapshots.last() != Some(&horizon.visible);
        let mut puts = Vec::new();
        for ((changes, before), cursor) in record.by_key().zip(cursors) {
            self.count(changes, before, &mut replaced);
            let [.., last] = changes else { continue };
            let is_seen =
                |(version, _): &(Sequence, S)| horizon.viewer(*version, last.version).is_some();
            let keeps = before.is_some_and(is_seen);
            if keeps || !cursor.put(&last.key, last.version, &last.slot) {
                puts.push(Put { change: last, keeps });
            }
        }
        let mut edit = Insert { horizon: self.obsolete.horizon() };
        rewrite(&self.generation.tree, &mut self.builder, &mut edit, &puts);
    }

    /// Returns the changes with the newest version of each key before them, and the place of each
    /// key.
    fn locate(&self, changes: Vec<KeyVersion<S>>) -> (UndoRecord<S>, LeafCursors<S>) {
        let by_key = || changes.chunk_by(|a, b| a.key == b.key);
        let cursors = self.generation.tree.locate_all(by_key().map(|same| &*same[0].key));
        let mut before = UndoVersions::with_capacity(changes.len());
        for (same, cursor) in by_key().zip(&cursors) {
            before.resize(before.len() + same.len(), cursor.newest());
        }
        (UndoRecord { changes, before }, cursors)
    }

    /// Publishes the undo log of these changes and of the earlier ones that are not visible yet.
    fn publish_undo(&self, record: Arc<UndoRecord<S>>) {
        let records = self.unpublished.iter().cloned().chain([record]).collect();
        self.generation.undo.store(Arc::new(UndoLog { records }));
    }

    /// Counts the changes of one key, and notes the versions that they make obsolete.
    fn count(
        &mut self,
        changes: &[KeyVersion<S>],
        before: Option<&(Sequence, S)>,
        replaced: &mut impl FnMut(S),
    ) {
        let mut newest = before.map(|(version, slot)| (*version, slot));
        for KeyVersion { key, version, slot } in changes {
            self.counts.replace(key, newest.map(|(_, slot)| slot), slot);
            match newest {
                Some((same, old)) if same == *version => replaced(old.clone()),
                Some((older, old)) => self.obsolete.add_superseded(Superseded {
                    version: older,
                    by: *version,
                    slot: old.clone(),
                }),
                None => {}
            }
            if slot.is_tombstone() {
                let tombstone = Tombstone { key: key.clone(), version: *version };
                self.obsolete.new_tombstones().push(tombstone);
            }
            newest = Some((*version, slot));
        }
    }

    /// Adds versions in any order, while there is no reader yet. Calls `unneeded` with each slot
    /// that is not the newest of its key, which may be a new one.
    pub(crate) fn restore(&mut self, mut changes: Vec<KeyVersion<S>>, unneeded: impl FnMut(S)) {
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        let Self { generation, counts, builder, obsolete, .. } = self;
        let mut edit = Restore { counts, tombstones: obsolete.new_tombstones(), unneeded };
        rewrite(&generation.tree, builder, &mut edit, &changes);
    }

    /// Fills an empty index with parts of its keys, lowest first, while there is no reader yet.
    pub(crate) fn load(&mut self, parts: Vec<LoadedPart<S>>) {
        let (mut leaves, mut deadlines, mut live) = (Vec::new(), Vec::new(), 0);
        for mut part in parts {
            leaves.append(&mut part.leaves);
            deadlines.append(&mut part.deadlines);
            self.obsolete.new_tombstones().append(&mut part.tombstones);
            self.builder.note_loaded(part.leaf_bytes);
            live += part.live;
        }
        self.counts.load(live, deadlines);
        if let Some(root) = Inner::above(leaves) {
            self.generation.tree.root.store(root);
        }
    }

    /// Replaces the slots of versions that are still needed and still have the slot they move from.
    /// The versions stay the same. Calls `moved` with each move, and true if it was made.
    pub(crate) fn repoint(&mut self, mut moves: Vec<Move<S>>, mut moved: impl FnMut(&Move<S>, bool))
    where
        S: PartialEq,
    {
        moves.sort_by(|a, b| a.key.cmp(&b.key));
        let mut others = Vec::new();
        let mut record = UndoRecord { changes: Vec::new(), before: UndoVersions::new() };
        let mut cursors = LeafCursors::new();
        let located = self.generation.tree.locate_all(moves.iter().map(|change| &*change.key));
        for (change, cursor) in moves.into_iter().zip(located) {
            let newest = cursor.newest();
            let is_there = |(version, slot): &(Sequence, S)| {
                *version == change.version && *slot == change.from
                    || planted(Bug::RepointOverwritten)
            };
            if newest.as_ref().is_some_and(is_there) {
                moved(&change, true);
                let Move { key, to, .. } = change;
                let version = newest.as_ref().map_or(change.version, |(version, _)| *version);
                record.changes.push(KeyVersion { key, version, slot: to });
                record.before.push(newest);
                cursors.push(cursor);
            } else if cursor.keeps(change.version) {
                others.push(change);
            } else {
                moved(&change, false);
            }
        }
        let record = Arc::new(record);
        self.publish_undo(Arc::clone(&record));
        for (KeyVersion { key, version, slot }, cursor) in record.changes.iter().zip(cursors) {
            cursor.put(key, *version, slot);
        }
        let mut edit = Repoint { horizon: self.obsolete.horizon(), moved };
        rewrite(&self.generation.tree, &mut self.builder, &mut edit, &others);
    }

    /// Makes everything up to `sequence` visible at once, in an index by itself.
    #[cfg(test)]
    pub(crate) fn publish(&mut self, sequence: Sequence) {
        let visibility = Arc::clone(&self.visibility);
        publish_together(&visibility, sequence, &mut [self]);
    }

    /// Moves everything into an index of its own, and leaves nothing here. `announce` gets the
    /// data of that one first, so that readers find what is here no more.
    pub(super) fn move_out(&mut self, announce: impl FnOnce(Arc<Generation<S>>)) -> Self {
        let generation = Arc::new(self.generation.duplicate());
        announce(Arc::clone(&generation));
        self.generation.empty();
        Self {
            visibility: Arc::clone(&self.visibility),
            counts: self.counts.take(Arc::clone(&generation.counts)),
            generation,
            builder: std::mem::replace(&mut self.builder, LeafBuilder::new()),
            unpublished: std::mem::take(&mut self.unpublished),
            replaces_visible: std::mem::take(&mut self.replaces_visible),
            obsolete: std::mem::take(&mut self.obsolete),
        }
    }

    /// Returns the changes since the last publish that have this version or a higher one.
    pub(super) fn unpublished_from(&self, version: Sequence) -> Vec<KeyVersion<S>> {
        let changes = self.unpublished.iter().flat_map(|record| &record.changes);
        changes.filter(|change| change.version >= version).cloned().collect()
    }

    /// Begins to take the index apart, which nobody sees any more since the clear of this version.
    pub(super) fn drain(self, until: Sequence) -> Drain<S> {
        let Self { generation, counts, obsolete, .. } = self;
        Drain::new(&generation, until, obsolete.into_garbage(), counts.into_deadlines())
    }

    /// Returns true if there are insertions since the last publish.
    pub(super) fn is_unpublished(&self) -> bool {
        !self.unpublished.is_empty()
    }

    /// Returns true if there is nothing to publish or to prune.
    pub(super) fn is_idle(&self) -> bool {
        self.unpublished.is_empty() && self.obsolete.is_empty()
    }

    /// Returns true if nothing is in it, be it for readers or to be pruned.
    pub(super) fn is_blank(&self) -> bool {
        let root = self.generation.tree.root.load();
        self.is_idle() && root.leaf().is_some_and(|leaf| leaf.count() == 0)
    }

    /// Returns the versions that are kept for snapshots alone, as of the last prune.
    pub(super) fn held(&self) -> HeldVersions {
        self.obsolete.held()
    }

    /// Returns what can be seen from now on.
    pub(super) fn horizon(&self) -> Horizon {
        self.visibility.horizon()
    }

    /// Puts the versions that a snapshot of the present sees back, beside those that replaced them.
    fn retain(&mut self, present: Sequence) {
        for record in &self.unpublished {
            let before = record.by_key().filter_map(|(changes, before)| {
                Some((&*changes.first()?.key, before.filter(|(version, _)| *version <= present)?))
            });
            let before: Vec<_> = before.collect();
            let mut edit = Retain { horizon: self.obsolete.horizon() };
            rewrite(&self.generation.tree, &mut self.builder, &mut edit, &before);
        }
    }

    /// Drops the versions that nobody can see any more. Calls `forgotten` with the slot of each,
    /// and true if it is a tombstone with which its key left the index.
    pub(crate) fn prune(&mut self, forgotten: impl FnMut(S, bool)) {
        if self.obsolete.is_empty() {
            return;
        }
        let horizon = self.visibility.horizon();
        self.obsolete.prune(horizon, &self.generation.tree, &mut self.builder, forgotten);
    }

    /// Removes every key of the interval that has a lower version, also those of insertions that
    /// are not published. Calls `replaced` as [`insert`](Self::insert) does.
    pub(crate) fn remove_range(
        &mut self,
        interval: KeyInterval<'_>,
        version: Sequence,
        tombstone: &S,
        mut replaced: impl FnMut(S),
    ) {
        const KEYS_PER_STEP: usize = 1024;
        let mut range = interval.range();
        loop {
            let keys = self.keys_below(&range, version, KEYS_PER_STEP);
            let Some(last) = keys.last() else { return };
            range = range.after(last);
            let change = |key| KeyVersion { key, version, slot: tombstone.clone() };
            self.insert(keys.into_iter().map(change).collect(), &mut replaced);
        }
    }

    /// Returns up to `limit` keys of the range whose newest version, published or not, is no
    /// tombstone and below this one.
    pub(crate) fn keys_below(
        &self,
        range: &KeyRange,
        version: Sequence,
        limit: usize,
    ) -> Vec<Vec<u8>> {
        let is_found = |(newest, slot): &(Sequence, S)| *newest < version && !slot.is_tombstone();
        let mut walk = LeafWalk::new(range);
        let mut keys = Vec::new();
        let mut add = |leaf: &Leaf<S>, positions: &LeafPositions| {
            let found = |position| leaf.newest(position).as_ref().is_some_and(is_found);
            let found = positions.iter().filter(|position| found(*position));
            keys.extend(found.map(|position| leaf.key(position)).take(limit - keys.len()));
            keys.len() < limit
        };
        let root = || self.generation.tree.root.load();
        while walk.next(root, &mut add) == Some(true) {}
        keys
    }

    /// Returns up to `limit` keys whose expiry is at or before `now`, soonest first.
    pub(crate) fn due(&self, now: UnixMillis, limit: usize) -> Vec<Vec<u8>> {
        self.counts.due(now, limit)
    }

    /// Returns the soonest expiry of any key.
    pub(crate) fn next_deadline(&self) -> Option<UnixMillis> {
        self.counts.next_deadline()
    }
}
