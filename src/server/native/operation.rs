//! The execution of one operation.

use super::unanswered::Unanswered;
use super::{backups, batches, keyspaces, reads, watches};
use crate::Error;
use crate::protocol::native::{
    BatchHead, Failure, FailureKind, RequestMessage, RequestOperation, ResponseMessage, Success,
};
use crate::server::execute::authentication::{self, USER, WrongPassword};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::{Effect, Execution};
use crate::server::execute::scope::Scope;

/// Returns the effect of an operation.
pub(in crate::server) fn effect(operation: &RequestOperation<'_>) -> Effect {
    match operation {
        RequestOperation::Set { .. }
        | RequestOperation::Remove { .. }
        | RequestOperation::Batch { .. }
        | RequestOperation::Increment { .. }
        | RequestOperation::Append { .. }
        | RequestOperation::Swap { .. }
        | RequestOperation::Take { .. }
        | RequestOperation::Expire { .. }
        | RequestOperation::Persist { .. }
        | RequestOperation::RemoveRange { .. }
        | RequestOperation::Clear => Effect::Writes,
        RequestOperation::Sync
        | RequestOperation::Authenticate { .. }
        | RequestOperation::OpenSnapshot
        | RequestOperation::CloseSnapshot
        | RequestOperation::OpenKeyspace { .. }
        | RequestOperation::RenameKeyspace { .. }
        | RequestOperation::SwapKeyspaces { .. }
        | RequestOperation::DropKeyspace { .. }
        | RequestOperation::BeginBackup { .. }
        | RequestOperation::Watch { .. } => Effect::Other,
        RequestOperation::Ping
        | RequestOperation::Get { .. }
        | RequestOperation::GetMany { .. }
        | RequestOperation::Contains { .. }
        | RequestOperation::GetVersioned { .. }
        | RequestOperation::Scan { .. }
        | RequestOperation::Count
        | RequestOperation::CountRange { .. }
        | RequestOperation::ListKeyspaces
        | RequestOperation::BackupState
        | RequestOperation::Info => Effect::Reads,
    }
}

/// Returns true if an operation may write.
pub(in crate::server) fn may_write(operation: &RequestOperation<'_>) -> bool {
    match operation {
        RequestOperation::OpenKeyspace { .. }
        | RequestOperation::RenameKeyspace { .. }
        | RequestOperation::SwapKeyspaces { .. }
        | RequestOperation::DropKeyspace { .. } => true,
        operation => effect(operation) == Effect::Writes,
    }
}

/// Executes a request.
pub(in crate::server) fn execute(
    request: RequestMessage<'_>,
    scope: &Scope<'_>,
) -> Execution<ResponseMessage<'static>> {
    let id = request.id;
    if let RequestOperation::Authenticate { password } = &request.operation {
        return authenticate(id, password, scope);
    }
    if !scope.session.is_authenticated() {
        let failure =
            failure(FailureKind::NotAuthenticated, "a password is required before anything else");
        return Execution::Done(ResponseMessage { id, result: Err(failure) });
    }
    let RequestMessage { place, operation, .. } = request;
    let execution = match effect(&operation) {
        Effect::Writes => match batches::execute(id, &place, operation, scope) {
            Ok(execution) => execution,
            Err(unanswered) => unanswered.into_execution(),
        },
        Effect::Reads => match reads::execute(&place, operation, scope) {
            Ok(answer) => Execution::Done(Ok(answer)),
            Err(unanswered) => unanswered.into_execution(),
        },
        Effect::Other if operation == RequestOperation::Sync => sync(id),
        Effect::Other => match operation {
            RequestOperation::Watch { .. } => {
                let begun = watches::begin(id, &place, operation, scope);
                begun.unwrap_or_else(Unanswered::into_execution)
            }
            RequestOperation::OpenSnapshot => {
                let opened = scope.session.snapshot.open(&scope.context.store);
                Execution::Done(opened.map(Success::Number).map_err(Failure::from))
            }
            RequestOperation::CloseSnapshot => {
                scope.session.snapshot.close();
                Execution::Done(Ok(Success::Done))
            }
            RequestOperation::BeginBackup { name } => {
                Execution::Done(backups::begin(name.as_deref(), scope.context))
            }
            operation => keyspaces::change(id, operation, scope),
        },
    };
    execution.map(move |result| ResponseMessage { id, result })
}

fn sync<R>(id: u64) -> Execution<R> {
    Execution::Sync(Box::new(move |result| {
        let result = result.map(|()| Success::Done).map_err(|error| Failure::from(&error));
        ClientReply::Native(ResponseMessage { id, result })
    }))
}

/// Returns the refusal of a frame whose batch has more operations than the store takes. It is not
/// decoded, which would take a hundred times the memory of its bytes.
pub(in crate::server) fn refuse_undecoded(
    body: &[u8],
    scope: &Scope<'_>,
) -> Option<ResponseMessage<'static>> {
    let BatchHead { id, items: operations } = BatchHead::read(body)?;
    let operations_max = scope.context.store.batch_operations_max();
    if operations <= operations_max || !scope.session.is_authenticated() {
        return None;
    }
    let error = Error::TooManyOperations { operations, operations_max };
    Some(ResponseMessage { id, result: Err(Failure::from(&error)) })
}

fn authenticate(
    id: u64,
    password: &[u8],
    scope: &Scope<'_>,
) -> Execution<ResponseMessage<'static>> {
    match authentication::authenticate(USER, password, scope) {
        Ok(()) => Execution::Done(ResponseMessage { id, result: Ok(Success::Done) }),
        Err(WrongPassword { is_last }) => {
            let failure = failure(FailureKind::WrongPassword, "the password is wrong");
            Execution::Delay {
                reply: ResponseMessage { id, result: Err(failure) },
                closes: is_last,
            }
        }
    }
}

fn failure(kind: FailureKind, message: &str) -> Failure {
    Failure { kind, message: message.to_owned() }
}
