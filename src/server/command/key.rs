//! Keys, whatever values they hold.

use super::call::{Call, Executed};
use super::command_error::CommandError;
use super::reply_value::{done, length};
use crate::protocol::resp::Value;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::context::random_u64;
use crate::server::execute::execution::Execution;
use crate::server::execute::sliced_removal::SlicedRemoval;
use crate::store::reader::ReadLength;
use crate::store::{WriteAnswer, WriteOperation};

/// `DEL key [key ...]`, and `UNLINK`, which here costs a client no less.
///
/// More keys than a batch may have are removed slice by slice, so that other writes do not wait for
/// all of them.
pub(super) fn del(call: &Call<'_>) -> Executed {
    if call.rest(1).len() > call.context.store.batch_operations_max() && !call.is_queued {
        // Copying so many keys is work for a reader.
        call.check_may_wait(ReadLength::Short)?;
        let keys: Vec<_> = call.rest(1).map(<[u8]>::to_vec).collect();
        let removal =
            SlicedRemoval::of_keys(&call.context.store, call.keyspace(), keys, |removed| {
                ClientReply::Resp(match removed {
                    Ok(removed) => length(removed),
                    Err(error) => CommandError::from(error).into_value(),
                })
            })?;
        return Ok(Execution::Remove(removal));
    }
    let removals = call.rest(1).map(|key| WriteOperation::Remove { key: key.to_vec() });
    call.write(removals, |answers| {
        let removed = answers.iter().filter(|answer| **answer == WriteAnswer::Flag(true));
        length(removed.count())
    })
}

/// `EXISTS key [key ...]`, and `TOUCH`, as there are no access times to change.
pub(super) fn exists(call: &Call<'_>) -> Executed {
    call.read_count(call.rest(1), length)
}

/// `TOUCH key [key ...]`: counts the keys that are there, and as a use of each.
pub(super) fn touch(call: &Call<'_>) -> Executed {
    let view = call.view()?;
    call.rest(1).for_each(|key| view.note_use(key));
    exists(call)
}

/// `TYPE key`
pub(super) fn kind(call: &Call<'_>) -> Executed {
    call.read_expiry(call.argument(1), |found| {
        Value::Simple(if found.is_some() { "string" } else { "none" }.into())
    })
}

/// `RANDOMKEY`
///
/// Where keys are looked up one after the other until one has not expired, that is work for a
/// reader.
pub(super) fn randomkey(call: &Call<'_>) -> Executed {
    call.check_may_wait(ReadLength::Short)?;
    let found = call.view()?.random_key(&mut random_u64)?;
    done(found.map_or(Value::Null, Value::Bulk))
}
