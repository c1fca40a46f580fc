//! Beginning a watch.

use super::places::RequestTarget;
use super::unanswered::Unanswered;
use crate::protocol::native::{ByteString, Failure, Place, RequestOperation, Success};
use crate::server::execute::connection_watch::ConnectionWatch;
use crate::server::execute::execution::Execution;
use crate::server::execute::scope::Scope;
use crate::store::reader::ReadLength;

/// Returns the watch that an operation asks for.
///
/// The first watch of a store waits for the writes in progress, so a reader begins it.
pub(super) fn begin(
    id: u64,
    place: &Place<'_>,
    operation: RequestOperation<'_>,
    scope: &Scope<'_>,
) -> Result<Execution<Result<Success<'static>, Failure>>, Unanswered> {
    let RequestOperation::Watch { start, end, after } = operation else {
        return Ok(Execution::Done(Ok(Success::Done)));
    };
    if !ReadLength::Short.is_allowed(scope.access) {
        return Err(Unanswered::WouldBlock(ReadLength::Short));
    }
    let range = (start.map(ByteString::into_vec), end.map(ByteString::into_vec));
    let watch = RequestTarget::find(place, scope)?.keyspace()?.watch(range)?;
    // Another run of the server may give a version again that a power loss took.
    let run = scope.context.run;
    let after = after.filter(|position| position.run == run).map(|position| position.version);
    Ok(Execution::Watch(Box::new(ConnectionWatch::new(id, watch, after))))
}
