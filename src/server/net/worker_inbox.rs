//! The inbox of a worker, for the answers of the writer and the readers.
//!
//! | channel | from | carries | bound and what happens at it |
//! |---|---|---|---|
//! | answers | the writer, readers | [`Answered`] | [`ANSWERS_MAX`]; the worker asks for no more than that, so answering never waits |
//! | news | who appends to the ring of changes | the others that wait for changes | a flag, and the lists that came since the last turn; they are woken by the worker |
//! | attention | a session that is killed | nothing | a flag; the worker checks all its sessions |
//! | calls | who puts the first bytes into the feed of a session | a [`Ticket`] | one for each connection, which empties its feed before the next |

use crate::Result;
use crate::actor::Address;
use crate::bugs::unless_planted;
use crate::server::connection::blocking_read::ReaderReplies;
use crate::server::net::doorbell::Doorbell;
use crate::store::BatchOutcome;
use crate::store::wake_list::{Wake, WakeList};
use crate::sync::{AtomicBool, Mutex, Ordering, lock};

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
    /// True if something was committed that watches of the worker may have to tell.
    has_news: AtomicBool,
    /// Others that wait for the same.
    others: Mutex<Vec<WakeList>>,
    /// The connections in whose feeds something waits.
    calls: Mutex<Vec<Ticket>>,
}

impl WorkerInbox {
    /// Returns an inbox in front of the mailbox of `answers`.
    pub(crate) fn new(answers: Address<Answered>, doorbell: Doorbell) -> Self {
        let (attention, has_news) = (AtomicBool::new(false), AtomicBool::new(false));
        let (others, calls) = (Mutex::default(), Mutex::default());
        Self { answers, doorbell, attention, has_news, others, calls }
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

    /// Has a connection served because of its feed.
    pub(crate) fn call(&self, ticket: Ticket) {
        lock(&self.calls).push(ticket);
        self.doorbell.ring();
    }

    /// Returns true if there are calls.
    pub(crate) fn has_calls(&self) -> bool {
        !lock(&self.calls).is_empty()
    }

    /// Takes the connections that were called for.
    pub(crate) fn take_calls(&self) -> Vec<Ticket> {
        std::mem::take(&mut *lock(&self.calls))
    }

    /// Returns true if there are news for watches.
    pub(crate) fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Acquire)
    }

    /// Returns true if there are news for watches, resets that, and wakes the others who wait.
    pub(crate) fn take_news(&self) -> bool {
        let has_news = self.has_news() && self.has_news.swap(false, Ordering::AcqRel);
        if has_news {
            unless_planted!(HoldOthers => drop(std::mem::take(&mut *lock(&self.others))));
        }
        has_news
    }
}

impl Wake for WorkerInbox {
    fn wake(&self, others: WakeList) {
        lock(&self.others).push(others);
        self.has_news.store(true, Ordering::Release);
        self.doorbell.ring();
    }
}
