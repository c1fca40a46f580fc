//! Tickets: writes that were handed over, to be waited for later.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::keyspace::{Keyspace, KeyspaceIdentity};
use super::outcome::BatchOutcome;
use super::write_batch::WriteBatch;
use super::write_path::Submission;
use crate::Result;
use crate::actor::{AwaitedReply, Gone, Reply};
use crate::sync::Arc;

/// A batch that was handed over by [`Keyspace::submit`], and whose outcome is known later.
///
/// [`wait`](Self::wait) blocks, [`try_wait`](Self::try_wait) looks, and as a [`Future`] it is
/// awaited in any runtime: it needs none of its own. Dropping it leaves the write to itself, which
/// goes on; nobody learns then whether it failed.
#[must_use = "a write may fail, and only its ticket says so"]
pub struct WriteTicket {
    state: TicketState,
    keyspace: Keyspace,
    /// The other keyspaces that the batch names.
    others: Vec<Arc<KeyspaceIdentity>>,
}

enum TicketState {
    Waiting(AwaitedReply<Vec<BatchOutcome>>),
    Known(Result<()>),
}

impl Keyspace {
    /// Hands a batch over and returns a ticket for its outcome, instead of waiting for it.
    ///
    /// One thread has many writes under way by this: they are applied in the order in which they
    /// were handed over, before every write that the same thread makes later, and those that wait
    /// at the same time share one disk access. Reads see a batch once its outcome is known, or a
    /// little sooner. Where 1,024 writes wait already, this call waits for room.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let synced = store.with_sync(true);
    /// let mut tickets = Vec::new();
    /// for n in 0..100 {
    ///     let mut batch = kvs::WriteBatch::new();
    ///     batch.set(format!("event:{n:03}"), "...");
    ///     tickets.push(synced.submit(batch)?);
    /// }
    /// for ticket in tickets {
    ///     ticket.wait()?; // from here on a power loss takes nothing of it
    /// }
    /// assert_eq!(store.len()?, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`write`](Self::write) that are known without the writer: a key, a value or the
    /// batch is too large, a keyspace is of another store, the store is read-only or its writer is
    /// gone. The others come with the ticket.
    pub fn submit(&self, batch: WriteBatch) -> Result<WriteTicket> {
        let (mut batch, others) = self.prepare(batch)?;
        batch.sync = self.sync;
        let keyspace = self.clone();
        if batch.operations.is_empty() {
            return Ok(WriteTicket { state: TicketState::Known(Ok(())), keyspace, others });
        }
        let store = &self.view.shared;
        store.check(&batch)?;
        let (reply, awaited) = Reply::awaited();
        let handed = store.writes.hand_over(Submission { batches: vec![batch], reply });
        handed.map_err(|_| store.gone())?;
        Ok(WriteTicket { state: TicketState::Waiting(awaited), keyspace, others })
    }
}

impl WriteTicket {
    /// Blocks until the outcome is known, and returns it.
    ///
    /// # Errors
    /// As [`Keyspace::write`].
    pub fn wait(self) -> Result<()> {
        let Self { state, keyspace, others } = self;
        match state {
            TicketState::Waiting(awaited) => outcome(&keyspace, &others, awaited.wait()),
            TicketState::Known(outcome) => outcome,
        }
    }

    /// Returns the outcome if it is known by now.
    ///
    /// # Errors
    /// As [`Keyspace::write`].
    pub fn try_wait(&mut self) -> Option<Result<()>> {
        if let TicketState::Waiting(awaited) = &self.state {
            let answer = awaited.try_take()?;
            self.learn(answer);
        }
        match &self.state {
            TicketState::Known(outcome) => Some(outcome.clone()),
            TicketState::Waiting(_) => None,
        }
    }

    fn learn(&mut self, answer: std::result::Result<Vec<BatchOutcome>, Gone>) {
        self.state = TicketState::Known(outcome(&self.keyspace, &self.others, answer));
    }
}

impl Future for WriteTicket {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        if let TicketState::Waiting(awaited) = &self.state
            && let Poll::Ready(answer) = awaited.poll(context)
        {
            self.learn(answer);
        }
        match &self.state {
            TicketState::Known(outcome) => Poll::Ready(outcome.clone()),
            TicketState::Waiting(_) => Poll::Pending,
        }
    }
}

fn outcome(
    keyspace: &Keyspace,
    others: &[Arc<KeyspaceIdentity>],
    answer: std::result::Result<Vec<BatchOutcome>, Gone>,
) -> Result<()> {
    // One batch has one outcome.
    match answer.ok().and_then(|mut outcomes| outcomes.pop()) {
        Some(outcome) => outcome.map(|_| ()).map_err(|error| keyspace.with_name(error, others)),
        None => Err(keyspace.view.shared.gone()),
    }
}

impl fmt::Debug for WriteTicket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_known = matches!(self.state, TicketState::Known(_));
        formatter.debug_struct("WriteTicket").field("is_known", &is_known).finish_non_exhaustive()
    }
}
