//! The background jobs of the `kvs` engine.

use crate::Result;
use crate::engine::job::JobResult;
use crate::engine::{BackgroundJob, Delivery, JobKind, JobStep};
use crate::storage::compaction::{Compaction, CompactionDelivery, CompactionPlan};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::log::reserve_allocation::ReserveAllocation;
use crate::storage::log::standby::Standby;
use crate::storage::recovery::hint_writer::HintWriter;
use crate::storage::segment::Segment;
use crate::storage::segment::sync_segments;
use crate::sync::{Arc, now};

/// Compacts the segments that were chosen when it was made.
pub(super) struct CompactionJob {
    /// The plan until the first step, because making a file may take long.
    plan: Option<CompactionPlan>,
    compaction: Option<Compaction>,
}

impl CompactionJob {
    pub(super) fn new(plan: CompactionPlan) -> Self {
        Self { plan: Some(plan), compaction: None }
    }
}

impl BackgroundJob for CompactionJob {
    fn kind(&self) -> JobKind {
        JobKind::Compaction
    }

    fn step(&mut self) -> Result<JobStep> {
        if let Some(plan) = self.plan.take() {
            self.compaction = Some(Compaction::begin(plan)?);
        }
        let Some(compaction) = &mut self.compaction else {
            return Ok(JobStep::Continue);
        };
        Ok(match compaction.step()? {
            None => JobStep::Continue,
            Some(last @ CompactionDelivery::Released) => {
                JobStep::Done(Delivery(JobResult::Compaction(last)))
            }
            Some(delivery) => JobStep::Deliver(Delivery(JobResult::Compaction(delivery))),
        })
    }
}

/// Makes the file of the next segment.
pub(super) struct StandbyJob {
    pub(super) environment: LogEnvironment,
    pub(super) id: SegmentId,
}

impl BackgroundJob for StandbyJob {
    fn kind(&self) -> JobKind {
        JobKind::Preparation
    }

    fn step(&mut self) -> Result<JobStep> {
        Ok(JobStep::Done(Delivery(JobResult::Standby(Standby::make(&self.environment, self.id)?))))
    }
}

/// Makes the reserve, or finds out that there is no space for it.
pub(super) struct ReserveJob(pub(super) ReserveAllocation);

impl BackgroundJob for ReserveJob {
    fn kind(&self) -> JobKind {
        JobKind::Preparation
    }

    fn step(&mut self) -> Result<JobStep> {
        Ok(JobStep::Done(Delivery(JobResult::Reserved(self.0.run()))))
    }
}

/// Writes the hint of a segment.
pub(super) struct HintJob(pub(super) HintWriter);

impl BackgroundJob for HintJob {
    fn kind(&self) -> JobKind {
        JobKind::Hint
    }

    fn step(&mut self) -> Result<JobStep> {
        let is_there = self.0.step()?;
        Ok(if is_there { JobStep::Done(Delivery(JobResult::Hinted)) } else { JobStep::Continue })
    }
}

/// Syncs what was written when it was made.
pub(super) struct SyncJob {
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) sequence: Sequence,
}

impl BackgroundJob for SyncJob {
    fn kind(&self) -> JobKind {
        JobKind::Sync
    }

    fn step(&mut self) -> Result<JobStep> {
        let started = now();
        sync_segments(&self.segments)?;
        let took = now().saturating_duration_since(started);
        Ok(JobStep::Done(Delivery(JobResult::Synced(self.sequence, took))))
    }
}
