//! Executes the operations of the native protocol.

mod scan;
mod write;

use crate::engine::{Access, Entry, Lookup};
use crate::protocol::native::{
    Answer, Bytes, FRAME_BYTES_MAX, Failure, Operation, Request, Response, VersionedValue,
};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::context::Context;
use crate::server::execute::execution::{Effect, Execution, KEYS_ON_WORKER_MAX};
use crate::server::execute::failure::response_too_large;
use crate::{Error, Result};

/// What the operation does.
pub(crate) fn effect(operation: &Operation<'_>) -> Effect {
    match operation {
        Operation::Set { .. }
        | Operation::Remove { .. }
        | Operation::Batch { .. }
        | Operation::Clear => Effect::Writes,
        Operation::Sync => Effect::Other,
        Operation::Ping
        | Operation::Get { .. }
        | Operation::GetMany { .. }
        | Operation::Contains { .. }
        | Operation::GetVersioned { .. }
        | Operation::Scan { .. }
        | Operation::Count
        | Operation::Info => Effect::Reads,
    }
}

/// The result of one operation, without the number of its request.
type Outcome = std::result::Result<Answer<'static>, Failure>;

/// Executes a request.
pub(crate) fn execute(
    request: Request<'_>,
    context: &Context,
    access: Access,
) -> Execution<Response<'static>> {
    let id = request.id;
    let execution = match effect(&request.operation) {
        Effect::Writes => write::execute(id, request.operation),
        Effect::Other => Execution::Sync(Box::new(move |result| {
            let result = result.map(|()| Answer::Done).map_err(|error| Failure::from(&error));
            ClientReply::Native(Response { id, result })
        })),
        Effect::Reads => match read(request.operation, context, access) {
            Ok(Some(answer)) => Execution::Done(Ok(answer)),
            Ok(None) => Execution::WouldBlock,
            Err(failure) => Execution::Done(Err(failure)),
        },
    };
    execution.map(move |result: Outcome| Response { id, result })
}

/// The answer of an operation that reads; `None` where that needs [`Access::Blocking`].
fn read(
    operation: Operation<'_>,
    context: &Context,
    access: Access,
) -> std::result::Result<Option<Answer<'static>>, Failure> {
    let answer = match operation {
        Operation::Get { key } => {
            let Some(entry) = counted(context, context.store.lookup(&key, access)?) else {
                return Ok(None);
            };
            Answer::Value(entry.map(|entry| entry.value.into()))
        }
        Operation::GetVersioned { key } => {
            let Some(entry) = counted(context, context.store.lookup(&key, access)?) else {
                return Ok(None);
            };
            Answer::Versioned(entry.map(|entry| VersionedValue {
                value: entry.value.into(),
                version: entry.version,
                expires_at: entry.expires_at,
            }))
        }
        Operation::GetMany { keys } => return get_many(context, &keys, access),
        Operation::Contains { key } => {
            return Ok(contains(context, &key, access)?.map(Answer::Flag));
        }
        Operation::Scan { start, end, reverse, limit, keys_only } => {
            if access == Access::MemoryOnly {
                return Ok(None);
            }
            scan::scan(&context.store, start, end, reverse, limit, keys_only)?
        }
        Operation::Count => Answer::Number(context.store.reader().count()),
        Operation::Info => Answer::Text(info(context)),
        _ => Answer::Done,
    };
    Ok(Some(answer))
}

/// The entry of a key or its absence, counted; `None` where that needs [`Access::Blocking`].
fn counted(context: &Context, lookup: Lookup) -> Option<Option<Entry>> {
    match lookup {
        Lookup::Found(entry) => {
            context.statistics.hits.add(1);
            Some(Some(entry))
        }
        Lookup::Absent => {
            context.statistics.misses.add(1);
            Some(None)
        }
        Lookup::Cold => None,
    }
}

fn get_many(
    context: &Context,
    keys: &[Bytes<'_>],
    access: Access,
) -> std::result::Result<Option<Answer<'static>>, Failure> {
    if access == Access::MemoryOnly && keys.len() > KEYS_ON_WORKER_MAX {
        return Ok(None);
    }
    let frame_bytes_max = usize::try_from(FRAME_BYTES_MAX).unwrap_or(usize::MAX);
    let view = context.store.view()?;
    let mut bytes = 0;
    let mut values = Vec::new();
    for key in keys {
        let Some(entry) = counted(context, view.lookup(key, access)?) else {
            return Ok(None);
        };
        bytes += entry.as_ref().map_or(0, |entry| entry.value.len());
        if bytes > frame_bytes_max {
            return Err(response_too_large());
        }
        values.push(entry.map(|entry| entry.value.into()));
    }
    Ok(Some(Answer::Values(values)))
}

/// `None` if answering may wait for the disk.
fn contains(context: &Context, key: &[u8], access: Access) -> Result<Option<bool>> {
    let reader = context.store.reader();
    if access == Access::MemoryOnly && reader.peek_may_wait() {
        return Ok(None);
    }
    let stamp = reader.peek(key)?;
    Ok(Some(stamp.is_some_and(|stamp| !context.store.clock().is_past(stamp.expires_at))))
}

fn info(context: &Context) -> String {
    let store = &context.store;
    let statistics = &context.statistics;
    let lines = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("engine", store.engine().to_string()),
        ("durability", store.durability().to_string()),
        ("address", context.address.to_string()),
        ("uptime_seconds", context.started.elapsed().as_secs().to_string()),
        ("keys", store.reader().count().to_string()),
        ("connections", context.clients.count().to_string()),
        ("requests", statistics.requests.get().to_string()),
        ("failure", store.failure().map_or("none".to_owned(), Error::without_paths)),
    ];
    lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}
