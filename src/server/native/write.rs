//! Operations of the native protocol that change what is stored, as batches for the writer.

use super::Outcome;
use crate::protocol::native::Response;
use crate::protocol::native::{
    Answer, BatchItem, Condition as WireCondition, Failure, Operation as WireOperation,
};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::store::batch::{Answer as Applied, Batch, Condition, Operation, Outcome as Written};

/// The version told of a batch that wrote nothing; no write has it.
const NO_VERSION: u64 = 0;

/// The batch of an operation that writes, and how its outcome is answered.
pub(super) fn execute<R>(id: u64, operation: WireOperation<'_>) -> Execution<R> {
    match operation {
        WireOperation::Set { key, value, expires_at } => {
            let operation =
                Operation::Put { key: key.into_vec(), value: value.into_vec(), expires_at };
            write(id, Batch::single(operation), version)
        }
        WireOperation::Remove { key } => {
            write(id, Batch::single(Operation::Remove { key: key.into_vec() }), removed)
        }
        WireOperation::Batch { items } => {
            let operations = items.into_iter().map(item).collect();
            write(id, Batch { operations }, version)
        }
        _ => write(id, Batch::single(Operation::Clear), |outcome| match outcome {
            Ok(_) => Ok(Answer::Done),
            Err(error) => Err(Failure::from(&error)),
        }),
    }
}

fn write<R>(id: u64, batch: Batch, answer: fn(Written) -> Outcome) -> Execution<R> {
    let render = move |outcome| ClientReply::Native(Response { id, result: answer(outcome) });
    Execution::Write(batch, Box::new(render))
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
