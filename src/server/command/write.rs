//! Batches for the writer, and the replies to their outcomes.

use super::call::{Call, Executed};
use super::command_error::CommandError;
use super::reply_value::ok;
use crate::Error;
use crate::protocol::resp::Value;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::store::{
    Applied, BatchOutcome, KeyspaceOperation, UnixMillis, Update, WriteAnswer, WriteAnswers,
    WriteOperation,
};

impl Call<'_> {
    /// Applies operations together; `reply` makes the reply of their outcome.
    pub(super) fn write_outcome(
        &self,
        operations: impl IntoIterator<Item = WriteOperation>,
        reply: impl FnOnce(BatchOutcome) -> Value + Send + 'static,
    ) -> Executed {
        let operations = operations.into_iter();
        let (count, operations_max) =
            (operations.size_hint().0, self.context.store.batch_operations_max());
        // The memory for more than will be applied is not taken first.
        if count > operations_max {
            return Err(Error::TooManyOperations { operations: count, operations_max }.into());
        }
        let keyspace = self.keyspace();
        let placed = operations.map(|operation| KeyspaceOperation { keyspace, operation });
        let batch = placed.collect();
        Ok(Execution::Write(batch, Box::new(move |outcome| ClientReply::Resp(reply(outcome)))))
    }

    /// Applies operations together; `reply` makes the reply of their answers.
    pub(super) fn write(
        &self,
        operations: impl IntoIterator<Item = WriteOperation>,
        reply: impl FnOnce(WriteAnswers) -> Value + Send + 'static,
    ) -> Executed {
        self.write_outcome(operations, |outcome| match outcome {
            Ok(Applied { answers, .. }) => reply(answers),
            Err(error) => CommandError::from(error).into_value(),
        })
    }

    /// Updates one key; the answer is the reply.
    pub(super) fn update(&self, key: &[u8], update: Update) -> Executed {
        self.write([WriteOperation::Update { key: key.to_vec(), update }], single)
    }
}

/// Returns the reply to the one operation of a batch.
pub(super) fn single(answers: WriteAnswers) -> Value {
    answers.into_iter().next().map_or_else(ok, value)
}

/// Returns the usual reply of an answer.
fn value(answer: WriteAnswer) -> Value {
    match answer {
        WriteAnswer::Done => ok(),
        WriteAnswer::Flag(flag) => Value::Integer(i64::from(flag)),
        WriteAnswer::Integer(integer) => Value::Integer(integer),
        WriteAnswer::Integers(numbers) => {
            let number = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
            Value::Array(numbers.into_iter().map(number).collect())
        }
        WriteAnswer::Bytes(bytes) => bytes.map_or(Value::Null, Value::Bulk),
        // The calls that ask for these make their own replies.
        WriteAnswer::Entry(_) | WriteAnswer::Attempted(_) => Value::Null,
    }
}

/// Returns an operation that sets a key.
pub(super) fn put(key: &[u8], value: &[u8], expires_at: Option<UnixMillis>) -> WriteOperation {
    WriteOperation::Put { key: key.to_vec(), value: value.to_vec(), expires_at }
}
