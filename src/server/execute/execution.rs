//! What executing one request leads to, whichever dialect it came in.
//!
//! Execution never blocks and writes to no socket: it computes an answer, or says who has to.

use crate::engine::Access;
use crate::protocol::resp::Arguments;
use crate::store::batch::{Batch, Outcome};

use crate::server::execute::context::Context;
use crate::server::execute::reply::Reply;
use crate::server::execute::session::Session;

/// How many keys one request looks up on a worker; more are work for a reader, so that the worker's other
/// connections do not wait for them.
pub(crate) const KEYS_ON_WORKER_MAX: usize = 64;

/// A Redis command as it came in, with what it may use.
pub(crate) struct Call<'a> {
    /// The command's name and arguments.
    pub(crate) arguments: Arguments<'a>,
    /// What the server's connections share: the store, counters, settings, the list of clients.
    pub(crate) context: &'a Context,
    /// What this connection remembers.
    pub(crate) session: &'a Session,
    /// On a connection worker [`Access::MemoryOnly`], on a reader [`Access::Blocking`].
    pub(crate) access: Access,
}

/// The result of executing a request; `R` is a reply that is known at once.
pub(crate) enum Execution<R> {
    /// The answer.
    Done(R),
    /// The answer may have to come from the disk: execute the same request on a reader.
    Cold,
    /// The writer has to apply this batch; the function turns its outcome into the answer.
    Write(Batch, Render),
    /// Everything written so far has to become durable.
    Sync(RenderSync),
    /// The answer, after which the connection is closed.
    Close(R),
}

impl<R> Execution<R> {
    /// The same execution with another kind of reply where that is known at once.
    pub(crate) fn map<T>(self, convert: impl FnOnce(R) -> T) -> Execution<T> {
        match self {
            Self::Done(reply) => Execution::Done(convert(reply)),
            Self::Cold => Execution::Cold,
            Self::Write(batch, render) => Execution::Write(batch, render),
            Self::Sync(render) => Execution::Sync(render),
            Self::Close(reply) => Execution::Close(convert(reply)),
        }
    }
}

/// What a request does, for deciding what it may follow.
///
/// A request must see what the earlier requests of its connection did. Writes reach the writer in order,
/// so a write may follow writes that are not answered yet; a reader that does one read may go on with the
/// reads behind it. Anything else waits until everything before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It is answered from the outcome of its batch alone, or refused for what it is.
    Writes,
    /// It changes nothing, not even the session.
    Reads,
    /// It is neither.
    Other,
}

/// Turns the outcome of a batch into the answer of the request; one that captures nothing costs no
/// allocation.
pub(crate) type Render = Box<dyn FnOnce(Outcome) -> Reply + Send>;

/// Turns the result of a sync into the answer of the request.
pub(crate) type RenderSync = Box<dyn FnOnce(crate::Result<()>) -> Reply + Send>;
