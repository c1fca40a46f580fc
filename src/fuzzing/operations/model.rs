//! What a store is, as a map in memory, and batches as data that both can apply.

use std::collections::BTreeMap;

use crate::Entry;
use crate::fuzzing::Input;
use crate::store::batch::{Answer, Answers, Applied, Batch, Change, Condition, Operation};

/// How many keys there are; few, so that they meet again.
pub(super) const KEYS: usize = 10;

pub(super) type Entries = BTreeMap<Vec<u8>, Entry>;

#[derive(Clone)]
pub(super) struct Model {
    pub(super) entries: Entries,
    pub(super) next_sequence: u64,
    /// Milliseconds of a clock that only the program moves.
    pub(super) now: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self { entries: Entries::new(), next_sequence: 1, now: 1000 }
    }
}

/// A key: the empty one, ones that are the beginning of others, and ones that are not.
pub(super) fn key(number: usize) -> Vec<u8> {
    let number = number % KEYS;
    if number.is_multiple_of(2) { vec![b'k'; number / 2] } else { vec![u8::MAX; number] }
}

/// One operation of a batch, as it can be applied again.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    Put { key: Vec<u8>, value: Vec<u8>, expires_at: Option<u64> },
    Remove { key: Vec<u8> },
    Require { key: Vec<u8>, condition: Condition },
    Update { key: Vec<u8>, update: Update },
    Clear,
}

/// What an update does to its key.
#[derive(Debug, Clone)]
pub(super) enum Update {
    Append(Vec<u8>),
    Remove,
    Keep,
    /// Removes a key that is there, and sets one that is not.
    Toggle,
}

impl Update {
    fn apply(&self, entry: Option<&Entry>) -> (Change, Answer) {
        let value = entry.map(|entry| entry.value.clone());
        let expires_at = entry.and_then(|entry| entry.expires_at);
        let change = match self {
            Self::Append(part) => {
                let value = [value.as_deref().unwrap_or_default(), &part[..]].concat();
                // What grew too long to be read at every step begins anew.
                let value = if value.len() > 600 { part.clone() } else { value };
                Change::Put { value, expires_at }
            }
            Self::Remove => Change::Remove,
            Self::Keep => Change::Keep,
            Self::Toggle if entry.is_some() => Change::Remove,
            Self::Toggle => Change::Put { value: b"toggled".to_vec(), expires_at: None },
        };
        (change, Answer::Bytes(value))
    }
}

impl Plan {
    pub(super) fn operation(&self) -> Operation {
        match self.clone() {
            Self::Put { key, value, expires_at } => Operation::Put { key, value, expires_at },
            Self::Remove { key } => Operation::Remove { key },
            Self::Require { key, condition } => Operation::Require { key, condition },
            Self::Update { key, update } => {
                Operation::Update { key, update: Box::new(move |entry| update.apply(entry)) }
            }
            Self::Clear => Operation::Clear,
        }
    }
}

pub(super) fn operations(batch: &[Plan]) -> Batch {
    Batch { operations: batch.iter().map(Plan::operation).collect() }
}

pub(super) fn batch(input: &mut Input<'_>, now: u64) -> Vec<Plan> {
    if input.choose(32) == 1 {
        return vec![Plan::Clear];
    }
    (0..=input.choose(4)).map(|_| plan(input, now)).collect()
}

fn plan(input: &mut Input<'_>, now: u64) -> Plan {
    let key = key(input.choose(KEYS));
    let value = |input: &mut Input<'_>| {
        let length = [0, 1, 5, 20, 60, 500][input.choose(6)];
        let mut value = input.bytes(2).to_vec();
        value.resize(length, 0);
        value
    };
    match input.choose(12) {
        0 | 1 => Plan::Remove { key },
        2 => {
            let condition = match input.choose(4) {
                0 => Condition::Absent,
                1 => Condition::Present,
                2 => Condition::Value(value(input)),
                _ => Condition::Version(u64::from(input.byte())),
            };
            Plan::Require { key, condition }
        }
        3..=5 => {
            let update = match input.choose(4) {
                0 => Update::Remove,
                1 => Update::Keep,
                2 => Update::Toggle,
                _ => Update::Append(value(input)),
            };
            Plan::Update { key, update }
        }
        _ => {
            let expires_at = match input.choose(8) {
                0 => Some(now + u64::from(input.byte())),
                1 => Some(u64::from(input.byte())),
                2 => Some(u64::MAX),
                _ => None,
            };
            Plan::Put { key, value: value(input), expires_at }
        }
    }
}

impl Model {
    /// Applies a batch whole; `None` if a condition does not hold, which leaves everything as it was.
    pub(super) fn apply(&mut self, batch: &[Plan]) -> Option<Applied> {
        let mut entries = self.entries.clone();
        let (mut answers, mut has_written) = (Answers::new(), false);
        for plan in batch {
            let (answer, writes) = self.step(plan, &mut entries)?;
            has_written |= writes;
            answers.push(answer);
        }
        let version = has_written.then_some(self.next_sequence);
        self.next_sequence += u64::from(has_written);
        self.entries = entries;
        Some(Applied { version, answers })
    }

    fn step(&self, plan: &Plan, entries: &mut Entries) -> Option<(Answer, bool)> {
        let is_alive = |entry: &Entry| entry.expires_at.is_none_or(|time| time > self.now);
        let put = |key: &Vec<u8>, value: &Vec<u8>, expires_at: Option<u64>, to: &mut Entries| {
            let expires_at = expires_at.map(|time| time.max(1));
            let entry = Entry { value: value.clone(), version: self.next_sequence, expires_at };
            to.insert(key.clone(), entry);
        };
        Some(match plan {
            Plan::Put { key, value, expires_at } => {
                put(key, value, *expires_at, entries);
                (Answer::Done, true)
            }
            Plan::Remove { key } => {
                let removed = entries.remove(key);
                (Answer::Flag(removed.as_ref().is_some_and(is_alive)), removed.is_some())
            }
            Plan::Require { key, condition } => {
                let entry = entries.get(key).filter(|entry| is_alive(entry));
                (condition.holds(entry).then_some(Answer::Done)?, false)
            }
            Plan::Update { key, update } => {
                let alive = entries.get(key).filter(|entry| is_alive(entry));
                let (change, answer) = update.apply(alive);
                let writes = match change {
                    Change::Put { value, expires_at } => {
                        put(key, &value, expires_at, entries);
                        true
                    }
                    Change::Remove => entries.remove(key).is_some(),
                    Change::Keep => false,
                };
                (answer, writes)
            }
            Plan::Clear => {
                entries.clear();
                (Answer::Done, true)
            }
        })
    }
}
