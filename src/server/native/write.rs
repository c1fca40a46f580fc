//! Operations of the native protocol that change what is stored, as batches for the writer.

use super::Outcome;
use crate::protocol::native::{
    Answer, BatchItem, Condition as WireCondition, Failure, Operation as WireOperation,
};
use crate::server::execution::Execution;
use crate::store::batch::{Answer as Applied, Batch, Condition, Operation, Outcome as Written};

/// The version told of a batch that wrote nothing; no write has it.
const NO_VERSION: u64 = 0;

/// The batch of an operation that writes, and how its outcome is answered.
pub(super) fn execute(operation: WireOperation<'_>) -> Execution<Outcome> {
    match operation {
        WireOperation::Set { key, value, expires_at } => {
            let operation =
                Operation::Put { key: key.into_vec(), value: value.into_vec(), expires_at };
            Execution::Write(Batch::single(operation), Box::new(version))
        }
        WireOperation::Remove { key } => {
            let operation = Operation::Remove { key: key.into_vec() };
            Execution::Write(Batch::single(operation), Box::new(removed))
        }
        WireOperation::Batch { items } => {
            let operations = items.into_iter().map(item).collect();
            Execution::Write(Batch { operations }, Box::new(version))
        }
        _ => {
            let done = |outcome: Written| match outcome {
                Ok(_) => Ok(Answer::Done),
                Err(error) => Err(Failure::from(&error)),
            };
            Execution::Write(Batch::single(Operation::Clear), Box::new(done))
        }
    }
}

fn version(outcome: Written) -> Outcome {
    match outcome {
        Ok(applied) => Ok(Answer::Applied { version: applied.version.unwrap_or(NO_VERSION) }),
        Err(error) => Err(Failure::from(&error)),
    }
}

fn removed(outcome: Written) -> Outcome {
    match outcome {
        Ok(applied) => Ok(Answer::Removed(applied.answers.first() == Some(&Applied::Flag(true)))),
        Err(error) => Err(Failure::from(&error)),
    }
}

fn item(item: BatchItem<'_>) -> Operation {
    match item {
        BatchItem::Set { key, value, expires_at } => {
            Operation::Put { key: key.into_vec(), value: value.into_vec(), expires_at }
        }
        BatchItem::Remove { key } => Operation::Remove { key: key.into_vec() },
        BatchItem::Require { key, condition } => Operation::Require {
            key: key.into_vec(),
            condition: match condition {
                WireCondition::Absent => Condition::Absent,
                WireCondition::Present => Condition::Present,
                WireCondition::Value(value) => Condition::Value(value.into_vec()),
                WireCondition::Version(version) => Condition::Version(version),
            },
        },
    }
}
