//! The store as a whole.

use super::arguments::is;
use super::refusal::{Refusal, SYNTAX};
use super::write::single;
use super::{Executed, done};
use crate::protocol::resp::Value;
use crate::server::execute::execution::Call;
use crate::store::WriteOperation;

/// `DBSIZE`
pub(super) fn dbsize(call: &Call<'_>) -> Executed {
    let count = call.context.store.reader().count();
    done(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// `FLUSHALL [ASYNC | SYNC]` and `FLUSHDB`, which are the same where there is one database.
///
/// Neither mode makes a difference: the reply comes when the keys are gone, and memory follows later.
pub(super) fn flush(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        1 => {}
        2 if is(call.argument(1), "ASYNC") || is(call.argument(1), "SYNC") => {}
        _ => return Err(Refusal::new(SYNTAX)),
    }
    call.write([WriteOperation::Clear], single)
}
