//! Handing a batch to the writer, and making a reply of what it says.

use super::refusal::Refusal;
use super::{Executed, ok};
use crate::engine::Entry;
use crate::protocol::resp::Value;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::{Call, Execution};
use crate::store::batch::{
    Answer, Answers, Applied, Batch, Change, Operation, Operations, Outcome,
};

impl Call<'_> {
    /// Applies operations together; `reply` makes the reply of their outcome.
    pub(super) fn write_outcome(
        &self,
        operations: impl Into<Operations>,
        reply: impl FnOnce(Outcome) -> Value + Send + 'static,
    ) -> Executed {
        let batch = Batch { operations: operations.into() };
        Ok(Execution::Write(batch, Box::new(move |outcome| ClientReply::Resp(reply(outcome)))))
    }

    /// Applies operations together; `reply` makes the reply of their answers.
    pub(super) fn write(
        &self,
        operations: impl Into<Operations>,
        reply: impl FnOnce(Answers) -> Value + Send + 'static,
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
        self.write([operation], single)
    }
}

/// The reply to the one operation of a batch.
pub(super) fn single(answers: Answers) -> Value {
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
