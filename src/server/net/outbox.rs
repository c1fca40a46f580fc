//! Requests of a worker to the writer and the readers, kept while their mailboxes are full; and
//! the turns of the writer that the worker takes itself.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Error;
use crate::actor::Reply;
use crate::server::connection::blocking_read::BlockingRead;
use crate::server::execute::context::Context;
use crate::server::execute::session::Session;
use crate::server::net::worker_inbox::{ANSWERS_MAX, Answered, Ticket, WorkerInbox};
use crate::store::reader::{ReadLength, ReadTask, Readers};
use crate::store::{Batch, BatchOutcome, Submission};
use crate::sync::Arc;

/// The most bytes of memory of unanswered writes per worker; at the limit it reads no socket.
const BYTES_IN_FLIGHT_MAX: usize = 64 << 20;

/// The most bytes of batches that a worker with several connections writes itself.
const DIRECT_BYTES_MAX: usize = 256 << 10;

/// The most operations of such batches.
const DIRECT_OPERATIONS_MAX: usize = 1024;

/// The requests of one worker to other actors.
pub(crate) struct Outbox {
    context: Arc<Context>,
    readers: Arc<Readers>,
    inbox: Arc<WorkerInbox>,
    /// Answers that will still come to the inbox.
    answers_pending: usize,
    /// Those among them that the writer owes.
    writes_pending: usize,
    /// Bytes of the requests of unanswered writes.
    bytes_in_flight: usize,
    /// Requests for which the writer had no room, in order.
    writes: VecDeque<Held>,
    /// Tasks for which no reader had room; at most one per connection.
    reads: VecDeque<ReadTask>,
    /// The same for the reader of long reads.
    long_reads: VecDeque<ReadTask>,
}

/// A request to the writer.
enum Held {
    Batches(Submission),
    Sync(Reply<crate::Result<()>>),
}

impl Outbox {
    /// Returns an outbox whose answers go to the inbox.
    pub(crate) fn new(
        context: Arc<Context>,
        readers: Arc<Readers>,
        inbox: Arc<WorkerInbox>,
    ) -> Self {
        Self {
            context,
            readers,
            inbox,
            answers_pending: 0,
            writes_pending: 0,
            bytes_in_flight: 0,
            writes: VecDeque::new(),
            reads: VecDeque::new(),
            long_reads: VecDeque::new(),
        }
    }

    /// Returns true if no more requests may be taken from clients.
    pub(crate) fn is_congested(&self) -> bool {
        !self.writes.is_empty() || self.bytes_in_flight >= BYTES_IN_FLIGHT_MAX
    }

    /// Returns true if a request waits for room in a mailbox, which nobody announces.
    pub(crate) fn is_holding(&self) -> bool {
        !self.writes.is_empty() || !self.reads.is_empty() || !self.long_reads.is_empty()
    }

    /// Returns true if answers are still to come.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.answers_pending > 0
    }

    /// Returns true if a request is held or unanswered.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_holding() || self.awaits_answer()
    }

    /// Writes the batches of one turn, if that can be done at once and in order; gives them back if
    /// they are to be [sent](Self::write). `is_alone` is true if the worker has one connection.
    ///
    /// A worker that has others does not wait for the disk.
    pub(crate) fn try_write(
        &self,
        batches: Vec<Batch>,
        bytes: usize,
        is_alone: bool,
    ) -> std::result::Result<crate::Result<Vec<BatchOutcome>>, Vec<Batch>> {
        let is_behind = self.writes_pending > 0 || !self.writes.is_empty();
        if is_behind || !is_alone && self.may_be_long(&batches, bytes) {
            return Err(batches);
        }
        self.context.store.try_apply(batches)
    }

    /// Returns true if these batches might keep the connections of a worker waiting for longer than
    /// handing them over does.
    fn may_be_long(&self, batches: &[Batch], bytes: usize) -> bool {
        let operations: usize = batches.iter().map(|batch| batch.operations.len()).sum();
        bytes > DIRECT_BYTES_MAX
            || operations > DIRECT_OPERATIONS_MAX
            || self.context.store.waits_for_disk()
            || !batches.iter().all(Batch::is_short)
    }

    /// Sends the batches of one turn to the writer; each has the ticket of its connection.
    pub(crate) fn write(&mut self, batches: Vec<Batch>, tickets: Vec<Ticket>, bytes: usize) {
        self.bytes_in_flight += bytes;
        let inbox = Arc::clone(&self.inbox);
        let reply = Reply::new(move |answer: std::result::Result<_, _>| {
            let outcomes = answer.map_err(|_| writer_gone());
            inbox.answer(Answered::Written { tickets, bytes, outcomes });
        });
        let submission = Submission { batches, reply };
        self.writes.push_back(Held::Batches(submission));
        self.retry_writes();
    }

    /// Asks the writer to sync.
    pub(crate) fn sync(&mut self, ticket: Ticket) {
        let inbox = Arc::clone(&self.inbox);
        let reply = Reply::new(move |answer: std::result::Result<_, _>| {
            let result = answer.unwrap_or_else(|_| Err(writer_gone()));
            inbox.answer(Answered::Synced { ticket, result });
        });
        self.writes.push_back(Held::Sync(reply));
        self.retry_writes();
    }

    /// Asks a reader to execute requests.
    pub(crate) fn read(&mut self, ticket: Ticket, session: Arc<Session>, read: BlockingRead) {
        let (context, inbox) = (Arc::clone(&self.context), Arc::clone(&self.inbox));
        let tasks = match read.length() {
            ReadLength::Short => &mut self.reads,
            ReadLength::Long => &mut self.long_reads,
        };
        tasks.push_back(Box::new(move || {
            let execute = AssertUnwindSafe(|| read.execute(&context, &session));
            let replies = catch_unwind(execute).ok();
            inbox.answer(Answered::Read { ticket, replies });
        }));
        self.retry_reads();
    }

    /// Makes every reader do this, too, unless it has too much to do.
    pub(crate) fn tell_readers(&self, work: fn()) {
        self.readers.tell_all(work);
    }

    /// Offers the held requests again.
    pub(crate) fn retry(&mut self) {
        self.retry_writes();
        self.retry_reads();
    }

    /// Records an answer of a reader.
    pub(crate) fn answered(&mut self) {
        self.answers_pending -= 1;
    }

    /// Records an answer of the writer, to writes of this many bytes.
    pub(crate) fn written(&mut self, bytes: usize) {
        self.answered();
        self.writes_pending -= 1;
        self.bytes_in_flight -= bytes;
    }

    fn retry_writes(&mut self) {
        let store = &self.context.store;
        while self.answers_pending < ANSWERS_MAX
            && let Some(held) = self.writes.pop_front()
        {
            let refused = match held {
                Held::Batches(Submission { batches, reply }) => {
                    store.submit_batches(batches, reply).err().map(Held::Batches)
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
            self.answers_pending += 1;
            self.writes_pending += 1;
        }
    }

    fn retry_reads(&mut self) {
        let queues =
            [(&mut self.reads, ReadLength::Short), (&mut self.long_reads, ReadLength::Long)];
        for (tasks, length) in queues {
            while self.answers_pending < ANSWERS_MAX
                && let Some(task) = tasks.pop_front()
            {
                if let Err(task) = self.readers.try_send(task, length) {
                    tasks.push_front(task);
                    break;
                }
                self.answers_pending += 1;
            }
        }
    }
}

fn writer_gone() -> Error {
    Error::Poisoned("the writer actor is gone".to_owned())
}
