//! Replies that many commands give.

use super::call::Executed;
use super::command_error::CommandError;
use crate::protocol::resp::Value;
use crate::server::execute::execution::Execution;
use std::borrow::Cow;

/// Ends a call with a reply.
pub(super) fn done(value: Value) -> Executed {
    Ok(Execution::Done(value))
}

/// Ends a call with an error of this text, its code first.
pub(super) fn refuse(text: impl Into<Cow<'static, str>>) -> Executed {
    Err(CommandError::new(text).into())
}

/// Returns the reply `OK`.
pub(super) fn ok() -> Value {
    Value::Simple("OK".into())
}

/// Returns a bulk string of a text.
pub(super) fn bulk(text: impl Into<String>) -> Value {
    Value::Bulk(text.into().into_bytes())
}

/// Returns an integer of a length.
pub(super) fn length(length: usize) -> Value {
    Value::Integer(i64::try_from(length).unwrap_or(i64::MAX))
}

/// Returns a simple string of a text.
pub(super) fn simple(text: &str) -> Value {
    Value::Simple(text.to_owned().into())
}

/// Returns a map from names to values.
pub(super) fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Map(pairs.map(|(name, value)| (bulk(name), value)).into())
}
