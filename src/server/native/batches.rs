//! Operations that write, as batches for the writer.

use super::batch_items::{BatchItems, expire, put};
use super::places::RequestTarget;
use super::read_set;
use super::unanswered::Unanswered;
use crate::protocol::native::{
    ByteString, Failure, Place, RequestOperation, ResponseMessage, Success,
};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::server::execute::scope::Scope;
use crate::server::execute::sliced_removal::SlicedRemoval;
use crate::store::reader::ReadLength;
use crate::store::{
    Batch, BatchOutcome, CatalogueOperation, Keyspace, KeyspaceOperation, NewExpiry, Update,
    WriteAnswer, WriteOperation,
};

/// The version in the answer to a batch that wrote nothing; no write has it.
const NO_VERSION: u64 = 0;

/// The result of one operation, without the id of its request.
pub(super) type OperationResult = Result<Success<'static>, Failure>;

/// Returns the batch of an operation that writes, with the function that answers its outcome.
pub(super) fn execute(
    id: u64,
    place: &Place<'_>,
    operation: RequestOperation<'_>,
    scope: &Scope<'_>,
) -> Result<Execution<OperationResult>, Unanswered> {
    if operation == RequestOperation::Clear {
        return Ok(clear(id, scope)?);
    }
    let target = RequestTarget::find(place, scope)?;
    let home = target.keyspace()?;
    let (mut named, mut batch, sync, answer): (_, _, _, Answer) = match operation {
        RequestOperation::Batch { items, reads, sync } => {
            let check = reads.map(|reads| read_set::decode(reads, scope)).transpose()?;
            let BatchItems { operations, named } = BatchItems::decode(items, home, scope)?;
            // What was read is checked before anything is written.
            let check = check.map(KeyspaceOperation::from);
            (named, check.into_iter().chain(operations).collect(), sync, version)
        }
        operation => {
            let Some((operation, sync, answer)) = single(operation, home) else {
                return Ok(Execution::Done(Ok(Success::Done)));
            };
            (Vec::new(), Batch::single(home.operation(operation)), sync, answer)
        }
    };
    batch.sync = sync;
    if let RequestTarget::Named(keyspace) = target {
        named.push(keyspace);
    }
    if named.is_empty() {
        return Ok(write(id, batch, answer));
    }
    Ok(write(id, batch, move |outcome| {
        let named = named.iter().map(|keyspace| &**keyspace);
        answer(outcome.map_err(|error| Keyspace::with_name_among(error, named)))
    }))
}

/// A function from the outcome of a batch to the result of the operation.
type Answer = fn(BatchOutcome) -> OperationResult;

/// Returns the write that an operation consists of, if it waits for the disk, and its answer; none
/// of an operation that writes nothing.
fn single(
    operation: RequestOperation<'_>,
    keyspace: &Keyspace,
) -> Option<(WriteOperation, Option<bool>, Answer)> {
    let update =
        |key: ByteString<'_>, update| WriteOperation::Update { key: key.into_vec(), update };
    Some(match operation {
        RequestOperation::Set { key, value, expires_at, sync } => {
            (put(key, value, expires_at), sync, version)
        }
        RequestOperation::Remove { key, sync } => {
            (WriteOperation::Remove { key: key.into_vec() }, sync, removed)
        }
        RequestOperation::Increment { key, amount, sync } => {
            (update(key, Update::Add(amount)), sync, integer)
        }
        RequestOperation::Append { key, suffix, sync } => {
            (update(key, Update::Append(suffix.into_vec())), sync, length)
        }
        RequestOperation::Swap { key, value, sync } => {
            let (value, expiry) = (value.into_vec(), NewExpiry::At(None));
            (update(key, Update::Swap { value, expiry, condition: None }), sync, old_value)
        }
        RequestOperation::Take { key, sync } => (update(key, Update::Take), sync, old_value),
        RequestOperation::Expire { key, expires_at, sync } => {
            (update(key, expire(expires_at, keyspace)), sync, flag)
        }
        RequestOperation::Persist { key, sync } => (update(key, Update::Persist), sync, flag),
        RequestOperation::RemoveRange { start, end, sync } => {
            (WriteOperation::remove_range((start, end)), sync, version)
        }
        _ => return None,
    })
}

/// Returns the removal of every key, slice by slice if there are many and the engine needs it.
fn clear(id: u64, scope: &Scope<'_>) -> crate::Result<Execution<OperationResult>> {
    let clear = WriteOperation::Catalogue(CatalogueOperation::Clear);
    let store = &scope.context.store;
    if !SlicedRemoval::is_for_clearing(store)? {
        return Ok(write(id, Batch::single(clear), |outcome| done(outcome.map(drop))));
    }
    if !ReadLength::Long.is_allowed(scope.access) {
        return Ok(Execution::WouldBlock(ReadLength::Long));
    }
    let removal = SlicedRemoval::of_all_keys(store, store, clear.into(), move |removed| {
        ClientReply::Native(ResponseMessage { id, result: done(removed.map(drop)) })
    })?;
    Ok(Execution::Remove(removal))
}

fn done(result: crate::Result<()>) -> OperationResult {
    result.map(|()| Success::Done).map_err(|error| Failure::from(&error))
}

fn write(
    id: u64,
    batch: Batch,
    answer: impl FnOnce(BatchOutcome) -> OperationResult + Send + 'static,
) -> Execution<OperationResult> {
    let render =
        move |outcome| ClientReply::Native(ResponseMessage { id, result: answer(outcome) });
    Execution::Write(batch, Box::new(render))
}

fn version(outcome: BatchOutcome) -> OperationResult {
    let version = outcome?.version.map_or(NO_VERSION, |version| version.0);
    Ok(Success::Applied { version })
}

fn removed(outcome: BatchOutcome) -> OperationResult {
    Ok(Success::Removed(only_answer(outcome)? == WriteAnswer::Flag(true)))
}

fn flag(outcome: BatchOutcome) -> OperationResult {
    Ok(Success::Flag(only_answer(outcome)? == WriteAnswer::Flag(true)))
}

fn integer(outcome: BatchOutcome) -> OperationResult {
    match only_answer(outcome)? {
        WriteAnswer::Integer(integer) => Ok(Success::Integer(integer)),
        _ => Ok(Success::Done),
    }
}

fn length(outcome: BatchOutcome) -> OperationResult {
    match only_answer(outcome)? {
        WriteAnswer::Integer(length) => Ok(Success::Number(length.unsigned_abs())),
        _ => Ok(Success::Done),
    }
}

fn old_value(outcome: BatchOutcome) -> OperationResult {
    match only_answer(outcome)? {
        WriteAnswer::Bytes(value) => Ok(Success::Value(value.map(ByteString::from))),
        _ => Ok(Success::Done),
    }
}

/// Returns the answer to the only operation of a batch.
fn only_answer(outcome: BatchOutcome) -> crate::Result<WriteAnswer> {
    Ok(outcome?.answers.pop().unwrap_or(WriteAnswer::Done))
}
