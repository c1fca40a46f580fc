//! The store as a whole.

use super::call::{Call, Executed};
use super::command_error::SYNTAX;
use super::reply_value::{done, refuse};
use super::word::is;
use super::write::single;
use crate::protocol::resp::Value;
use crate::store::WriteOperation;

/// `DBSIZE`
pub(super) fn dbsize(call: &Call<'_>) -> Executed {
    let count = call.context.store.count()?;
    done(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// `FLUSHALL [ASYNC | SYNC]` and `FLUSHDB`, which are the same where there is one database.
///
/// Neither mode makes a difference: the reply comes when the keys are gone, and memory follows
/// later.
pub(super) fn flush(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        1 => {}
        2 if is(call.argument(1), "ASYNC") || is(call.argument(1), "SYNC") => {}
        _ => return refuse(SYNTAX),
    }
    call.write([WriteOperation::Clear], single)
}
