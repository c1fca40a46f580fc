//! The indexes of a store: one for each keyspace, whose changes become visible together.

use std::collections::VecDeque;
use std::ops::Add;

use smallvec::SmallVec;

use super::change::{KeyVersion, Move};
use super::drain::Drain;
use super::generations::IndexGenerations;
use super::obsolete::HeldVersions;
use super::reader::{IndexReader, IndexState};
use super::slot::Slot;
use super::snapshot::{Horizon, RegisteredSnapshots};
use super::visibility::Visibility;
use super::writer::{IndexWriter, publish_together};
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::key_range::KeyInterval;
use crate::sync::{Arc, Mutex, Published, lock};

/// The indexes that exist, lowest keyspace first.
type Indexes<S> = Vec<(KeyspaceId, IndexState<S>)>;

/// The most keys, versions and deadlines that one step of a drain takes, so that writes wait behind
/// few of them. With two, tests see drains half done.
const DRAINED_PER_STEP: usize = if cfg!(test) { 2 } else { 512 };

/// The most generations that wait to be taken apart. Above that every commit does a step, so that
/// no stream of clears makes more and more of them.
const DRAINS_MAX: usize = 64;

/// The state that the mutator and the readers of all indexes share.
struct SharedIndexes<S: Slot> {
    visibility: Arc<Visibility>,
    indexes: Published<Indexes<S>>,
    /// Held by whoever adds or removes one.
    adding: Mutex<()>,
}

impl<S: Slot> SharedIndexes<S> {
    fn find(&self, keyspace: KeyspaceId) -> Option<IndexState<S>> {
        let indexes = self.indexes.load();
        let position = indexes.binary_search_by_key(&keyspace, |(id, _)| *id).ok()?;
        Some(indexes[position].1.clone())
    }

    /// Returns the index of the keyspace, which is made if there is none.
    fn find_or_make(&self, keyspace: KeyspaceId) -> IndexState<S> {
        if let Some(found) = self.find(keyspace) {
            return found;
        }
        let _adding = lock(&self.adding);
        if let Some(found) = self.find(keyspace) {
            return found;
        }
        let made = IndexState::default();
        let mut indexes = self.indexes.load().to_vec();
        let position = indexes.partition_point(|(id, _)| *id < keyspace);
        indexes.insert(position, (keyspace, made.clone()));
        self.indexes.store(Arc::new(indexes));
        made
    }

    fn remove(&self, keyspace: KeyspaceId) {
        let _adding = lock(&self.adding);
        let indexes = self.indexes.load();
        let left = indexes.iter().filter(|(id, _)| *id != keyspace).cloned();
        self.indexes.store(Arc::new(left.collect()));
    }
}

/// The readers' half of all indexes.
pub(crate) struct IndexReaders<S: Slot>(Arc<SharedIndexes<S>>);

impl<S: Slot> Clone for IndexReaders<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Slot> IndexReaders<S> {
    /// Returns the readers' half of a keyspace's index, which is made if there is none: it sees
    /// what is written later.
    pub(crate) fn reader(&self, keyspace: KeyspaceId) -> IndexReader<S> {
        IndexReader::new(Arc::clone(&self.0.visibility), self.0.find_or_make(keyspace))
    }

    /// Returns the readers' half of a keyspace's index, if anything was written to it.
    pub(crate) fn find(&self, keyspace: KeyspaceId) -> Option<IndexReader<S>> {
        let visibility = Arc::clone(&self.0.visibility);
        self.0.find(keyspace).map(|found| IndexReader::new(visibility, found))
    }

    /// Returns the readers' halves of all keyspaces that have an index, lowest keyspace first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (KeyspaceId, IndexReader<S>)> {
        let all = self.0.indexes.load().to_vec();
        let reader = |found| IndexReader::new(Arc::clone(&self.0.visibility), found);
        all.into_iter().map(move |(keyspace, found)| (keyspace, reader(found)))
    }

    /// Returns what can be seen from now on.
    pub(crate) fn horizon(&self) -> Horizon {
        self.0.visibility.horizon()
    }

    /// Returns the snapshots that are registered.
    pub(crate) fn registered(&self) -> RegisteredSnapshots {
        self.0.visibility.registered()
    }

    /// Returns the newest sequence number that readers see.
    pub(crate) fn visible(&self) -> Sequence {
        self.0.visibility.visible()
    }
}

/// Changes of several keyspaces, in the order they are made in.
pub(crate) struct KeyspaceChanges<S> {
    changes: SmallVec<[(KeyspaceId, Vec<KeyVersion<S>>); 1]>,
    /// The number of changes that there is room for in the first keyspace.
    capacity: usize,
}

impl<S> KeyspaceChanges<S> {
    /// Returns no changes, with room for so many.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { changes: SmallVec::new(), capacity: count }
    }

    /// Adds one.
    pub(crate) fn push(&mut self, keyspace: KeyspaceId, change: KeyVersion<S>) {
        if let Some((_, changes)) = self.changes.iter_mut().find(|(id, _)| *id == keyspace) {
            return changes.push(change);
        }
        let mut changes = Vec::with_capacity(std::mem::replace(&mut self.capacity, 1));
        changes.push(change);
        self.changes.push((keyspace, changes));
    }

    /// Takes those of a keyspace.
    pub(crate) fn take(&mut self, keyspace: KeyspaceId) -> Vec<KeyVersion<S>> {
        let found = self.changes.iter_mut().find(|(id, _)| *id == keyspace);
        found.map(|(_, changes)| std::mem::take(changes)).unwrap_or_default()
    }

    /// Takes all of them, by keyspace.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = (KeyspaceId, Vec<KeyVersion<S>>)> {
        std::mem::take(&mut self.changes).into_iter().filter(|(_, changes)| !changes.is_empty())
    }
}

/// The one mutator's half of all indexes.
pub(crate) struct KeyspaceIndexes<S: Slot> {
    shared: Arc<SharedIndexes<S>>,
    /// Those that were written to, lowest keyspace first.
    writers: Vec<(KeyspaceId, IndexGenerations<S>)>,
    /// Those of them that have something to publish or to prune.
    busy: Vec<KeyspaceId>,
    /// The generations that nobody sees, the oldest first.
    drains: VecDeque<Drain<S>>,
}

impl<S: Slot> KeyspaceIndexes<S> {
    /// Returns no indexes, of which nothing is published.
    pub(crate) fn new() -> Self {
        let visibility = Arc::<Visibility>::default();
        let (indexes, adding) = (Published::new(Vec::new()), Mutex::new(()));
        let shared = Arc::new(SharedIndexes { visibility, indexes, adding });
        Self { shared, writers: Vec::new(), busy: Vec::new(), drains: VecDeque::new() }
    }

    /// Returns a half for readers.
    pub(crate) fn readers(&self) -> IndexReaders<S> {
        IndexReaders(Arc::clone(&self.shared))
    }

    /// Returns the index of the keyspace, which is made if there is none.
    pub(crate) fn of(&mut self, keyspace: KeyspaceId) -> &mut IndexWriter<S> {
        &mut self.generations_of(keyspace).newest
    }

    fn generations_of(&mut self, keyspace: KeyspaceId) -> &mut IndexGenerations<S> {
        if !self.busy.contains(&keyspace) {
            self.busy.push(keyspace);
        }
        let position = match self.writers.binary_search_by_key(&keyspace, |(id, _)| *id) {
            Ok(position) => position,
            Err(position) => {
                let visibility = Arc::clone(&self.shared.visibility);
                let state = self.shared.find_or_make(keyspace);
                let generations = IndexGenerations::new(visibility, state);
                self.writers.insert(position, (keyspace, generations));
                position
            }
        };
        &mut self.writers[position].1
    }

    fn find_generations(&mut self, keyspace: KeyspaceId) -> Option<&mut IndexGenerations<S>> {
        self.get(keyspace)?;
        Some(self.generations_of(keyspace))
    }

    /// Returns the index of the keyspace, if anything was written to it.
    pub(crate) fn get(&self, keyspace: KeyspaceId) -> Option<&IndexWriter<S>> {
        let position = self.writers.binary_search_by_key(&keyspace, |(id, _)| *id).ok()?;
        Some(&self.writers[position].1.newest)
    }

    /// Returns the number of keys of all of them.
    pub(crate) fn live(&self) -> u64 {
        self.writers.iter().map(|(_, generations)| generations.newest.live()).sum()
    }

    /// Returns the bytes of memory of all of them, as [`IndexWriter::bytes`] does, without the
    /// share of the versions that are kept for snapshots alone.
    pub(crate) fn bytes_without_held(&self) -> u64 {
        let bytes = self.writers.iter().map(|(_, generations)| generations.newest.bytes()).sum();
        match self.held().versions {
            0 => bytes,
            held => {
                let shared = u128::from(bytes) * u128::from(self.live());
                let versions = u128::from(self.live()) + u128::from(held);
                u64::try_from(shared / versions).unwrap_or(bytes)
            }
        }
    }

    /// Returns up to `limit` keys that expire soonest.
    pub(crate) fn soonest(&self, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        let of = |(id, generations): &'_ (KeyspaceId, IndexGenerations<S>)| {
            let id = *id;
            let soonest = generations.newest.soonest(limit);
            soonest.into_iter().map(move |(time, key)| (time, id, key))
        };
        let mut all: Vec<_> = self.writers.iter().flat_map(of).collect();
        all.sort();
        all.truncate(limit);
        all.into_iter().map(|(_, keyspace, key)| (keyspace, key)).collect()
    }

    /// Returns a key at random, as [`IndexWriter::sample`] does, of any keyspace but the catalogue.
    pub(crate) fn sample(
        &self,
        expires: bool,
        random: &mut impl FnMut() -> u64,
    ) -> Option<(KeyspaceId, Vec<u8>)> {
        let count = |index: &IndexWriter<S>| if expires { index.expiring() } else { index.live() };
        let counted = || {
            let all = self.writers.iter().filter(|(id, _)| *id != KeyspaceId::CATALOGUE);
            all.map(|(id, generations)| (*id, &generations.newest, count(&generations.newest)))
        };
        let total: u64 = counted().map(|(.., count)| count).sum();
        let mut number = random().checked_rem(total)?;
        for (keyspace, index, count) in counted() {
            if number < count {
                return Some((keyspace, index.sample(expires, random)?));
            }
            number -= count;
        }
        None
    }

    /// Returns the versions that are kept for snapshots alone, but for the newest ones of cleared
    /// keyspaces, which [`IndexReader::usage`] counts.
    pub(crate) fn held(&self) -> HeldVersions {
        let all = self.writers.iter().map(|(_, generations)| generations.held());
        all.fold(HeldVersions::default(), Add::add)
    }

    fn busy(&mut self) -> impl Iterator<Item = &mut IndexGenerations<S>> {
        let Self { writers, busy, .. } = self;
        let busy = writers.iter_mut().filter(|(id, _)| busy.contains(id));
        busy.map(|(_, generations)| generations)
    }

    /// Adds versions, as [`IndexWriter::insert`] does.
    pub(crate) fn insert(
        &mut self,
        changes: impl Iterator<Item = (KeyspaceId, Vec<KeyVersion<S>>)>,
        mut replaced: impl FnMut(S),
    ) {
        for (keyspace, changes) in changes {
            self.of(keyspace).insert(changes, &mut replaced);
        }
    }

    /// Removes every key of a range that has a lower version: one after the other, as
    /// [`IndexWriter::remove_range`] does, or all keys of the keyspace at once, whose slots are
    /// forgotten later.
    pub(crate) fn remove_range(
        &mut self,
        keyspace: KeyspaceId,
        interval: KeyInterval<'_>,
        (version, tombstone): (Sequence, &S),
        replaced: impl FnMut(S),
    ) {
        let Some(generations) = self.find_generations(keyspace) else { return };
        match interval {
            KeyInterval::ALL => generations.clear(version),
            part => generations.newest.remove_range(part, version, tombstone, replaced),
        }
    }

    /// Replaces what versions say, as [`IndexWriter::repoint`] does.
    pub(crate) fn repoint(
        &mut self,
        mut moves: Vec<(KeyspaceId, Move<S>)>,
        mut moved: impl FnMut(&Move<S>, bool),
    ) where
        S: PartialEq,
    {
        moves.sort_by_key(|(keyspace, _)| *keyspace);
        let mut moves = moves.into_iter().peekable();
        while let Some((keyspace, first)) = moves.next() {
            let same = |(other, _): &(KeyspaceId, Move<S>)| *other == keyspace;
            let others = std::iter::from_fn(|| moves.next_if(same)).map(|(_, change)| change);
            let all: Vec<_> = std::iter::once(first).chain(others).collect();
            match self.find_generations(keyspace) {
                Some(generations) => generations.repoint(all, &mut moved),
                // The keyspace was dropped.
                None => all.iter().for_each(|change| moved(change, false)),
            }
        }
    }

    /// Makes everything up to `sequence` visible at once, in all keyspaces.
    pub(crate) fn publish(&mut self, sequence: Sequence) {
        let visibility = Arc::clone(&self.shared.visibility);
        let mut busy: SmallVec<[_; 4]> =
            self.busy().flat_map(IndexGenerations::unpublished).collect();
        publish_together(&visibility, sequence, &mut busy);
    }

    /// Tells `forgotten` of versions that nobody can see any more, as [`IndexWriter::prune`] does.
    /// Those of a cleared keyspace await [`drain`](Self::drain).
    pub(crate) fn prune(&mut self, mut forgotten: impl FnMut(S, bool)) {
        let Self { writers, busy, drains, .. } = self;
        for (_, generations) in writers.iter_mut().filter(|(id, _)| busy.contains(id)) {
            generations.prune(drains, &mut forgotten);
        }
        let mut retired = SmallVec::<[KeyspaceId; 1]>::new();
        busy.retain(|keyspace| {
            let position = writers.binary_search_by_key(keyspace, |(id, _)| *id);
            let index = position.map(|position| &writers[position].1);
            let is_busy = index.is_ok_and(|index| !index.is_idle());
            retired
                .extend(index.is_ok_and(|index| index.is_retired && !is_busy).then_some(*keyspace));
            is_busy
        });
        retired.into_iter().for_each(|keyspace| self.remove(keyspace));
        if self.drains.len() > DRAINS_MAX {
            self.drain(forgotten);
        }
    }

    /// Lets go of the index of a keyspace that was cleared and that nothing is written to any more,
    /// once nobody sees what was in it. Readers that have it find no keys.
    pub(crate) fn retire(&mut self, keyspace: KeyspaceId) {
        match self.writers.binary_search_by_key(&keyspace, |(id, _)| *id) {
            Ok(position) if self.busy.contains(&keyspace) => {
                self.writers[position].1.is_retired = true;
            }
            _ => self.remove(keyspace),
        }
    }

    fn remove(&mut self, keyspace: KeyspaceId) {
        self.writers.retain(|(id, _)| *id != keyspace);
        self.shared.remove(keyspace);
    }

    /// Returns true if cleared keys that nobody sees await [`drain`](Self::drain).
    pub(crate) fn is_draining(&self) -> bool {
        !self.drains.is_empty()
    }

    /// Takes some of the cleared keys apart that nobody sees, and tells `forgotten` of their
    /// versions, as [`prune`](Self::prune) does.
    pub(crate) fn drain(&mut self, mut forgotten: impl FnMut(S, bool)) {
        let mut left = DRAINED_PER_STEP;
        while left > 0
            && let Some(drain) = self.drains.front_mut()
        {
            drain.step(&mut left, &mut forgotten);
            if drain.is_done() {
                self.drains.pop_front();
            }
        }
    }

    /// Returns up to `limit` keys whose expiry is at or before `now`, soonest first in each
    /// keyspace.
    pub(crate) fn due(&self, now: UnixMillis, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        let mut due = Vec::new();
        for (keyspace, generations) in &self.writers {
            let keys = generations.newest.due(now, limit - due.len()).into_iter();
            due.extend(keys.map(|key| (*keyspace, key)));
        }
        due
    }

    /// Returns the soonest expiry of any key.
    pub(crate) fn next_deadline(&self) -> Option<UnixMillis> {
        let newest = self.writers.iter().map(|(_, generations)| &generations.newest);
        newest.filter_map(IndexWriter::next_deadline).min()
    }
}
