//! The specification of a store: the effect and answer of each operation, on one key and on
//! several.

use std::collections::BTreeMap;

use super::Specification;

/// The condition of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Absent,
    Present,
    Value(i64),
}

impl Condition {
    fn holds(self, value: Option<i64>) -> bool {
        match self {
            Self::Absent => value.is_none(),
            Self::Present => value.is_some(),
            Self::Value(wanted) => value == Some(wanted),
        }
    }
}

/// An operation on one key; the state is the value of that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOperation {
    Get,
    /// Answers whether the key is there.
    Contains,
    Set(i64),
    /// Answers whether the key was there.
    Remove,
    /// Answers the sum; an absent key counts as zero.
    Increment(i64),
    /// Answers whether the condition held.
    SetIf(Condition, i64),
    /// Answers the value before.
    GetSet(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAnswer {
    Done,
    Value(Option<i64>),
    Flag(bool),
    Number(i64),
}

impl KeyOperation {
    pub fn reads_only(self) -> bool {
        matches!(self, Self::Get | Self::Contains)
    }
}

impl Specification for KeyOperation {
    type State = Option<i64>;
    type Answer = KeyAnswer;

    fn apply(&self, state: &mut Option<i64>) -> KeyAnswer {
        match *self {
            Self::Get => KeyAnswer::Value(*state),
            Self::Contains => KeyAnswer::Flag(state.is_some()),
            Self::Set(value) => {
                *state = Some(value);
                KeyAnswer::Done
            }
            Self::Remove => KeyAnswer::Flag(state.take().is_some()),
            Self::Increment(amount) => {
                let sum = state.unwrap_or(0) + amount;
                *state = Some(sum);
                KeyAnswer::Number(sum)
            }
            Self::SetIf(condition, value) => {
                let holds = condition.holds(*state);
                if holds {
                    *state = Some(value);
                }
                KeyAnswer::Flag(holds)
            }
            Self::GetSet(value) => KeyAnswer::Value(state.replace(value)),
        }
    }
}

/// An operation on a few numbered keys; the state is the whole store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOperation {
    /// Reads keys at one point in time.
    Read(Vec<usize>),
    /// Sets keys, or removes them where there is no value, if all conditions hold.
    Batch { require: Vec<(usize, Condition)>, write: Vec<(usize, Option<i64>)> },
    /// An operation on one key.
    Key(usize, KeyOperation),
    /// Removes every key.
    Clear,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAnswer {
    Done,
    /// True if the batch was applied.
    Applied(bool),
    Values(Vec<Option<i64>>),
    Key(KeyAnswer),
}

impl Specification for StoreOperation {
    type State = BTreeMap<usize, i64>;
    type Answer = StoreAnswer;

    fn apply(&self, state: &mut BTreeMap<usize, i64>) -> StoreAnswer {
        match self {
            Self::Read(keys) => {
                StoreAnswer::Values(keys.iter().map(|key| state.get(key).copied()).collect())
            }
            Self::Batch { require, write } => {
                let value = |key| state.get(key).copied();
                let holds = require.iter().all(|(key, condition)| condition.holds(value(key)));
                if holds {
                    write.iter().for_each(|(key, value)| put(state, *key, *value));
                }
                StoreAnswer::Applied(holds)
            }
            Self::Key(key, operation) => {
                let mut value = state.get(key).copied();
                let answer = operation.apply(&mut value);
                put(state, *key, value);
                StoreAnswer::Key(answer)
            }
            Self::Clear => {
                state.clear();
                StoreAnswer::Done
            }
        }
    }
}

fn put(state: &mut BTreeMap<usize, i64>, key: usize, value: Option<i64>) {
    match value {
        Some(value) => state.insert(key, value),
        None => state.remove(&key),
    };
}
