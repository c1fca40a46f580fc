//! The answer that a connection waits for.

use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::{Execution, Render, RenderSync};
use crate::server::execute::sliced_removal::SlicedRemoval;

/// The answer that a connection waits for before its next request, besides those to writes.
#[derive(Default)]
pub(super) enum WaitingFor {
    /// None.
    #[default]
    Nothing,
    /// The replies of a reader to the next requests.
    Reader,
    /// The next turn, in which the reader of long reads is asked for the next request, so many
    /// bytes long.
    LongRead(usize),
    /// The result of a sync.
    Sync(RenderSync),
    /// The outcome of a batch.
    Outcome {
        render: Render,
        /// The bytes of memory of the batch.
        bytes: usize,
    },
    /// The outcomes of the slices of a removal.
    Removal {
        removal: SlicedRemoval,
        /// True while a slice is at the writer.
        is_sent: bool,
    },
    /// The end of a delay.
    Delay {
        reply: ClientReply,
        /// True if the connection is closed after the reply.
        closes: bool,
    },
    /// The answers to the earlier writes, behind which this execution goes on.
    Writes(Execution<ClientReply>),
}

impl WaitingFor {
    /// Returns the bytes of memory that are held meanwhile.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Removal { removal, .. } => removal.memory(),
            Self::Outcome { bytes, .. } => *bytes,
            Self::Writes(Execution::Write(batch, _) | Execution::WriteAlone(batch, _)) => {
                batch.memory()
            }
            Self::Writes(Execution::Remove(removal)) => removal.memory(),
            _ => 0,
        }
    }
}
