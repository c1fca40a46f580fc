//! What a worker asks of the writer and of readers, and what it keeps while they have no room.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Error;
use crate::actor::Reply;
use crate::server::connection::blocking_read::ColdRead;
use crate::server::execute::context::Context;
use crate::server::execute::session::Session;
use crate::server::net::worker_inbox::{ANSWERS_MAX, Answered, Port, Ticket};
use crate::store::Submission;
use crate::store::batch::Batch;
use crate::store::reader::{ReadTask, Readers};
use crate::sync::Arc;

/// How many bytes of unanswered writes a worker has at most; at the limit it reads no socket.
const BYTES_IN_FLIGHT_MAX: usize = 64 << 20;

/// The worker's requests to other actors.
pub(crate) struct Outbox {
    context: Arc<Context>,
    readers: Arc<Readers>,
    port: Arc<Port>,
    /// Answers that will come through the port.
    answers_owed: usize,
    bytes_in_flight: usize,
    /// What the writer had no room for, in order.
    writes: VecDeque<Held>,
    /// What no reader had room for; at most one per connection.
    reads: VecDeque<ReadTask>,
}

/// Something for the writer.
enum Held {
    Batches(Submission),
    Sync(Reply<crate::Result<()>>),
}

impl Outbox {
    /// An outbox whose answers come through the port.
    pub(crate) fn new(context: Arc<Context>, readers: Arc<Readers>, port: Arc<Port>) -> Self {
        Self {
            context,
            readers,
            port,
            answers_owed: 0,
            bytes_in_flight: 0,
            writes: VecDeque::new(),
            reads: VecDeque::new(),
        }
    }

    /// Whether no more requests may be taken from clients.
    pub(crate) fn is_congested(&self) -> bool {
        !self.writes.is_empty() || self.bytes_in_flight >= BYTES_IN_FLIGHT_MAX
    }

    /// Whether something waits for room that nobody will tell of.
    pub(crate) fn is_holding(&self) -> bool {
        !self.writes.is_empty() || !self.reads.is_empty()
    }

    /// Whether answers are to come.
    pub(crate) fn is_owed(&self) -> bool {
        self.answers_owed > 0
    }

    /// Whether anything is kept or owed.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_holding() || self.is_owed()
    }

    /// Sends the batches of one turn to the writer; each has the ticket of its connection.
    pub(crate) fn write(&mut self, batches: Vec<Batch>, tickets: Vec<Ticket>, bytes: usize) {
        self.bytes_in_flight += bytes;
        let port = Arc::clone(&self.port);
        let reply = Reply::new(move |answer: std::result::Result<_, _>| {
            let outcomes = answer.map_err(|_| writer_gone());
            port.answer(Answered::Written { tickets, bytes, outcomes });
        });
        let submission = Submission { batches, reply };
        self.writes.push_back(Held::Batches(submission));
        self.retry_writes();
    }

    /// Asks the writer to sync.
    pub(crate) fn sync(&mut self, ticket: Ticket) {
        let port = Arc::clone(&self.port);
        let reply = Reply::new(move |answer: std::result::Result<_, _>| {
            let result = answer.unwrap_or_else(|_| Err(writer_gone()));
            port.answer(Answered::Synced { ticket, result });
        });
        self.writes.push_back(Held::Sync(reply));
        self.retry_writes();
    }

    /// Asks a reader to execute requests.
    pub(crate) fn read(&mut self, ticket: Ticket, session: Arc<Session>, read: ColdRead) {
        let (context, port) = (Arc::clone(&self.context), Arc::clone(&self.port));
        self.reads.push_back(Box::new(move || {
            let execute = AssertUnwindSafe(|| read.execute(&context, &session));
            let replies = catch_unwind(execute).ok();
            port.answer(Answered::Read { ticket, replies });
        }));
        self.retry_reads();
    }

    /// Offers again what there was no room for.
    pub(crate) fn retry(&mut self) {
        self.retry_writes();
        self.retry_reads();
    }

    /// Notes an answer, to this many bytes of writes.
    pub(crate) fn answered(&mut self, bytes: usize) {
        self.answers_owed -= 1;
        self.bytes_in_flight -= bytes;
    }

    fn retry_writes(&mut self) {
        let store = &self.context.store;
        while self.answers_owed < ANSWERS_MAX
            && let Some(held) = self.writes.pop_front()
        {
            let refused = match held {
                Held::Batches(Submission { batches, reply }) => {
                    store.submit(batches, reply).err().map(Held::Batches)
                }
                Held::Sync(reply) => store.submit_sync(reply).err().map(Held::Sync),
            };
            match refused {
                // Dropping it answers it: the writer is gone.
                Some(_) if store.is_writer_gone() => {}
                Some(held) => {
                    self.writes.push_front(held);
                    break;
                }
                None => {}
            }
            self.answers_owed += 1;
        }
    }

    fn retry_reads(&mut self) {
        while self.answers_owed < ANSWERS_MAX
            && let Some(task) = self.reads.pop_front()
        {
            if let Err(task) = self.readers.try_send(task) {
                self.reads.push_front(task);
                break;
            }
            self.answers_owed += 1;
        }
    }
}

fn writer_gone() -> Error {
    Error::Poisoned("the writer actor is gone".to_owned())
}
