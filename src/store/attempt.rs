//! Attempts: operations of a batch that are done together or not at all, without the batch; and
//! reads, which see what the operations before them did.

use super::operation::KeyspaceOperation;
use super::outcome::{AttemptRefusal, WriteAnswer};
use super::overlay::Touch;
use super::resolve::Resolver;
use crate::Result;
use crate::engine::KeyspaceId;

impl Resolver<'_> {
    /// Does the operations or, if one of them is refused, takes back those before it.
    pub(super) fn attempt(&mut self, operations: Vec<KeyspaceOperation>) -> WriteAnswer {
        let (mutations, changes) = (self.group.open().len(), self.named_changes.len());
        let mut answers = Vec::with_capacity(operations.len());
        for operation in operations {
            match self.resolve(operation) {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    self.named_changes.truncate(changes);
                    self.take_back_behind(mutations);
                    return WriteAnswer::Attempted(Err(Box::new(AttemptRefusal(error))));
                }
            }
        }
        WriteAnswer::Attempted(Ok(answers))
    }

    /// Takes back all but the first of so many mutations of the batch.
    fn take_back_behind(&mut self, kept: usize) {
        // Most attempts are refused before they change anything, and many may be in a batch.
        if self.group.open().len() == kept {
            return;
        }
        let mut positions = 0..;
        self.group.retain_open(|_| positions.next().is_some_and(|position| position < kept));
        self.draft_again();
    }

    /// Makes the draft anew from the mutations of the batch: some were taken out, and those behind
    /// them have moved.
    pub(super) fn draft_again(&mut self) {
        if !self.reads {
            return;
        }
        let open = self.group.open();
        let first = self.group.mutations() - open.len();
        self.draft.forget();
        for (position, mutation) in (first..).zip(open) {
            self.draft.note(mutation, Touch { position, version: self.next_sequence });
        }
    }

    /// Returns the answer to a read.
    pub(super) fn answer(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        with_value: bool,
    ) -> Result<WriteAnswer> {
        let found = match with_value {
            true => self.entry(keyspace, key)?,
            false => self.meta(keyspace, key)?.map(|meta| meta.with(Vec::new())),
        };
        let alive = found.filter(|entry| self.is_alive(entry.expiry()));
        if let Some(entry) = alive.as_ref().filter(|_| with_value) {
            entry.value_type.require_string()?;
        }
        Ok(WriteAnswer::Entry(alive.map(Box::new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{self, Sequence, UnixMillis};
    use crate::store::batch::Batch;
    use crate::store::limits::SizeLimits;
    use crate::store::operation::WriteOperation;
    use crate::store::update::Update;
    use crate::{EngineKind, Error, Options, Precondition};

    fn put(key: &str, value: &str) -> KeyspaceOperation {
        WriteOperation::set(key, value, None).into()
    }

    fn add(key: &str) -> KeyspaceOperation {
        WriteOperation::Update { key: key.into(), update: Update::Add(1) }.into()
    }

    fn require(key: &str, condition: Precondition) -> KeyspaceOperation {
        WriteOperation::Require { key: key.into(), condition }.into()
    }

    fn attempt(operations: Vec<KeyspaceOperation>) -> KeyspaceOperation {
        WriteOperation::Attempt(operations).into()
    }

    fn read(key: &str) -> KeyspaceOperation {
        WriteOperation::Read { key: key.into(), with_value: true }.into()
    }

    /// Returns the answers of a batch, and the mutations that it makes.
    fn resolved(operations: Vec<KeyspaceOperation>) -> (Vec<WriteAnswer>, usize) {
        let engine = engine::open(&Options::new("unused").engine(EngineKind::Memory)).unwrap();
        let limits = SizeLimits::new(&Options::new("unused"));
        let (now, next) = (UnixMillis(1), Sequence(1));
        let mut resolver = Resolver::new(&*engine.reader, limits, now, next, true);
        let batch: Batch = operations.into_iter().collect();
        let answers = resolver.add(batch).unwrap().answers.into_vec();
        (answers, resolver.finish().0.mutations())
    }

    fn value(answer: &WriteAnswer) -> Option<&str> {
        let WriteAnswer::Entry(entry) = answer else { panic!("{answer:?}") };
        entry.as_ref().map(|entry| str::from_utf8(&entry.value).unwrap())
    }

    #[test]
    fn an_attempt_that_is_refused_leaves_nothing_and_the_others_are_done() {
        let (answers, mutations) = resolved(vec![
            attempt(vec![put("a", "1")]),
            attempt(vec![put("a", "2"), put("b", "x"), add("b")]),
            attempt(vec![add("a")]),
            read("a"),
            read("b"),
        ]);
        assert_eq!(answers[0], WriteAnswer::Attempted(Ok(vec![WriteAnswer::Done])));
        let WriteAnswer::Attempted(Err(refusal)) = &answers[1] else { panic!("{answers:?}") };
        assert!(matches!(&refusal.0, Error::NotAnInteger { key } if key == "b"));
        assert_eq!(answers[2], WriteAnswer::Attempted(Ok(vec![WriteAnswer::Integer(2)])));
        assert_eq!((value(&answers[3]), value(&answers[4])), (Some("2"), None));
        assert_eq!(mutations, 2);
    }

    #[test]
    fn a_condition_refuses_its_attempt_alone_and_beside_attempts_the_batch() {
        let (answers, mutations) = resolved(vec![
            attempt(vec![require("a", Precondition::Present), put("a", "1")]),
            attempt(vec![require("a", Precondition::Absent), put("a", "2")]),
            read("a"),
        ]);
        let is_refused = |answer: &WriteAnswer| {
            matches!(answer, WriteAnswer::Attempted(Err(refusal))
                if matches!(refusal.0, Error::ConditionFailed { .. }))
        };
        assert!(is_refused(&answers[0]) && !is_refused(&answers[1]));
        assert_eq!((value(&answers[2]), mutations), (Some("2"), 1));

        let engine = engine::open(&Options::new("unused").engine(EngineKind::Memory)).unwrap();
        let limits = SizeLimits::new(&Options::new("unused"));
        let mut resolver = Resolver::new(&*engine.reader, limits, UnixMillis(1), Sequence(1), true);
        let operations = [require("a", Precondition::Present), attempt(vec![put("a", "1")])];
        let refused = resolver.add(operations.into_iter().collect());
        assert!(matches!(refused, Err(Error::ConditionFailed { .. })));
        assert_eq!(resolver.finish().0.mutations(), 0);
    }

    #[test]
    fn a_batch_whose_answers_or_writes_grow_too_large_is_refused_as_a_whole() {
        let engine = engine::open(&Options::new("unused").engine(EngineKind::Memory)).unwrap();
        let limits = SizeLimits::new(&Options::new("unused"));
        let value = vec![7; 32 << 20];
        let refused = |operations: Vec<KeyspaceOperation>| {
            let (now, next) = (UnixMillis(1), Sequence(1));
            let mut resolver = Resolver::new(&*engine.reader, limits, now, next, true);
            let set = WriteOperation::set("a", value.clone(), None).into();
            let refused = resolver.add([set].into_iter().chain(operations).collect());
            assert_eq!(resolver.finish().0.mutations(), usize::from(refused.is_ok()));
            refused.map_err(|error| error.to_string())
        };
        let reads = |count| (0..count).map(|_| attempt(vec![read("a")])).collect();
        assert!(refused(reads(4)).is_ok());
        let too_many = refused(reads(6)).unwrap_err();
        assert!(too_many.contains("167772160 bytes is larger than the limit"), "{too_many}");
        let lengthen = || {
            let update = Update::Append(b"x".to_vec());
            attempt(vec![WriteOperation::Update { key: b"a".to_vec(), update }.into()])
        };
        let too_long = refused((0..40).map(|_| lengthen()).collect()).unwrap_err();
        assert!(too_long.contains("is larger than the limit of 1073741824"), "{too_long}");
    }

    #[test]
    fn reads_see_removals_ranges_and_expiry_of_their_batch() {
        let expired = WriteOperation::set("a", "old", Some(UnixMillis(1))).into();
        let (answers, _) = resolved(vec![
            put("a", "1"),
            read("a"),
            attempt(vec![expired]),
            read("a"),
            put("a", "3"),
            WriteOperation::clear().into(),
            read("a"),
            put("a", "4"),
            read("a"),
        ]);
        let found = [1, 3, 6, 8].map(|position: usize| value(&answers[position]));
        assert_eq!(found, [Some("1"), None, None, Some("4")]);
    }
}
