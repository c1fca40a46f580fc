//! Copies of keys, and other names for them.

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX};
use super::reply_value::{ok, refuse};
use super::word::is;
use super::write::single;
use crate::protocol::resp::Value;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::store::{
    Applied, Batch, BatchOutcome, KeyCopy, KeyspaceId, KeyspaceOperation, WriteAnswer,
    WriteOperation, database_keyspace,
};
use crate::{Error, Precondition};

/// The refusal of a source that is not there.
const NO_SUCH_KEY: &str = "ERR no such key";

/// The refusal of a target that is the source.
const SAME_KEY: &str = "ERR source and destination objects are the same";

/// `RENAME key newkey`
pub(super) fn rename(call: &Call<'_>) -> Executed {
    call.write([copy(call, call.argument(2), true, true)], |answers| match answers.first() {
        Some(WriteAnswer::Flag(true)) => ok(),
        _ => CommandError::new(NO_SUCH_KEY).into_value(),
    })
}

/// `RENAMENX key newkey`
pub(super) fn renamenx(call: &Call<'_>) -> Executed {
    let key = call.argument(1).to_vec();
    if !call.context.store.may_hold(&key) {
        return refuse(NO_SUCH_KEY);
    }
    let is_there = WriteOperation::Require { key, condition: Precondition::Present };
    call.write_outcome([is_there, copy(call, call.argument(2), false, true)], |outcome| {
        match outcome {
            Ok(Applied { mut answers, .. }) => {
                answers.remove(0);
                single(answers)
            }
            Err(Error::ConditionFailed { .. }) => CommandError::new(NO_SUCH_KEY).into_value(),
            Err(error) => CommandError::from(error).into_value(),
        }
    })
}

/// `COPY source destination [DB destination-db] [REPLACE]`
pub(super) fn copy_key(call: &Call<'_>) -> Executed {
    let (mut replaces, mut keyspace, mut position) = (false, call.keyspace(), 3);
    while let Some(option) = call.arguments.get(position) {
        if is(option, "REPLACE") {
            replaces = true;
        } else if is(option, "DB") && call.arguments.get(position + 1).is_some() {
            position += 1;
            keyspace = database_keyspace(call.database_at(position, None)?);
        } else {
            return refuse(SYNTAX);
        }
        position += 1;
    }
    if call.argument(1) == call.argument(2) && keyspace == call.keyspace() {
        return refuse(SAME_KEY);
    }
    Ok(write_to(keyspace, copy(call, call.argument(2), replaces, false)))
}

/// `MOVE key db`
pub(super) fn move_key(call: &Call<'_>) -> Executed {
    let keyspace = database_keyspace(call.database_at(2, None)?);
    if keyspace == call.keyspace() {
        return refuse(SAME_KEY);
    }
    Ok(write_to(keyspace, copy(call, call.argument(1), false, true)))
}

/// Returns the execution of a copy into a keyspace.
fn write_to(keyspace: KeyspaceId, operation: WriteOperation) -> Execution<Value> {
    let batch = Batch::single(KeyspaceOperation { keyspace, operation });
    let render = |outcome: BatchOutcome| {
        ClientReply::Resp(match outcome {
            Ok(applied) => single(applied.answers),
            Err(error) => CommandError::from(error).into_value(),
        })
    };
    Execution::Write(batch, Box::new(render))
}

/// Returns the copy of the first key of a call.
fn copy(call: &Call<'_>, target: &[u8], replaces: bool, removes_source: bool) -> WriteOperation {
    let (source, target) = (call.argument(1).to_vec(), target.to_vec());
    let source_keyspace = call.keyspace();
    WriteOperation::CopyKey(Box::new(KeyCopy {
        source_keyspace,
        source,
        target,
        replaces,
        removes_source,
    }))
}
