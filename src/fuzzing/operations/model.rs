//! The model of a store, a map in memory, and batches as data that both can apply.

use std::collections::BTreeMap;

use crate::engine::{KeyspaceId, ValueType};
use crate::fuzzing::input::Input;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::store::{
    Applied, Batch, BitCombination, BitOperator, ExpiryConditions, KeyChange, KeyCopy,
    KeyspaceOperation, NewExpiry, Update, WriteAnswer, WriteAnswers, WriteOperation,
};
use crate::{Entry, Precondition};

/// The number of keys; few, so that they meet again.
pub(super) const KEYS: usize = 10;

/// By keyspace and key.
pub(super) type Entries = BTreeMap<(KeyspaceId, Vec<u8>), Entry>;

/// The keyspaces that there are; the last two are as old as the catalogue's first names.
pub(super) const KEYSPACES: [KeyspaceId; 3] = [KeyspaceId(0), KeyspaceId(2), KeyspaceId(3)];

#[derive(Clone)]
pub(super) struct Model {
    pub(super) entries: Entries,
    pub(super) next_sequence: Sequence,
    /// Milliseconds of a clock that only the program moves.
    pub(super) now: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self { entries: Entries::new(), next_sequence: Sequence(1), now: 1000 }
    }
}

/// Returns a key: the empty one, ones that are the beginning of others, and ones that are not.
pub(super) fn key(number: usize) -> Vec<u8> {
    let number = number % KEYS;
    if number.is_multiple_of(2) { vec![b'k'; number / 2] } else { vec![u8::MAX; number] }
}

pub(super) fn batch(input: &mut Input<'_>, now: u64) -> Batch {
    if input.choose(32) == 1 {
        return Batch::single(WriteOperation::clear());
    }
    (0..=input.choose(4)).map(|_| keyspace_operation(input, now)).collect()
}

fn keyspace_operation(input: &mut Input<'_>, now: u64) -> KeyspaceOperation {
    let choice = input.choose(KEYS * 8);
    // Most are of the default keyspace.
    let keyspace = KEYSPACES[[0, 0, 0, 0, 0, 0, 1, 2][choice / KEYS]];
    KeyspaceOperation { keyspace, operation: operation(input, now, key(choice % KEYS)) }
}

fn operation(input: &mut Input<'_>, now: u64, key: Vec<u8>) -> WriteOperation {
    match input.choose(15) {
        14 => {
            let operator = [BitOperator::And, BitOperator::Or, BitOperator::Xor, BitOperator::Not]
                [input.choose(4)];
            let count = if operator == BitOperator::Not { 1 } else { 1 + input.choose(3) };
            let sources = (0..count).map(|_| self::key(input.choose(KEYS))).collect();
            let combination = BitCombination { operator, target: key, sources };
            WriteOperation::CombineBits(Box::new(combination))
        }
        13 => {
            let (source_keyspace, source) =
                (KEYSPACES[input.choose(3)], self::key(input.choose(KEYS)));
            let (replaces, removes_source) = (input.flag(), input.flag());
            let copy = KeyCopy { source_keyspace, source, target: key, replaces, removes_source };
            WriteOperation::CopyKey(Box::new(copy))
        }
        12 => WriteOperation::RemoveRange { start: key, end: self::key(input.choose(KEYS)) },
        0 | 1 => WriteOperation::Remove { key },
        2 => {
            let condition = match input.choose(4) {
                0 => Precondition::Absent,
                1 => Precondition::Present,
                2 => Precondition::Value(value(input)),
                _ => Precondition::Version(u64::from(input.byte())),
            };
            WriteOperation::Require { key, condition }
        }
        3..=5 => WriteOperation::Update { key, update: update(input, now) },
        _ => {
            let expires_at = match input.choose(8) {
                0 => Some(now + u64::from(input.byte())),
                1 => Some(u64::from(input.byte())),
                2 => Some(u64::MAX),
                _ => None,
            };
            WriteOperation::Put { key, value: value(input), expires_at: expires_at.map(UnixMillis) }
        }
    }
}

fn value(input: &mut Input<'_>) -> Vec<u8> {
    let length = [0, 1, 5, 20, 60, 500][input.choose(6)];
    let mut value = input.bytes(2).to_vec();
    value.resize(length, 0);
    value
}

fn update(input: &mut Input<'_>, now: u64) -> Update {
    match input.choose(8) {
        0 => Update::Take,
        1 => Update::Persist,
        2 => Update::Add(1),
        3 => Update::GetAndExpire { expires_at: Some(UnixMillis(now + u64::from(input.byte()))) },
        4 => {
            let at = now - 1 + u64::from(input.byte());
            let conditions = ExpiryConditions { later: input.flag(), ..Default::default() };
            Update::Expire { at: UnixMillis(at), now: UnixMillis(now), conditions }
        }
        5 => {
            let condition = input.flag().then_some(Precondition::Absent);
            Update::Swap { value: value(input), expiry: NewExpiry::Kept, condition }
        }
        // Short, because all of a value is read at every step.
        6 => Update::SetRange { offset: input.choose(20), part: input.bytes(2).to_vec() },
        _ => Update::Append(input.bytes(2).to_vec()),
    }
}

impl Model {
    /// Applies a batch whole; `None` if a condition does not hold, which leaves everything as it
    /// was.
    pub(super) fn apply(&mut self, batch: &Batch) -> Option<Applied> {
        let mut entries = self.entries.clone();
        let (mut answers, mut has_written) = (WriteAnswers::new(), false);
        for KeyspaceOperation { keyspace, operation } in &batch.operations {
            let (answer, writes) = self.step(*keyspace, operation, &mut entries)?;
            has_written |= writes;
            answers.push(answer);
        }
        let version = has_written.then_some(self.next_sequence);
        self.next_sequence = self.next_sequence.plus(has_written.into());
        self.entries = entries;
        Some(Applied { version, answers })
    }

    fn step(
        &self,
        keyspace: KeyspaceId,
        operation: &WriteOperation,
        entries: &mut Entries,
    ) -> Option<(WriteAnswer, bool)> {
        let is_alive = |entry: &Entry| self.is_alive(entry);
        let put = |key: &Vec<u8>, value: &Vec<u8>, expiry: Option<UnixMillis>, to: &mut Entries| {
            let expires_at = expiry.map(|time| time.0.max(1));
            let (value, version, value_type) =
                (value.clone(), self.next_sequence, ValueType::STRING);
            let entry = Entry { value, version: version.0, expires_at, value_type };
            to.insert((keyspace, key.clone()), entry);
        };
        let placed = (keyspace, operation.key().to_vec());
        Some(match operation {
            WriteOperation::Put { key, value, expires_at } => {
                put(key, value, *expires_at, entries);
                (WriteAnswer::Done, true)
            }
            WriteOperation::Remove { .. } => {
                let removed = entries.remove(&placed);
                (WriteAnswer::Flag(removed.as_ref().is_some_and(is_alive)), removed.is_some())
            }
            WriteOperation::Require { condition, .. } => {
                let entry = entries.get(&placed).filter(|entry| is_alive(entry));
                (condition.holds(entry).then_some(WriteAnswer::Done)?, false)
            }
            WriteOperation::Update { key, update } => {
                let alive = entries.get(&placed).filter(|entry| is_alive(entry));
                let (change, answer) = update.apply(key, alive.cloned()).ok()?;
                let writes = match change {
                    KeyChange::Put { value, expires_at, .. } => {
                        put(key, &value, expires_at, entries);
                        true
                    }
                    KeyChange::Remove => entries.remove(&placed).is_some(),
                    KeyChange::Keep => false,
                };
                (answer, writes)
            }
            WriteOperation::RemoveRange { start, end } => {
                let is_inside = |(other, key): &(KeyspaceId, Vec<u8>)| {
                    *other == keyspace && start <= key && (end.is_empty() || key < end)
                };
                entries.retain(|placed, _| !is_inside(placed));
                (WriteAnswer::Done, end.is_empty() || start < end)
            }
            WriteOperation::CopyKey(copy) => self.copy_key(keyspace, copy, entries),
            WriteOperation::CombineBits(combination) => {
                let combined = self.combined(keyspace, combination, entries);
                let length = i64::try_from(combined.len()).unwrap_or(i64::MAX);
                let writes = !combined.is_empty() || entries.remove(&placed).is_some();
                if !combined.is_empty() {
                    put(&combination.target, &combined, None, entries);
                }
                (WriteAnswer::Integer(length), writes)
            }
            WriteOperation::RequireUnchanged(_)
            | WriteOperation::Read { .. }
            | WriteOperation::Attempt(_)
            | WriteOperation::Catalogue(_) => {
                unreachable!("none is drawn")
            }
        })
    }

    fn is_alive(&self, entry: &Entry) -> bool {
        entry.expires_at.is_none_or(|time| time > self.now)
    }

    /// Copies a key; returns the answer, and true if anything changes.
    fn copy_key(
        &self,
        keyspace: KeyspaceId,
        copy: &KeyCopy,
        entries: &mut Entries,
    ) -> (WriteAnswer, bool) {
        let source = (copy.source_keyspace, copy.source.clone());
        let target = (keyspace, copy.target.clone());
        let is_refused = !copy.replaces && entries.get(&target).is_some_and(|it| self.is_alive(it));
        let alive = entries.get(&source).filter(|entry| self.is_alive(entry)).cloned();
        let Some(entry) = alive.filter(|_| !is_refused) else {
            return (WriteAnswer::Flag(false), false);
        };
        let changes = source != target;
        if changes {
            entries.insert(target, Entry { version: self.next_sequence.0, ..entry });
            if copy.removes_source {
                entries.remove(&source);
            }
        }
        (WriteAnswer::Flag(true), changes)
    }

    /// Returns the combination of values, byte by byte.
    fn combined(
        &self,
        keyspace: KeyspaceId,
        combination: &BitCombination,
        entries: &Entries,
    ) -> Vec<u8> {
        let value = |key: &Vec<u8>| {
            let found = entries.get(&(keyspace, key.clone()));
            let alive = found.filter(|entry| self.is_alive(entry));
            alive.map_or(&[][..], |entry| &entry.value)
        };
        let values: Vec<_> = combination.sources.iter().map(value).collect();
        let length = values.iter().map(|value| value.len()).max().unwrap_or(0);
        let byte = |position: usize| {
            let bytes = values.iter().map(|value| value.get(position).copied().unwrap_or(0));
            match combination.operator {
                BitOperator::And => bytes.fold(u8::MAX, |combined, byte| combined & byte),
                BitOperator::Or => bytes.fold(0, |combined, byte| combined | byte),
                BitOperator::Xor => bytes.fold(0, |combined, byte| combined ^ byte),
                BitOperator::Not => bytes.fold(0, |_, byte| !byte),
            }
        };
        (0..length).map(byte).collect()
    }
}
