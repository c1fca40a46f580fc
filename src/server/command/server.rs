//! The store as a whole.

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX};
use super::reply_value::{bulk, done, ok, refuse};
use super::word::is;
use super::write::single;
use crate::protocol::resp::Value;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::server::execute::sliced_removal::SlicedRemoval;
use crate::store::reader::ReadLength;
use crate::store::{CatalogueOperation, WriteOperation};

/// `DBSIZE`
pub(super) fn dbsize(call: &Call<'_>) -> Executed {
    let count = call.context.store.len()?;
    done(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// `TIME`
pub(super) fn time(call: &Call<'_>) -> Executed {
    // The clock of the store has milliseconds.
    let milliseconds = call.context.store.now().0;
    let microseconds = milliseconds % 1000 * 1000;
    done(Value::Array(vec![
        bulk((milliseconds / 1000).to_string()),
        bulk(microseconds.to_string()),
    ]))
}

/// `ROLE`: a master without replicas.
pub(super) fn role(_: &Call<'_>) -> Executed {
    done(Value::Array(vec![bulk("master"), Value::Integer(0), Value::Array(vec![])]))
}

/// `FLUSHALL [ASYNC | SYNC]`
pub(super) fn flushall(call: &Call<'_>) -> Executed {
    flush(call, WriteOperation::Catalogue(CatalogueOperation::Clear))
}

/// `FLUSHDB [ASYNC | SYNC]`
pub(super) fn flushdb(call: &Call<'_>) -> Executed {
    flush(call, WriteOperation::clear())
}

/// Removes the keys in either mode alike: the reply comes when the keys are gone, and memory
/// follows later. The `sled` engine removes many keys slice by slice.
fn flush(call: &Call<'_>, operation: WriteOperation) -> Executed {
    match call.arguments.count() {
        1 => {}
        2 if is(call.argument(1), "ASYNC") || is(call.argument(1), "SYNC") => {}
        _ => return refuse(SYNTAX),
    }
    let store = &call.context.store;
    if !SlicedRemoval::is_for_clearing(store)? {
        return call.write([operation], single);
    }
    if call.is_queued {
        return refuse(
            "ERR this engine removes all keys in several steps, so not in a transaction",
        );
    }
    call.check_may_wait(ReadLength::Long)?;
    let removal = SlicedRemoval::of_all_keys(store, operation, |removed| {
        ClientReply::Resp(match removed {
            Ok(_) => ok(),
            Err(error) => CommandError::from(error).into_value(),
        })
    })?;
    Ok(Execution::Remove(removal))
}
