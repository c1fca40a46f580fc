//! The execution of one operation.

use super::{batches, reads};
use crate::protocol::native::{Answer, Failure, Operation, Request, Response};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::{Effect, Execution};
use crate::server::execute::scope::Scope;
use reads::Unanswered;

/// Returns the effect of an operation.
pub(in crate::server) fn effect(operation: &Operation<'_>) -> Effect {
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

/// Executes a request.
pub(in crate::server) fn execute(
    request: Request<'_>,
    scope: &Scope<'_>,
) -> Execution<Response<'static>> {
    let id = request.id;
    let execution = match effect(&request.operation) {
        Effect::Writes => batches::execute(id, request.operation),
        Effect::Other => Execution::Sync(Box::new(move |result| {
            let result = result.map(|()| Answer::Done).map_err(|error| Failure::from(&error));
            ClientReply::Native(Response { id, result })
        })),
        Effect::Reads => match reads::execute(request.operation, scope) {
            Ok(answer) => Execution::Done(Ok(answer)),
            Err(Unanswered::WouldBlock) => Execution::WouldBlock,
            Err(Unanswered::Failed(failure)) => Execution::Done(Err(failure)),
        },
    };
    execution.map(move |result| Response { id, result })
}
