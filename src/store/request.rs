//! A request to write, whose batches may be spread over several groups.

use super::batch::{Batch, Operation, Outcome};
use super::resolve::Resolver;
use super::writer::WriteReply;
use crate::bugs::{Bug, planted};
use crate::{Error, Result};

/// Batches on their way through the writer, and who waits for them.
pub(super) struct Request {
    batches: std::vec::IntoIter<Batch>,
    /// Of the batches taken so far.
    outcomes: Vec<Outcome>,
    /// How many of the outcomes are final: their groups were committed, or could not be.
    settled: usize,
    reply: WriteReply,
}

impl Request {
    /// A request of which nothing is done yet.
    pub(super) fn new(batches: Vec<Batch>, reply: WriteReply) -> Self {
        let outcomes = Vec::with_capacity(batches.len());
        Self { batches: batches.into_iter(), outcomes, settled: 0, reply }
    }

    /// Whether any outcome depends on what is stored.
    pub(super) fn reads(&self) -> bool {
        let mut operations = self.batches.as_slice().iter().flat_map(|batch| &batch.operations);
        operations.any(Operation::reads)
    }

    /// Adds batches to the group until it has that many bytes.
    pub(super) fn resolve(&mut self, resolver: &mut Resolver<'_>, bytes_max: usize) {
        while resolver.bytes() < bytes_max
            && let Some(batch) = self.batches.next()
        {
            self.outcomes.push(resolver.add(batch));
        }
    }

    /// Notes what became of the group; answers if it was the last one, else gives the rest back.
    pub(super) fn settle(mut self, committed: &Result<()>) -> Option<Self> {
        if let Err(error) = committed
            && !planted(Bug::AcknowledgeFailure)
        {
            self.outcomes.iter_mut().skip(self.settled).for_each(|out| *out = Err(error.clone()));
        }
        self.settled = self.outcomes.len();
        if self.batches.len() > 0 {
            return Some(self);
        }
        self.reply.send(self.outcomes);
        None
    }

    /// Answers that what is left will not be done.
    pub(super) fn refuse(mut self, error: &Error) {
        self.outcomes.extend(self.batches.map(|_| Err(error.clone())));
        self.reply.send(self.outcomes);
    }
}
