//! Operations on keyspaces as a whole: opening, listing, renaming, swapping and dropping them.

use super::unanswered::Unanswered;
use crate::Error;
use crate::protocol::native::{Failure, RequestOperation, ResponseMessage, Success};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::server::execute::scope::Scope;
use crate::store::{Batch, BatchOutcome, CatalogueOperation, WriteOperation};

/// Returns the change of the catalogue that an operation asks for.
pub(super) fn change(
    id: u64,
    operation: RequestOperation<'_>,
    scope: &Scope<'_>,
) -> Execution<Result<Success<'static>, Failure>> {
    let mut opens = false;
    let operation = match operation {
        RequestOperation::OpenKeyspace { name, create } => match open(name, create, scope) {
            Ok(None) => return Execution::Done(Ok(Success::Done)),
            Ok(Some(operation)) => {
                opens = true;
                operation
            }
            Err(unanswered) => return unanswered.into_execution(),
        },
        RequestOperation::RenameKeyspace { from, to } => CatalogueOperation::Rename { from, to },
        RequestOperation::SwapKeyspaces { first, second } => {
            CatalogueOperation::Swap { first, second }
        }
        RequestOperation::DropKeyspace { name } => CatalogueOperation::Drop { name },
        _ => return Execution::Done(Ok(Success::Done)),
    };
    let render = move |outcome: BatchOutcome| {
        let result = match outcome {
            Ok(_) => Ok(Success::Done),
            // It is there now, whoever made it.
            Err(Error::KeyspaceExists { .. }) if opens => Ok(Success::Done),
            Err(error) => Err(Failure::from(&error)),
        };
        ClientReply::Native(ResponseMessage { id, result })
    };
    let batch = Batch::single(WriteOperation::Catalogue(operation));
    Execution::WriteAlone(batch, Box::new(render))
}

/// Returns the making of a keyspace, unless it is there.
fn open(
    name: String,
    create: bool,
    scope: &Scope<'_>,
) -> Result<Option<CatalogueOperation>, Unanswered> {
    let found = scope.context.store.find_keyspace_within(&name, scope.access)?;
    match found {
        Some(_) => Ok(None),
        None if create => Ok(Some(CatalogueOperation::Create { name })),
        None => Err(Error::NoSuchKeyspace { name }.into()),
    }
}
