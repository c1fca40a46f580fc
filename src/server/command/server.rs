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
use crate::store::{CatalogueOperation, KeyspaceOperation, KeyspaceView, WriteOperation};

/// `DBSIZE`
pub(super) fn dbsize(call: &Call<'_>) -> Executed {
    let count = call.view()?.len()?;
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

/// `FLUSHALL [ASYNC | SYNC]`
pub(super) fn flushall(call: &Call<'_>) -> Executed {
    // The keys of other keyspaces are removed by the last slice.
    let clear = WriteOperation::Catalogue(CatalogueOperation::Clear);
    flush(call, &call.context.store, clear.into())
}

/// `FLUSHDB [ASYNC | SYNC]`
pub(super) fn flushdb(call: &Call<'_>) -> Executed {
    let (keyspace, operation) = (call.keyspace(), WriteOperation::clear());
    flush(call, &*call.view()?, KeyspaceOperation { keyspace, operation })
}

/// Removes the keys in either mode alike: the reply comes when the keys are gone, and memory
/// follows later. The `sled` engine removes many keys of a database slice by slice.
fn flush(call: &Call<'_>, view: &KeyspaceView, clear: KeyspaceOperation) -> Executed {
    match call.arguments.count() {
        1 => {}
        2 if is(call.argument(1), "ASYNC") || is(call.argument(1), "SYNC") => {}
        _ => return refuse(SYNTAX),
    }
    if !SlicedRemoval::is_for_clearing(view)? {
        return call.write([clear.operation], single);
    }
    if call.is_queued {
        return refuse(
            "ERR this engine removes all keys in several steps, so not in a transaction",
        );
    }
    call.check_may_wait(ReadLength::Long)?;
    let removal = SlicedRemoval::of_all_keys(&call.context.store, view, clear, |removed| {
        ClientReply::Resp(match removed {
            Ok(_) => ok(),
            Err(error) => CommandError::from(error).into_value(),
        })
    })?;
    Ok(Execution::Remove(removal))
}
