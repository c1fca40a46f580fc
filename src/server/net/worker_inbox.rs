//! The inbox of a worker, for the answers of the writer and the readers.
//!
//! | channel | from | carries | bound and what happens at it |
//! |---|---|---|---|
//! | answers | the writer, readers | [`Answered`] | [`ANSWERS_MAX`]; the worker asks for no more than that, so answering never waits |
//! | attention | a session that is killed | nothing | a flag; the worker checks all its sessions |

use crate::Result;
use crate::actor::Address;
use crate::server::connection::blocking_read::ReaderReplies;
use crate::server::net::doorbell::Doorbell;
use crate::store::BatchOutcome;
use crate::sync::{AtomicBool, Ordering};

/// The most answers that a worker waits for; at the limit it holds its requests back.
pub(crate) const ANSWERS_MAX: usize = 1024;

/// The name of a connection within its worker. Places are reused, sessions are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The place in the worker's table.
    pub(crate) place: usize,
    /// The id of the session.
    pub(crate) session: u64,
}

/// An answer to a request of a worker.
pub(crate) enum Answered {
    /// The outcomes of the batches of one turn.
    Written {
        /// The connection of each batch.
        tickets: Vec<Ticket>,
        /// The bytes of their requests.
        bytes: usize,
        /// One outcome per batch, or the error that met all of them.
        outcomes: Result<Vec<BatchOutcome>>,
    },
    /// The result of a sync.
    Synced {
        /// The connection that asked for it.
        ticket: Ticket,
        /// The result.
        result: Result<()>,
    },
    /// The replies to requests that a reader executed.
    Read {
        /// The connection of the requests.
        ticket: Ticket,
        /// The replies; `None` if a request panicked.
        replies: Option<ReaderReplies>,
    },
}

/// The sending side of a worker's mailbox of answers, with its doorbell.
pub(crate) struct WorkerInbox {
    answers: Address<Answered>,
    /// Wakes the worker.
    pub(crate) doorbell: Doorbell,
    attention: AtomicBool,
}

impl WorkerInbox {
    /// Returns an inbox in front of the mailbox of `answers`.
    pub(crate) fn new(answers: Address<Answered>, doorbell: Doorbell) -> Self {
        Self { answers, doorbell, attention: AtomicBool::new(false) }
    }

    /// Delivers an answer and wakes the worker; never waits.
    pub(crate) fn answer(&self, answered: Answered) {
        // A worker that is gone needs no answer, and a running one has room for all it asked for.
        let _ = self.answers.try_send(answered);
        self.doorbell.ring();
    }

    /// Makes the worker check all of its sessions.
    pub(crate) fn call_attention(&self) {
        self.attention.store(true, Ordering::Release);
        self.doorbell.ring();
    }

    /// Returns true if attention was called for.
    pub(crate) fn wants_attention(&self) -> bool {
        self.attention.load(Ordering::Acquire)
    }

    /// Returns true if attention was called for, and resets it.
    pub(crate) fn take_attention(&self) -> bool {
        self.wants_attention() && self.attention.swap(false, Ordering::AcqRel)
    }
}
