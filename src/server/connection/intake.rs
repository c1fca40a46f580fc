//! The batches, figures and questions that a turn of the worker collects from its connections.

use crate::server::connection::blocking_read::BlockingRead;
use crate::store::Batch;

/// The writes and figures that a turn of the worker collects from its connections.
#[derive(Default)]
pub(crate) struct Intake {
    /// The batches for the writer.
    pub(crate) batches: Vec<Batch>,
    /// The bytes of memory that they hold.
    pub(crate) bytes: usize,
    /// The number of executed requests.
    pub(crate) requests: u64,
}

/// A request of a connection to another actor, before whose answer it cannot go on.
pub(crate) enum Ask {
    /// A sync, to be answered by `ServerConnection::synced`.
    Sync,
    /// A pause, to be ended by `ServerConnection::end_delay`.
    Delay,
    /// Requests for a reader, to be answered by `ServerConnection::read`.
    Read(BlockingRead),
    /// A turn whenever something was committed, which has no answer.
    Watch,
}
