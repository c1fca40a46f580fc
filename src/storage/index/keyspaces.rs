//! The indexes of a store: one for each keyspace, whose changes become visible together.

use smallvec::SmallVec;

use super::change::{KeyVersion, Move};
use super::reader::{IndexReader, IndexState};
use super::slot::Slot;
use super::snapshot::Horizon;
use super::visibility::Visibility;
use super::writer::{IndexWriter, publish_together};
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::key_range::KeyInterval;
use crate::sync::{Arc, Mutex, Published, lock};

/// The indexes that exist, lowest keyspace first.
type Indexes<S> = Vec<(KeyspaceId, Arc<IndexState<S>>)>;

/// The state that the mutator and the readers of all indexes share.
struct SharedIndexes<S: Slot> {
    visibility: Arc<Visibility>,
    indexes: Published<Indexes<S>>,
    /// Held by whoever adds one.
    adding: Mutex<()>,
}

impl<S: Slot> SharedIndexes<S> {
    fn find(&self, keyspace: KeyspaceId) -> Option<Arc<IndexState<S>>> {
        let indexes = self.indexes.load();
        let position = indexes.binary_search_by_key(&keyspace, |(id, _)| *id).ok()?;
        Some(Arc::clone(&indexes[position].1))
    }

    /// Returns the index of the keyspace, which is made if there is none.
    fn find_or_make(&self, keyspace: KeyspaceId) -> Arc<IndexState<S>> {
        if let Some(found) = self.find(keyspace) {
            return found;
        }
        let _adding = lock(&self.adding);
        if let Some(found) = self.find(keyspace) {
            return found;
        }
        let made = Arc::<IndexState<S>>::default();
        let mut indexes = self.indexes.load().to_vec();
        let position = indexes.partition_point(|(id, _)| *id < keyspace);
        indexes.insert(position, (keyspace, Arc::clone(&made)));
        self.indexes.store(Arc::new(indexes));
        made
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

    /// Returns what can be seen from now on.
    pub(crate) fn horizon(&self) -> Horizon {
        self.0.visibility.horizon()
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
    writers: Vec<(KeyspaceId, IndexWriter<S>)>,
    /// Those of them that have something to publish or to prune.
    busy: Vec<KeyspaceId>,
}

impl<S: Slot> KeyspaceIndexes<S> {
    /// Returns no indexes, of which nothing is published.
    pub(crate) fn new() -> Self {
        let visibility = Arc::<Visibility>::default();
        let (indexes, adding) = (Published::new(Vec::new()), Mutex::new(()));
        let shared = Arc::new(SharedIndexes { visibility, indexes, adding });
        Self { shared, writers: Vec::new(), busy: Vec::new() }
    }

    /// Returns a half for readers.
    pub(crate) fn readers(&self) -> IndexReaders<S> {
        IndexReaders(Arc::clone(&self.shared))
    }

    /// Returns the index of the keyspace, which is made if there is none.
    pub(crate) fn of(&mut self, keyspace: KeyspaceId) -> &mut IndexWriter<S> {
        if !self.busy.contains(&keyspace) {
            self.busy.push(keyspace);
        }
        let position = match self.writers.binary_search_by_key(&keyspace, |(id, _)| *id) {
            Ok(position) => position,
            Err(position) => {
                let visibility = Arc::clone(&self.shared.visibility);
                let index = self.shared.find_or_make(keyspace);
                let writer = IndexWriter::with_visibility(visibility, index);
                self.writers.insert(position, (keyspace, writer));
                position
            }
        };
        &mut self.writers[position].1
    }

    /// Returns the index of the keyspace, if anything was written to it.
    pub(crate) fn get(&self, keyspace: KeyspaceId) -> Option<&IndexWriter<S>> {
        let position = self.writers.binary_search_by_key(&keyspace, |(id, _)| *id).ok()?;
        Some(&self.writers[position].1)
    }

    /// Returns the number of keys of all of them.
    pub(crate) fn live(&self) -> u64 {
        self.writers.iter().map(|(_, writer)| writer.live()).sum()
    }

    fn busy(&mut self) -> impl Iterator<Item = &mut IndexWriter<S>> {
        let busy = &self.busy;
        self.writers.iter_mut().filter(|(id, _)| busy.contains(id)).map(|(_, writer)| writer)
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

    /// Removes every key of a range, as [`IndexWriter::remove_range`] does.
    pub(crate) fn remove_range(
        &mut self,
        keyspace: KeyspaceId,
        interval: KeyInterval<'_>,
        (version, tombstone): (Sequence, &S),
        replaced: impl FnMut(S),
    ) {
        if self.get(keyspace).is_some() {
            self.of(keyspace).remove_range(interval, version, tombstone, replaced);
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
            let all = std::iter::once(first).chain(others).collect();
            self.of(keyspace).repoint(all, &mut moved);
        }
    }

    /// Makes everything up to `sequence` visible at once, in all keyspaces.
    pub(crate) fn publish(&mut self, sequence: Sequence) {
        let visibility = Arc::clone(&self.shared.visibility);
        let mut busy: SmallVec<[_; 4]> = self.busy().collect();
        publish_together(&visibility, sequence, &mut busy);
    }

    /// Tells `forgotten` of versions that nobody can see any more, as [`IndexWriter::prune`] does.
    pub(crate) fn prune(&mut self, mut forgotten: impl FnMut(S, bool)) {
        self.busy().for_each(|writer| writer.prune(&mut forgotten));
        let writers = &self.writers;
        self.busy.retain(|keyspace| {
            let position = writers.binary_search_by_key(keyspace, |(id, _)| *id);
            position.is_ok_and(|position| !writers[position].1.is_idle())
        });
    }

    /// Returns up to `limit` keys whose expiry is at or before `now`, soonest first in each
    /// keyspace.
    pub(crate) fn due(&self, now: UnixMillis, limit: usize) -> Vec<(KeyspaceId, Vec<u8>)> {
        let mut due = Vec::new();
        for (keyspace, writer) in &self.writers {
            let keys = writer.due(now, limit - due.len()).into_iter();
            due.extend(keys.map(|key| (*keyspace, key)));
        }
        due
    }

    /// Returns the soonest expiry of any key.
    pub(crate) fn next_deadline(&self) -> Option<UnixMillis> {
        self.writers.iter().filter_map(|(_, writer)| writer.next_deadline()).min()
    }
}
