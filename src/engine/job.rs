//! Background jobs: work that the write half hands out and takes the results of.

use std::time::Duration;

use crate::Result;
use crate::storage::compaction::CompactionDelivery;
use crate::storage::format::sequence::Sequence;
use crate::storage::log::reserve_allocation::ReserveOutcome;
use crate::storage::log::standby::Standby;

/// The kinds of background work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobKind {
    /// Makes what was written durable; a failure stops the store from taking writes.
    Sync,
    /// Reclaims space; a failure leaves everything as it was.
    Compaction,
    /// Makes what the next writes need; a failure leaves everything as it was.
    Preparation,
    /// Makes the next open faster; a failure leaves everything as it was.
    Hint,
}

/// Background work that the write half hands out; it runs on the maintenance actor.
pub(crate) trait BackgroundJob: Send {
    /// Returns the kind of the work, which decides what a failure means.
    fn kind(&self) -> JobKind;

    /// Does a bounded amount of work.
    fn step(&mut self) -> Result<JobStep>;
}

/// The outcome of one step of a job.
pub(crate) enum JobStep {
    /// There is more to do.
    Continue,
    /// There is more to do once the write half has taken the delivery.
    Deliver(Delivery),
    /// The job is done, with a last delivery.
    Done(Delivery),
}

/// A result of a job for the write half that handed the job out; only engines can look into it.
pub(crate) struct Delivery(pub(super) JobResult);

/// The result of a job of the `kvs` engine, which is the only engine that has jobs.
pub(super) enum JobResult {
    /// Everything up to this sequence number is durable, by a sync that took so long.
    Synced(Sequence, Duration),
    /// A part of a compaction.
    Compaction(CompactionDelivery),
    /// The file of the next segment.
    Standby(Standby),
    /// The outcome of making the reserve for a full disk.
    Reserved(ReserveOutcome),
    /// The job that makes the next open faster is done.
    Hinted,
}

impl Delivery {
    /// Returns the sequence number up to which everything is durable now, if this says so.
    #[cfg(test)]
    pub(crate) fn synced(&self) -> Option<Sequence> {
        match self.0 {
            JobResult::Synced(sequence, _) => Some(sequence),
            _ => None,
        }
    }

    /// Returns a delivery that means nothing to an engine.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self(JobResult::Hinted)
    }
}
