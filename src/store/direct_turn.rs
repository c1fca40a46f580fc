//! A turn of the writer on the thread that brings the write.
//!
//! It does no more than the writes that it was taken for. What takes longer, or concerns nobody in
//! particular, is left to the writer's own thread: beginning a segment, the removal of expired
//! keys, evictions, what a clear leaves to be done, looking for compactions and other jobs, results
//! of jobs. A turn that sees such a thing to do says so once, and whoever took the turn sends
//! [`WriterMessage::Upkeep`].
//!
//! [`WriterMessage::Upkeep`]: super::writer_message::WriterMessage::Upkeep

use std::slice;

use super::batch::Batch;
use super::change::RemovalCause;
use super::outcome::BatchOutcome;
use super::request::{FailedGroup, WriteRequest};
use super::writer::{GROUP_BYTES_MAX, Writer};
use crate::Durability;
use crate::bugs::{Bug, planted};

impl Writer {
    /// Returns true if a write needs nothing but the write itself, so that anybody may take the
    /// turn for it, and would not wait alone for the disk where others wait for it as well.
    pub(super) fn may_be_direct(&self, waits_for_disk: bool) -> bool {
        let waits_for_disk = waits_for_disk || self.engine.waits_for_disk();
        !(self.thread.shares_groups && waits_for_disk)
            && self.health.failure().is_none()
            && !self.jobs.is_gone()
            && self.engine.full().is_none()
            && self.engine.is_ready()
            && !self.is_over_memory()
    }

    /// Returns true if every group waits for the disk.
    pub(super) fn waits_for_disk(&self) -> bool {
        self.engine.waits_for_disk() || matches!(self.durability, Durability::Always)
    }

    /// Applies one batch.
    pub(super) fn write(&mut self, batch: Batch) -> BatchOutcome {
        let first = self.engine.next_sequence();
        let mut resolver = self.resolver(batch.reads());
        let mut outcome = resolver.add(batch);
        let (mut group, _) = resolver.finish();
        if let Err(error) = self.apply(&mut group, RemovalCause::Request) {
            FailedGroup::new(&group, first, &error).fail(&mut outcome);
        }
        outcome
    }

    /// Applies batches in order, each by itself.
    pub(super) fn write_all(&mut self, batches: Vec<Batch>) -> Vec<BatchOutcome> {
        let mut request = WriteRequest::new(batches, ());
        let reads = request.reads();
        while request.has_more() && self.health.failure().is_none() {
            let mut resolver = self.resolver(reads);
            request.resolve(&mut resolver, GROUP_BYTES_MAX);
            let (group, removals) = resolver.finish();
            // The outcomes say how it went.
            let _ = self.commit_requests(group, slice::from_mut(&mut request), &removals);
        }
        request.finish(self.health.failure().map(crate::Error::poisoned).as_ref())
    }

    /// Returns true, once, if the writer's own thread has something to do that it does not know of.
    pub(super) fn take_upkeep(&mut self) -> bool {
        let expires = self.engine.next_deadline().is_some()
            && (!self.thread.wakes_for_expiry || self.expiry.is_due(self.clock.instant()));
        let drains = self.engine.is_draining() && !self.thread.wakes_to_drain;
        let is_due = expires || drains || self.engine.has_upkeep();
        is_due
            && !planted(Bug::ForgetUpkeep)
            && !std::mem::replace(&mut self.thread.is_told_of_upkeep, true)
    }
}
