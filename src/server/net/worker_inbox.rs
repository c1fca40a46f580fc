//! Where the answers for a worker go, from the writer and from readers.
//!
//! | channel | from | carries | bound and what happens at it |
//! |---|---|---|---|
//! | answers | the writer, readers | [`Answered`] | [`ANSWERS_MAX`]; the worker asks for no more than that, so answering never waits |
//! | attention | anybody who kills a session | nothing | a flag; the worker looks at all its sessions |

use crate::Result;
use crate::actor::Address;
use crate::server::connection::blocking_read::ColdReplies;
use crate::server::net::doorbell::Doorbell;
use crate::store::batch::Outcome;
use crate::sync::{AtomicBool, Ordering};

/// How many answers a worker is owed at most; at the limit it keeps what it wants to ask.
pub(crate) const ANSWERS_MAX: usize = 1024;

/// A connection of a worker; a place is used again, a session never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Its place in the worker's table.
    pub(crate) place: usize,
    /// The id of its session.
    pub(crate) session: u64,
}

/// An answer to something a worker asked.
pub(crate) enum Answered {
    /// The writer applied the batches of one turn, or could not.
    Written {
        /// The connection of each batch.
        tickets: Vec<Ticket>,
        /// How many bytes of requests they were.
        bytes: usize,
        /// One for each batch.
        outcomes: Result<Vec<Outcome>>,
    },
    /// The writer synced, or could not.
    Synced {
        /// The connection that asked.
        ticket: Ticket,
        /// The result.
        result: Result<()>,
    },
    /// A reader executed requests.
    Read {
        /// The connection they came from.
        ticket: Ticket,
        /// The replies; `None` if executing them panicked.
        replies: Option<ColdReplies>,
    },
}

/// The worker's door for answers.
pub(crate) struct Port {
    answers: Address<Answered>,
    /// Wakes the worker.
    pub(crate) doorbell: Doorbell,
    attention: AtomicBool,
}

impl Port {
    /// A door in front of the mailbox of `answers`.
    pub(crate) fn new(answers: Address<Answered>, doorbell: Doorbell) -> Self {
        Self { answers, doorbell, attention: AtomicBool::new(false) }
    }

    /// Delivers an answer and wakes the worker; never waits.
    pub(crate) fn answer(&self, answered: Answered) {
        // A worker that is gone needs no answer, and one that is not has room for what it asked for.
        let _ = self.answers.try_send(answered);
        self.doorbell.ring();
    }

    /// Makes the worker look at all of its sessions.
    pub(crate) fn call_attention(&self) {
        self.attention.store(true, Ordering::Release);
        self.doorbell.ring();
    }

    /// Whether attention is called for.
    pub(crate) fn wants_attention(&self) -> bool {
        self.attention.load(Ordering::Acquire)
    }

    /// Whether attention was called for since the last time.
    pub(crate) fn take_attention(&self) -> bool {
        self.wants_attention() && self.attention.swap(false, Ordering::AcqRel)
    }
}
