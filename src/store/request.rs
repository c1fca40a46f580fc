//! A request to write, whose batches may be spread over several groups.

use super::batch::Batch;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::outcome::{Applied, BatchOutcome};
use super::resolve::Resolver;
use super::write_path::WriteReply;
use crate::bugs::if_planted;
use crate::engine::{Group, KeyInterval, Mutation, Sequence};
use crate::{Error, error};

/// A group that was not committed.
pub(super) struct FailedGroup<'a> {
    batches: Vec<&'a [Mutation]>,
    /// The sequence number of the first batch.
    first: Sequence,
    error: &'a Error,
    needs_sync: bool,
}

impl<'a> FailedGroup<'a> {
    /// Returns the group whose first batch would have had this sequence number.
    pub(super) fn new(group: &'a Group, first: Sequence, error: &'a Error) -> Self {
        let (batches, needs_sync) = (group.batches().collect(), group.needs_sync());
        Self { batches, first, error, needs_sync }
    }

    /// Returns true if the group was to wait for the disk.
    pub(super) fn needs_sync(&self) -> bool {
        self.needs_sync
    }

    fn batch(&self, version: Option<Sequence>) -> &[Mutation] {
        let position = version.and_then(|version| version.since(self.first));
        position.and_then(|position| self.batches.get(position)).copied().unwrap_or_default()
    }

    /// Returns the error of the batch with this version, which names its first key.
    fn error_of(&self, version: Option<Sequence>) -> Error {
        let error = self.error.clone();
        match self.batch(version).first().and_then(Mutation::key) {
            Some(key) => error.with_key(error::printable(key)),
            None => error,
        }
    }

    /// Makes the outcome of a batch of the group the one of a group that failed.
    pub(super) fn fail(&self, outcome: &mut BatchOutcome) {
        if_planted!(AcknowledgeFailure => return);
        match outcome {
            // It found no space already, in the group that this one was a part of.
            Err(error) if error.is_out_of_space() => {}
            Err(_) => *outcome = Err(self.error.clone()),
            Ok(Applied { version, .. }) => *outcome = Err(self.error_of(*version)),
        }
    }

    /// Returns the batch with this version once more.
    fn removal(&self, version: Option<Sequence>) -> Batch {
        let operation = |mutation: &Mutation| {
            let operation = match mutation.range() {
                Some(KeyInterval { start, end }) => {
                    WriteOperation::RemoveRange { start: start.to_vec(), end: end.to_vec() }
                }
                None => WriteOperation::Remove { key: mutation.key().unwrap_or_default().to_vec() },
            };
            KeyspaceOperation { keyspace: mutation.keyspace, operation }
        };
        self.batch(version).iter().map(operation).collect()
    }
}

/// Batches on their way through the writer, with the reply to their submitter, or without one where
/// the submitter takes the turn.
pub(super) struct WriteRequest<R = WriteReply> {
    batches: std::vec::IntoIter<Batch>,
    /// The outcomes of the batches that were taken so far.
    outcomes: Vec<BatchOutcome>,
    /// The number of outcomes that are final: their groups were committed, or could not be.
    settled: usize,
    reply: R,
}

impl<R> WriteRequest<R> {
    /// Returns a request of which nothing is done yet.
    pub(super) fn new(batches: Vec<Batch>, reply: R) -> Self {
        let outcomes = Vec::with_capacity(batches.len());
        Self { batches: batches.into_iter(), outcomes, settled: 0, reply }
    }

    /// Returns true if any outcome depends on what is stored.
    pub(super) fn reads(&self) -> bool {
        self.batches.as_slice().iter().any(Batch::reads)
    }

    /// Returns true if batches are left for another group.
    pub(super) fn has_more(&self) -> bool {
        self.batches.len() > 0
    }

    /// Adds batches to the group until it has that many bytes.
    pub(super) fn resolve(&mut self, resolver: &mut Resolver<'_>, bytes_max: usize) {
        while resolver.bytes() < bytes_max
            && let Some(batch) = self.batches.next()
        {
            self.outcomes.push(resolver.add(batch));
        }
    }

    /// Notes that the group failed.
    pub(super) fn fail(&mut self, failed: &FailedGroup<'_>) {
        self.outcomes.iter_mut().skip(self.settled).for_each(|outcome| failed.fail(outcome));
    }

    /// Notes that the group failed, but for the batches with the versions `removals`, lowest first:
    /// these are added to another group.
    pub(super) fn retry_removals(
        &mut self,
        failed: &FailedGroup<'_>,
        removals: &[Sequence],
        resolver: &mut Resolver<'_>,
    ) {
        for outcome in self.outcomes.iter_mut().skip(self.settled) {
            *outcome = match outcome {
                Err(_) => Err(failed.error.clone()),
                Ok(applied) => match applied.version {
                    Some(version) if removals.binary_search(&version).is_ok() => {
                        resolver.add(failed.removal(Some(version)))
                    }
                    version => Err(failed.error_of(version)),
                },
            };
        }
    }

    /// Notes that the group is finished.
    pub(super) fn settle(&mut self) {
        self.settled = self.outcomes.len();
    }

    /// Returns the outcomes, an error for the batches that are left.
    fn outcomes(&mut self, error: impl Fn() -> Error) -> Vec<BatchOutcome> {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        outcomes.extend(self.batches.by_ref().map(|_| Err(error())));
        outcomes
    }
}

impl WriteRequest {
    /// Answers if nothing is left, else returns the rest.
    pub(super) fn answer(self) -> Option<Self> {
        if self.has_more() {
            return Some(self);
        }
        self.reply.send(self.outcomes);
        None
    }

    /// Answers that the batches that are left will not be applied.
    pub(super) fn refuse(mut self, error: &Error) {
        let outcomes = self.outcomes(|| error.clone());
        self.reply.send(outcomes);
    }
}

impl WriteRequest<()> {
    /// Returns the outcomes; batches that are left will not be applied because of the error.
    pub(super) fn finish(mut self, error: Option<&Error>) -> Vec<BatchOutcome> {
        self.outcomes(|| error.cloned().unwrap_or(Error::Closed))
    }
}
