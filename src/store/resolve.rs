//! Turns batches into mutations: conditions and updates are decided here, in the order of arrival.
//!
//! A group is not visible before it is committed, so an operation that reads looks first at what
//! the earlier operations of its own group will have written, then at the engine.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::Batch;
use super::batch_bytes::BatchBytes;
use super::catalogue::{CatalogueOperation, CatalogueReader, CatalogueWrite};
use super::change_origin::ChangeOrigin;
use super::database::{NOWHERE, named_database};
use super::limits::SizeLimits;
use super::named_keyspaces::{NamedKeyspaces, StoredCatalogue};
use super::operation::{KeyspaceOperation, WriteOperation};
use super::outcome::{Applied, BatchOutcome, WriteAnswer, WriteAnswers};
use super::overlay::{KeyEffect, Overlay, Touch};
use super::removed_ranges::RemovedRanges;
use super::update::{KeyChange, Update};
use crate::bugs::{Bug, planted};
use crate::engine::{
    Entry, EntryMeta, Group, KeyspaceId, Mutation, MutationKind, ReadHalf, Sequence, UnixMillis,
    ValueType,
};
use crate::{Error, Result, error};

#[cfg(test)]
mod tests;

/// A group of batches while it is put together.
pub(crate) struct Resolver<'a> {
    pub(super) reader: &'a dyn ReadHalf,
    pub(super) limits: SizeLimits,
    /// Milliseconds since the Unix epoch, one moment for the whole group.
    now: UnixMillis,
    pub(super) next_sequence: Sequence,
    pub(super) group: Group,
    /// True if an operation of the group reads; only then the overlays are kept.
    pub(super) reads: bool,
    /// The newest change of each key by the accepted batches.
    pub(super) overlay: Overlay,
    /// The newest change of each key by the batch that is not accepted yet.
    pub(super) draft: Overlay,
    bytes: usize,
    /// The bytes that the batch which is not accepted yet has made.
    pub(super) made: BatchBytes,
    /// The versions of accepted batches that do nothing but remove keys.
    removals: Vec<Sequence>,
    /// The error of the write that found the disk full: batches that set a key are refused.
    full: Option<&'a Error>,
    /// The error of batches that may add something, for which there is no memory.
    memory_full: Option<Error>,
    /// The keyspaces that may be written to, the group left out; `None` for any.
    pub(super) named: Option<&'a NamedKeyspaces>,
    /// The keyspaces that the group makes or drops, the later change behind the earlier one.
    pub(super) named_changes: Vec<NamedChange>,
    /// The number of these changes that are of accepted batches.
    accepted_changes: usize,
    /// Batches that do not say so wait for the disk, too.
    syncs: bool,
    /// The origin of the changes that the operation makes which is being decided.
    pub(super) origin: ChangeOrigin,
}

/// A change of which keyspaces have a name.
#[derive(Clone, Copy)]
pub(super) struct NamedChange {
    keyspace: KeyspaceId,
    is_made: bool,
}

/// The state of a key in the group.
struct PendingEntry<'a> {
    value: &'a [u8],
    meta: EntryMeta,
}

impl<'a> Resolver<'a> {
    /// Returns an empty group whose first batch gets `next_sequence`; `reads` is true if any of its
    /// operations depends on what is stored.
    pub(crate) fn new(
        reader: &'a dyn ReadHalf,
        limits: SizeLimits,
        now: UnixMillis,
        next_sequence: Sequence,
        reads: bool,
    ) -> Self {
        let (overlay, draft) = (Overlay::default(), Overlay::default());
        let group = Group::default();
        Self {
            reader,
            limits,
            now,
            next_sequence,
            group,
            reads,
            overlay,
            draft,
            bytes: 0,
            made: BatchBytes::default(),
            removals: Vec::new(),
            full: None,
            memory_full: None,
            named: None,
            named_changes: Vec::new(),
            accepted_changes: 0,
            syncs: false,
            origin: ChangeOrigin::default(),
        }
    }

    /// Returns the same group for a store whose writes wait for the disk, or do not, where they do
    /// not say which.
    pub(crate) fn syncing(self, syncs: bool) -> Self {
        Self { syncs, ..self }
    }

    /// Returns the same group for a full disk, if there is an error that says so: only batches that
    /// free space are accepted.
    pub(crate) fn on_full(self, full: Option<&'a Error>) -> Self {
        Self { full, ..self }
    }

    /// Returns the same group where the memory is used up, if there is an error that says so: only
    /// batches that add nothing are accepted.
    pub(crate) fn on_memory_full(self, memory_full: Option<Error>) -> Self {
        Self { memory_full, ..self }
    }

    /// Returns the same group for writes to these keyspaces, and to those that it makes itself.
    pub(crate) fn among(self, named: &'a NamedKeyspaces) -> Self {
        Self { named: Some(named), ..self }
    }

    /// Adds a batch, or refuses it and leaves the group as it was.
    pub(crate) fn add(&mut self, batch: Batch) -> BatchOutcome {
        if let Some(error) = &self.memory_full
            && batch.may_add()
        {
            return Err(error.clone());
        }
        let only_removes = batch.operations.iter().all(|it| it.operation.only_removes());
        let syncs = batch.sync.unwrap_or(self.syncs);
        let answers = self.resolve_all(batch);
        let answers = answers.inspect_err(|_| self.undo())?;
        self.take_back_removed();
        if self.group.open().is_empty() {
            return Ok(Applied { version: None, answers });
        }
        if let Some(error) = self.full
            && let Some(key) = self.group.open().iter().find_map(Mutation::put_key)
        {
            let error = error.clone().with_key(error::printable(key));
            self.undo();
            return Err(error);
        }
        let version = self.next_sequence;
        self.next_sequence = version.next();
        if only_removes {
            self.removals.push(version);
        }
        self.bytes += self.group.open().iter().map(Mutation::bytes).sum::<usize>();
        self.overlay.absorb(&mut self.draft);
        self.accepted_changes = self.named_changes.len();
        if syncs {
            self.group.require_sync();
        }
        self.group.close();
        Ok(Applied { version: Some(version), answers })
    }

    fn resolve_all(&mut self, batch: Batch) -> Result<WriteAnswers> {
        self.made = BatchBytes::default();
        let mut answers = WriteAnswers::with_capacity(batch.operations.len());
        for operation in batch.operations {
            answers.push(self.resolve(operation)?);
        }
        // Attempts go on behind one that made too much.
        self.made.check()?;
        Ok(answers)
    }

    /// Returns the bytes of keys and values in the group.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the group, ready to commit, and the versions of batches that do nothing but remove
    /// keys.
    pub(crate) fn finish(self) -> (Group, Vec<Sequence>) {
        (self.group, self.removals)
    }

    fn undo(&mut self) {
        self.group.undo();
        self.draft.forget();
        self.named_changes.truncate(self.accepted_changes);
    }

    pub(super) fn resolve(&mut self, operation: KeyspaceOperation) -> Result<WriteAnswer> {
        self.made.check()?;
        let answer = self.decide(operation)?;
        self.made.note_answer(&answer);
        Ok(answer)
    }

    fn decide(&mut self, operation: KeyspaceOperation) -> Result<WriteAnswer> {
        self.origin = ChangeOrigin::of(&operation);
        let KeyspaceOperation { keyspace, operation } = operation;
        let keyspace = self.placed(keyspace)?;
        self.refuse_dropped(keyspace)?;
        match operation {
            WriteOperation::Put { key, value, expires_at } => {
                self.put(keyspace, key, value, ValueType::STRING, expires_at)?;
                Ok(WriteAnswer::Done)
            }
            WriteOperation::Remove { key } => {
                let stored = self.meta(keyspace, &key)?;
                if stored.is_some() {
                    self.change(keyspace, MutationKind::Remove { key });
                }
                Ok(WriteAnswer::Flag(stored.is_some_and(|meta| self.is_alive(meta.expires_at))))
            }
            WriteOperation::Require { key, condition } => self.require(keyspace, &key, &condition),
            WriteOperation::RequireUnchanged(reads) => self.require_unchanged(&reads),
            WriteOperation::Read { key, with_value } => self.answer(keyspace, &key, with_value),
            WriteOperation::Attempt(operations) => Ok(self.attempt(operations)),
            WriteOperation::Update { key, update } => self.update(keyspace, key, &update),
            WriteOperation::RemoveRange { start, end } => {
                let is_somewhere = named_database(keyspace).is_none();
                if is_somewhere && (end.is_empty() || start < end) {
                    self.change(keyspace, MutationKind::RemoveRange { start, end });
                }
                Ok(WriteAnswer::Done)
            }
            WriteOperation::CopyKey(copy) => self.copy_key(keyspace, *copy),
            WriteOperation::CombineBits(combination) => self.combine_bits(keyspace, *combination),
            WriteOperation::Catalogue(operation) => {
                let made = self.change_catalogue(&operation)?;
                Ok(made.map_or(WriteAnswer::Done, |made| WriteAnswer::Integer(made.0.into())))
            }
        }
    }

    fn update(
        &mut self,
        keyspace: KeyspaceId,
        key: Vec<u8>,
        update: &Update,
    ) -> Result<WriteAnswer> {
        let stored = self.entry(keyspace, &key)?;
        let was_stored = stored.is_some();
        let alive = stored.filter(|entry| self.is_alive(entry.expiry()));
        if let Some(entry) = &alive
            && update.needs_string()
        {
            entry.value_type.require_string()?;
        }
        let (change, answer) = update.apply(&key, alive)?;
        match change {
            KeyChange::Put { value, expires_at, value_type } => {
                self.limits.check_value(&key, &value)?;
                self.put(keyspace, key, value, value_type, expires_at)?;
            }
            KeyChange::Remove if was_stored => {
                self.change(keyspace, MutationKind::Remove { key });
            }
            KeyChange::Remove | KeyChange::Keep => {}
        }
        Ok(answer)
    }

    pub(super) fn change_catalogue(
        &mut self,
        operation: &CatalogueOperation,
    ) -> Result<Option<KeyspaceId>> {
        let (writes, made) = operation.writes(self)?;
        let catalogue = KeyspaceId::CATALOGUE;
        let is_drop = matches!(operation, CatalogueOperation::Drop { .. });
        let made_one = made.map(|keyspace| NamedChange { keyspace, is_made: true });
        self.named_changes.extend(made_one);
        for write in writes {
            match write {
                CatalogueWrite::Put(key, value) => {
                    self.put(catalogue, key, value, ValueType::STRING, None)?;
                }
                CatalogueWrite::Remove(key) => {
                    self.change(catalogue, MutationKind::Remove { key });
                }
                CatalogueWrite::Clear(keyspace) => {
                    let (start, end) = (Vec::new(), Vec::new());
                    self.change(keyspace, MutationKind::RemoveRange { start, end });
                    let dropped = is_drop.then_some(NamedChange { keyspace, is_made: false });
                    self.named_changes.extend(dropped);
                }
            }
        }
        Ok(made)
    }

    /// Returns [`Error::KeyspaceDropped`] for a keyspace without a name, which nobody could read.
    pub(super) fn refuse_dropped(&self, keyspace: KeyspaceId) -> Result<()> {
        let needs_name = keyspace >= KeyspaceId::FIRST_NAMED && named_database(keyspace).is_none();
        let Some(named) = self.named.filter(|_| needs_name) else { return Ok(()) };
        let change = self.named_changes.iter().rev().find(|change| change.keyspace == keyspace);
        let is_named = match change {
            Some(change) => change.is_made,
            None => named.contains(keyspace, self.reader)?,
        };
        if is_named || planted(Bug::WriteToDropped) {
            return Ok(());
        }
        Err(Error::KeyspaceDropped { number: keyspace.0, name: String::new() })
    }

    pub(super) fn put(
        &mut self,
        keyspace: KeyspaceId,
        key: Vec<u8>,
        value: Vec<u8>,
        value_type: ValueType,
        expires_at: Option<UnixMillis>,
    ) -> Result<()> {
        let keyspace = self.made(keyspace)?;
        // On disk zero stands for none, which would make the oldest expiry last for ever.
        let expires_at = expires_at.map(|time| time.max(UnixMillis(1)));
        self.change(keyspace, MutationKind::Put { key, value, value_type, expires_at });
        Ok(())
    }

    /// Takes those changes of keys back that a later operation of the same batch removes with a
    /// range: they would have the version of the removal, and stay.
    fn take_back_removed(&mut self) {
        let open = self.group.open();
        let first = self.group.mutations() - open.len();
        let mut removed: BTreeMap<KeyspaceId, RemovedRanges> = BTreeMap::new();
        for (position, mutation) in (first..).zip(open) {
            if let Some(interval) = mutation.range() {
                removed.entry(mutation.keyspace).or_default().add(interval, position);
            }
        }
        if removed.is_empty() {
            return;
        }
        let mut positions = first..;
        let is_kept = |mutation: &Mutation| {
            let position = positions.next();
            let ranges = removed.get(&mutation.keyspace);
            let last = mutation.key().and_then(|key| ranges?.find(key));
            last < position
        };
        if self.group.retain_open(is_kept) {
            self.draft_again();
        }
    }

    /// Adds a mutation to the group.
    pub(super) fn change(&mut self, keyspace: KeyspaceId, kind: MutationKind) {
        let mutation = Mutation { keyspace, kind, label: self.origin.label() };
        if self.reads {
            let touch = Touch { position: self.group.mutations(), version: self.next_sequence };
            self.draft.note(&mutation, touch);
        }
        self.made.note_written(mutation.bytes());
        self.group.add(mutation);
    }

    pub(super) fn is_alive(&self, expires_at: Option<UnixMillis>) -> bool {
        expires_at.is_none_or(|time| time > self.now)
    }

    /// Returns the entry that the group gives the key; the outer `None` means that the group does
    /// not touch the key.
    fn pending(&self, keyspace: KeyspaceId, key: &[u8]) -> Option<Option<PendingEntry<'_>>> {
        let accepted = (!planted(Bug::SkipOverlay)).then_some(&self.overlay);
        let mut layers = [Some(&self.draft), accepted].into_iter().flatten();
        match layers.find_map(|layer| layer.find(keyspace, key))? {
            KeyEffect::Touched(touch) => Some(self.touched(touch)),
            KeyEffect::Removed => Some(None),
        }
    }

    fn touched(&self, Touch { position, version }: Touch) -> Option<PendingEntry<'_>> {
        match &self.group.mutation(position)?.kind {
            MutationKind::Put { value, value_type, expires_at, .. } => {
                let (value_type, expires_at) = (*value_type, *expires_at);
                Some(PendingEntry { value, meta: EntryMeta { version, expires_at, value_type } })
            }
            MutationKind::Remove { .. } | MutationKind::RemoveRange { .. } => None,
        }
    }

    /// Reads what is stored in a keyspace.
    pub(super) fn read<T>(
        &self,
        keyspace: KeyspaceId,
        read: impl FnOnce(&dyn ReadHalf) -> Result<T>,
    ) -> Result<T> {
        match keyspace {
            KeyspaceId::DEFAULT => read(self.reader),
            keyspace if named_database(keyspace).is_some() => {
                read(&*self.reader.keyspace(NOWHERE)?)
            }
            keyspace => read(&*self.reader.keyspace(keyspace)?),
        }
    }

    pub(super) fn meta(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<Option<EntryMeta>> {
        match self.pending(keyspace, key) {
            Some(pending) => Ok(pending.map(|pending| pending.meta)),
            None => self.read(keyspace, |reader| reader.metadata(key)),
        }
    }

    pub(super) fn entry(&self, keyspace: KeyspaceId, key: &[u8]) -> Result<Option<Entry>> {
        if let Some(pending) = self.pending(keyspace, key) {
            return Ok(pending.map(|PendingEntry { value, meta }| meta.with(value.to_vec())));
        }
        self.read(keyspace, |reader| reader.get(key))
    }
}

/// The catalogue as it will be when the group is committed.
impl CatalogueReader for Resolver<'_> {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.entry(KeyspaceId::CATALOGUE, key)?.map(|entry| entry.value))
    }

    fn keys(&self) -> Result<Vec<Vec<u8>>> {
        let mut keys = BTreeSet::from_iter(StoredCatalogue::of(self.reader)?.keys()?);
        for overlay in [&self.overlay, &self.draft] {
            keys.extend(overlay.touched(KeyspaceId::CATALOGUE).map(<[u8]>::to_vec));
        }
        Ok(keys.into_iter().collect())
    }
}
