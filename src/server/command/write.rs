//! Handing a batch to the writer, and making a reply of what it says.

use super::refusal::Refusal;
use super::{Executed, ok};
use crate::engine::Entry;
use crate::protocol::resp::Value;
use crate::server::execution::{Call, Execution};
use crate::store::batch::{Answer, Applied, Batch, Change, Operation, Outcome};

impl Call<'_> {
    /// Applies operations together; `reply` makes the reply of their outcome.
    pub(super) fn write_outcome(
        &self,
        operations: Vec<Operation>,
        reply: impl FnOnce(Outcome) -> Value + Send + 'static,
    ) -> Executed {
        Ok(Execution::Write(Batch { operations }, Box::new(reply)))
    }

    /// Applies operations together; `reply` makes the reply of their answers.
    pub(super) fn write(
        &self,
        operations: Vec<Operation>,
        reply: impl FnOnce(Vec<Answer>) -> Value + Send + 'static,
    ) -> Executed {
        self.write_outcome(operations, |outcome| match outcome {
            Ok(Applied { answers, .. }) => reply(answers),
            Err(error) => Refusal::from(error).into_value(),
        })
    }

    /// Lets the writer change one key; what the function answers is the reply.
    pub(super) fn update(
        &self,
        key: &[u8],
        update: impl FnOnce(Option<&Entry>) -> (Change, Answer) + Send + 'static,
    ) -> Executed {
        let operation = Operation::Update { key: key.to_vec(), update: Box::new(update) };
        self.write(vec![operation], single)
    }
}

/// The reply to the one operation of a batch.
pub(super) fn single(answers: Vec<Answer>) -> Value {
    answers.into_iter().next().map_or_else(ok, value)
}

/// The reply that an answer is where a command says nothing else.
pub(super) fn value(answer: Answer) -> Value {
    match answer {
        Answer::Done => ok(),
        Answer::Flag(flag) => Value::Integer(i64::from(flag)),
        Answer::Integer(integer) => Value::Integer(integer),
        Answer::Bytes(bytes) => bytes.map_or(Value::Null, Value::Bulk),
        Answer::Refused(text) => Value::Error(text),
    }
}

/// An operation that sets a key.
pub(super) fn put(key: &[u8], value: &[u8], expires_at: Option<u64>) -> Operation {
    Operation::Put { key: key.to_vec(), value: value.to_vec(), expires_at }
}
