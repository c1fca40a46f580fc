//! Operations that write, as batches for the writer.

use super::places::RequestTarget;
use super::unanswered::Unanswered;
use crate::protocol::native::{
    BatchCondition, BatchItem, ByteString, Failure, Place, RequestOperation, ResponseMessage,
    Success,
};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::server::execute::scope::Scope;
use crate::server::execute::sliced_removal::SlicedRemoval;
use crate::store::reader::ReadLength;
use crate::store::{
    Batch, BatchOutcome, CatalogueOperation, Keyspace, Precondition, UnixMillis, WriteAnswer,
    WriteOperation,
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
    let on = |operation| target.keyspace().operation(operation);
    let (batch, answer): (_, fn(BatchOutcome) -> _) = match operation {
        RequestOperation::Set { key, value, expires_at } => {
            (Batch::single(on(put(key, value, expires_at))), version)
        }
        RequestOperation::Remove { key } => {
            (Batch::single(on(WriteOperation::Remove { key: key.into_vec() })), removed)
        }
        RequestOperation::Batch { items } => {
            (items.into_iter().map(|each| on(item(each))).collect(), version)
        }
        // Only what writes comes here.
        _ => return Ok(Execution::Done(Ok(Success::Done))),
    };
    Ok(match target {
        RequestTarget::Default(_) => write(id, batch, answer),
        RequestTarget::Named(keyspace) => write(id, batch, move |outcome| {
            answer(outcome.map_err(|error| Keyspace::with_name_among(error, [&*keyspace])))
        }),
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
    let removal = SlicedRemoval::of_all_keys(store, clear, move |removed| {
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
    match outcome {
        Ok(applied) => Ok(Success::Applied {
            version: applied.version.map_or(NO_VERSION, |version| version.0),
        }),
        Err(error) => Err(Failure::from(&error)),
    }
}

fn removed(outcome: BatchOutcome) -> OperationResult {
    match outcome {
        Ok(applied) => {
            Ok(Success::Removed(applied.answers.first() == Some(&WriteAnswer::Flag(true))))
        }
        Err(error) => Err(Failure::from(&error)),
    }
}

fn put(key: ByteString<'_>, value: ByteString<'_>, expires_at: Option<u64>) -> WriteOperation {
    let (key, value) = (key.into_vec(), value.into_vec());
    WriteOperation::Put { key, value, expires_at: expires_at.map(UnixMillis) }
}

fn item(item: BatchItem<'_>) -> WriteOperation {
    match item {
        BatchItem::Set { key, value, expires_at } => put(key, value, expires_at),
        BatchItem::Remove { key } => WriteOperation::Remove { key: key.into_vec() },
        BatchItem::Require { key, condition } => WriteOperation::Require {
            key: key.into_vec(),
            condition: match condition {
                BatchCondition::Absent => Precondition::Absent,
                BatchCondition::Present => Precondition::Present,
                BatchCondition::Value(value) => Precondition::Value(value.into_vec()),
                BatchCondition::Version(version) => Precondition::Version(version),
            },
        },
    }
}
