//! Turns batches into mutations: conditions and updates are decided here, in the order of arrival.
//!
//! A group is not visible before it is committed, so an operation that reads looks first at what
//! the earlier operations of its own group will have written, then at the engine.

use std::collections::HashMap;

use super::batch::Batch;
use super::limits::SizeLimits;
use super::operation::WriteOperation;
use super::outcome::{Applied, BatchOutcome, WriteAnswer, WriteAnswers};
use super::precondition::Precondition;
use super::update::{KeyChange, Update};
use crate::bugs::{Bug, planted};
use crate::engine::{Entry, EntryMeta, Group, Mutation, ReadHalf};
use crate::{Error, Result, error};

/// A group of batches while it is put together.
pub(crate) struct Resolver<'a> {
    reader: &'a dyn ReadHalf,
    limits: SizeLimits,
    /// Milliseconds since the Unix epoch, one moment for the whole group.
    now: u64,
    next_sequence: u64,
    group: Group,
    /// True if an operation of the group reads; only then the overlays are kept.
    reads: bool,
    /// The newest change of each key by the accepted batches.
    overlay: Overlay,
    /// The newest change of each key by the batch that is not accepted yet.
    draft: Overlay,
    bytes: usize,
    /// The versions of accepted batches that do nothing but remove keys.
    removals: Vec<u64>,
    /// The error of the write that found the disk full: batches that set a key are refused.
    full: Option<&'a Error>,
}

/// The newest change of each key.
#[derive(Default)]
struct Overlay {
    entries: HashMap<Vec<u8>, Touch>,
    /// A clear came before everything in `entries`.
    cleared: bool,
}

/// The place of the newest change of a key.
#[derive(Clone, Copy)]
struct Touch {
    /// The position of the mutation in the group.
    position: usize,
    /// The version of its batch.
    version: u64,
}

/// The entry that the group gives a key.
struct PendingEntry<'a> {
    value: &'a [u8],
    meta: EntryMeta,
}

impl Overlay {
    /// Adds what came later.
    fn absorb(&mut self, later: &mut Self) {
        if later.cleared {
            std::mem::swap(self, later);
            later.forget();
        } else {
            self.entries.extend(later.entries.drain());
        }
    }

    fn forget(&mut self) {
        self.entries.clear();
        self.cleared = false;
    }
}

impl<'a> Resolver<'a> {
    /// Returns an empty group whose first batch gets `next_sequence`; `reads` is true if any of its
    /// operations depends on what is stored.
    pub(crate) fn new(
        reader: &'a dyn ReadHalf,
        limits: SizeLimits,
        now: u64,
        next_sequence: u64,
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
            removals: Vec::new(),
            full: None,
        }
    }

    /// Returns the same group for a full disk, if there is an error that says so: only batches that
    /// free space are accepted.
    pub(crate) fn on_full(self, full: Option<&'a Error>) -> Self {
        Self { full, ..self }
    }

    /// Adds a batch, or refuses it and leaves the group as it was.
    pub(crate) fn add(&mut self, batch: Batch) -> BatchOutcome {
        let is_removal = |operation: &WriteOperation| {
            matches!(operation, WriteOperation::Remove { .. } | WriteOperation::Clear)
        };
        let only_removes = batch.operations.iter().all(is_removal);
        let mut answers = WriteAnswers::with_capacity(batch.operations.len());
        for operation in batch.operations {
            match self.resolve(operation) {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    self.group.undo();
                    self.draft.forget();
                    return Err(error);
                }
            }
        }
        if self.group.open().is_empty() {
            return Ok(Applied { version: None, answers });
        }
        if let Some(error) = self.full
            && let Some(key) = self.group.open().iter().find_map(Mutation::put_key)
        {
            let error = error.clone().with_key(error::printable(key));
            self.group.undo();
            self.draft.forget();
            return Err(error);
        }
        let version = self.next_sequence;
        self.next_sequence += 1;
        if only_removes {
            self.removals.push(version);
        }
        self.bytes += self.group.open().iter().map(Mutation::bytes).sum::<usize>();
        self.overlay.absorb(&mut self.draft);
        self.group.close();
        Ok(Applied { version: Some(version), answers })
    }

    /// Returns the bytes of keys and values in the group.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the group, ready to commit, and the versions of batches that do nothing but remove
    /// keys.
    pub(crate) fn finish(self) -> (Group, Vec<u64>) {
        (self.group, self.removals)
    }

    fn resolve(&mut self, operation: WriteOperation) -> Result<WriteAnswer> {
        match operation {
            WriteOperation::Put { key, value, expires_at } => {
                self.put(key, value, expires_at);
                Ok(WriteAnswer::Done)
            }
            WriteOperation::Remove { key } => {
                let stored = self.meta(&key)?;
                if stored.is_some() {
                    self.remove(key);
                }
                Ok(WriteAnswer::Flag(stored.is_some_and(|meta| self.is_alive(meta.expires_at))))
            }
            WriteOperation::Require { key, condition } => self.require(&key, &condition),
            WriteOperation::Update { key, update } => self.update(key, &update),
            WriteOperation::Clear => {
                self.group.undo();
                self.draft.forget();
                self.draft.cleared = true;
                self.group.add(Mutation::Clear);
                Ok(WriteAnswer::Done)
            }
        }
    }

    fn require(&self, key: &[u8], condition: &Precondition) -> Result<WriteAnswer> {
        let entry = if condition.needs_value() {
            self.entry(key)?
        } else {
            let meta = self.meta(key)?;
            meta.map(|EntryMeta { version, expires_at }| Entry {
                value: vec![],
                version,
                expires_at,
            })
        };
        let alive = entry.filter(|entry| self.is_alive(entry.expires_at));
        if condition.holds(alive.as_ref()) {
            Ok(WriteAnswer::Done)
        } else {
            Err(Error::ConditionFailed { key: error::printable(key) })
        }
    }

    fn update(&mut self, key: Vec<u8>, update: &Update) -> Result<WriteAnswer> {
        let stored = self.entry(&key)?;
        let was_stored = stored.is_some();
        let alive = stored.filter(|entry| self.is_alive(entry.expires_at));
        let (change, answer) = update.apply(alive);
        match change {
            KeyChange::Put { value, expires_at } => {
                self.limits.check_value(&key, &value)?;
                self.put(key, value, expires_at);
            }
            KeyChange::Remove if was_stored => self.remove(key),
            KeyChange::Remove | KeyChange::Keep => {}
        }
        Ok(answer)
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>, expires_at: Option<u64>) {
        // On disk zero stands for none, which would make the oldest expiry last for ever.
        let expires_at = expires_at.map(|time| time.max(1));
        self.touch(&key);
        self.group.add(Mutation::Put { key, value, expires_at });
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.touch(&key);
        self.group.add(Mutation::Remove { key });
    }

    /// Notes that the next mutation of the group is of this key.
    fn touch(&mut self, key: &[u8]) {
        if self.reads {
            let touch = Touch { position: self.group.mutations(), version: self.next_sequence };
            self.draft.entries.insert(key.to_vec(), touch);
        }
    }

    fn is_alive(&self, expires_at: Option<u64>) -> bool {
        expires_at.is_none_or(|time| time > self.now)
    }

    /// Returns the entry that the group gives the key; the outer `None` means that the group does
    /// not touch the key.
    fn pending(&self, key: &[u8]) -> Option<Option<PendingEntry<'_>>> {
        let accepted = (!planted(Bug::SkipOverlay)).then_some(&self.overlay);
        for layer in [Some(&self.draft), accepted].into_iter().flatten() {
            match layer.entries.get(key) {
                Some(touch) => return Some(self.touched(*touch)),
                None if layer.cleared => return Some(None),
                None => {}
            }
        }
        None
    }

    fn touched(&self, Touch { position, version }: Touch) -> Option<PendingEntry<'_>> {
        match self.group.mutation(position)? {
            Mutation::Put { value, expires_at, .. } => {
                Some(PendingEntry { value, meta: EntryMeta { version, expires_at: *expires_at } })
            }
            Mutation::Remove { .. } | Mutation::Clear => None,
        }
    }

    fn meta(&self, key: &[u8]) -> Result<Option<EntryMeta>> {
        match self.pending(key) {
            Some(pending) => Ok(pending.map(|pending| pending.meta)),
            None => self.reader.metadata(key),
        }
    }

    fn entry(&self, key: &[u8]) -> Result<Option<Entry>> {
        if let Some(pending) = self.pending(key) {
            return Ok(pending.map(
                |PendingEntry { value, meta: EntryMeta { version, expires_at } }| Entry {
                    value: value.to_vec(),
                    version,
                    expires_at,
                },
            ));
        }
        self.reader.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine;
    use crate::store::limits::BATCH_BYTES_MAX;
    use crate::sync::Arc;
    use crate::{EngineKind, Options};

    /// Returns the read half of an engine in memory that holds `a` from commit 1 on, until 100
    /// milliseconds.
    fn reader() -> Arc<dyn ReadHalf> {
        let options = Options::new("unused").engine(EngineKind::Memory);
        let mut engine = engine::open(&options).unwrap();
        let mut group = Group::default();
        let (key, value) = (b"a".to_vec(), b"1".to_vec());
        group.push([Mutation::Put { key, value, expires_at: Some(100) }]);
        engine.writer.commit(&mut group, false).unwrap();
        engine.reader
    }

    fn resolver(reader: &dyn ReadHalf, now: u64) -> Resolver<'_> {
        Resolver::new(reader, SizeLimits::new(&Options::new("unused")), now, 2, true)
    }

    fn put(key: &str, value: &str) -> Batch {
        let (key, value) = (key.into(), value.into());
        Batch::single(WriteOperation::Put { key, value, expires_at: None })
    }

    fn remove(key: &str) -> Batch {
        Batch::single(WriteOperation::Remove { key: key.into() })
    }

    #[test]
    fn versions_and_the_bytes_of_keys_and_values_are_counted() {
        let reader = reader();
        let mut resolver = resolver(&*reader, 99);
        for (version, (batch, bytes)) in
            (2..).zip([(put("bc", "def"), 5), (put("b", "123"), 9), (remove("bc"), 11)])
        {
            assert_eq!(resolver.add(batch).unwrap().version, Some(version));
            assert_eq!(resolver.bytes(), bytes);
        }
        assert!(resolver.bytes() < BATCH_BYTES_MAX);
    }

    #[test]
    fn a_key_expires_at_its_time_and_is_removed_all_the_same() {
        let reader = reader();
        for (now, is_alive) in [(99, true), (100, false), (101, false)] {
            let applied = resolver(&*reader, now).add(remove("a")).unwrap();
            assert_eq!(applied.answers[..], [WriteAnswer::Flag(is_alive)], "at {now}");
            assert_eq!(applied.version, Some(2));
        }
    }

    #[test]
    fn an_update_removes_only_what_is_there() {
        let reader = reader();
        for (key, version) in [("a", Some(2)), ("b", None)] {
            let operation = WriteOperation::Update { key: key.into(), update: Update::Take };
            let applied = resolver(&*reader, 99).add(Batch::single(operation)).unwrap();
            assert_eq!(applied.version, version, "{key}");
        }
    }

    #[test]
    fn what_follows_a_clear_in_its_group_meets_no_key_that_was_stored() {
        let reader = reader();
        let mut resolver = resolver(&*reader, 99);
        resolver.add(put("b", "1")).unwrap();
        resolver.add(Batch::single(WriteOperation::Clear)).unwrap();
        for key in ["a", "b"] {
            let (key, condition) = (key.into(), Precondition::Absent);
            resolver.add(Batch::single(WriteOperation::Require { key, condition })).unwrap();
        }
        assert_eq!(resolver.add(remove("a")).unwrap().answers[..], [WriteAnswer::Flag(false)]);
    }
}
