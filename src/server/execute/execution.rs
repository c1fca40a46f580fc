//! The result of executing one request of either dialect.
//!
//! Executing neither waits nor touches a socket: it returns a reply, or the request to the actor
//! that has to be asked before there is one.

use crate::store::reader::ReadLength;
use crate::store::{Batch, BatchOutcome};

use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::connection_watch::ConnectionWatch;
use crate::server::execute::sliced_removal::SlicedRemoval;

/// The most keys that one request looks up on a worker; a request for more is executed by a reader,
/// so that the other connections of the worker do not wait.
pub(crate) const KEYS_ON_WORKER_MAX: usize = 64;

/// The result of executing a request; `R` is a reply that is known at once.
pub(crate) enum Execution<R> {
    /// The reply.
    Done(R),
    /// A read would wait for the disk, or is long: a reader executes the same request once more.
    WouldBlock(ReadLength),
    /// A batch for the writer, and the function that turns its outcome into the reply.
    Write(Batch, Render),
    /// A batch behind whose outcome the next requests are executed, since it decides what they
    /// mean.
    WriteAlone(Batch, Render),
    /// A removal of many keys in several batches.
    Remove(SlicedRemoval),
    /// A watch that begins.
    Watch(Box<ConnectionWatch>),
    /// A sync of everything written so far, and the function that turns its result into the reply.
    Sync(RenderSync),
    /// The refusal of a password, which is sent late, so that guessing takes time.
    Delay {
        /// The refusal.
        reply: R,
        /// True if the connection is closed after it.
        closes: bool,
    },
    /// The reply, after which the connection is closed.
    Close(R),
    /// No reply; the connection is closed.
    End,
}

impl<R> Execution<R> {
    /// Converts the reply, if it is known at once.
    pub(crate) fn map<T>(self, convert: impl FnOnce(R) -> T) -> Execution<T> {
        match self {
            Self::Done(reply) => Execution::Done(convert(reply)),
            Self::WouldBlock(length) => Execution::WouldBlock(length),
            Self::Write(batch, render) => Execution::Write(batch, render),
            Self::WriteAlone(batch, render) => Execution::WriteAlone(batch, render),
            Self::Remove(removal) => Execution::Remove(removal),
            Self::Watch(watch) => Execution::Watch(watch),
            Self::Sync(render) => Execution::Sync(render),
            Self::Delay { reply, closes } => Execution::Delay { reply: convert(reply), closes },
            Self::Close(reply) => Execution::Close(convert(reply)),
            Self::End => Execution::End,
        }
    }
}

impl Execution<ClientReply> {
    /// Returns the same execution without a reply, for a client that wants none.
    pub(crate) fn silenced(self) -> Self {
        match self.map(ClientReply::silenced) {
            Self::Write(batch, render) => Self::Write(batch, silent(render)),
            Self::WriteAlone(batch, render) => Self::WriteAlone(batch, silent(render)),
            Self::Remove(removal) => Self::Remove(removal.silenced()),
            Self::Sync(render) => Self::Sync(silent(render)),
            execution => execution,
        }
    }
}

/// Returns a function that makes the reply of another one, to be counted and not sent.
fn silent<T: 'static>(
    render: Box<dyn FnOnce(T) -> ClientReply + Send>,
) -> Box<dyn FnOnce(T) -> ClientReply + Send> {
    Box::new(move |outcome| render(outcome).silenced())
}

/// The effect of a request, which decides the unanswered requests that it may follow.
///
/// A request must see the effects of the earlier requests of its connection. Writes reach the
/// writer in order, so a write may follow unanswered writes; a reader that executes one read may go
/// on with the reads behind it. Any other request waits until everything before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A write: its reply depends on its arguments and the outcome of its batch alone.
    Writes,
    /// A read: it changes nothing, not even the session.
    Reads,
    /// Neither of them, or both.
    Other,
}

/// A function from the outcome of a batch to the reply; without captures it costs no allocation.
pub(crate) type Render = Box<dyn FnOnce(BatchOutcome) -> ClientReply + Send>;

/// A function from the result of a sync to the reply.
pub(crate) type RenderSync = Box<dyn FnOnce(crate::Result<()>) -> ClientReply + Send>;
