//! The background jobs of the `kvs` engine.

use super::{Delivery, Job, JobKind, Step};
use crate::Result;
use crate::storage::compaction::{Compaction, CompactionPlan, CompactionProgress};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::log::reserve::Making;
use crate::storage::log::standby::Standby;
use crate::storage::recovery::hint_writer::HintWriter;
use crate::storage::segment::Segment;
use crate::storage::segment::sync_segments;
use crate::sync::Arc;

/// Compacts the segments that were chosen when it was made.
pub(super) struct CompactionJob {
    /// Until the first step, because to make a file may take long.
    plan: Option<CompactionPlan>,
    compaction: Option<Compaction>,
}

impl CompactionJob {
    pub(super) fn new(plan: CompactionPlan) -> Self {
        Self { plan: Some(plan), compaction: None }
    }
}

impl Job for CompactionJob {
    fn kind(&self) -> JobKind {
        JobKind::Compaction
    }

    fn step(&mut self) -> Result<Step> {
        if let Some(plan) = self.plan.take() {
            self.compaction = Some(Compaction::begin(plan)?);
        }
        let Some(compaction) = &mut self.compaction else {
            return Ok(Step::Continue);
        };
        Ok(match compaction.step()? {
            CompactionProgress::Continue => Step::Continue,
            CompactionProgress::Deliver(delivery) => Step::Deliver(Delivery::Compaction(delivery)),
            CompactionProgress::Done(delivery) => Step::Done(Delivery::Compaction(delivery)),
        })
    }
}

/// Makes the file of the next segment.
pub(super) struct StandbyJob {
    pub(super) environment: LogEnvironment,
    pub(super) id: SegmentId,
}

impl Job for StandbyJob {
    fn kind(&self) -> JobKind {
        JobKind::Preparation
    }

    fn step(&mut self) -> Result<Step> {
        Ok(Step::Done(Delivery::Standby(Standby::make(&self.environment, self.id)?)))
    }
}

/// Makes the reserve, or finds out that there is no space for it.
pub(super) struct ReserveJob(pub(super) Making);

impl Job for ReserveJob {
    fn kind(&self) -> JobKind {
        JobKind::Preparation
    }

    fn step(&mut self) -> Result<Step> {
        Ok(Step::Done(Delivery::Reserved(self.0.run())))
    }
}

/// Writes the hint of a segment.
pub(super) struct HintJob(pub(super) HintWriter);

impl Job for HintJob {
    fn kind(&self) -> JobKind {
        JobKind::Hint
    }

    fn step(&mut self) -> Result<Step> {
        let is_there = self.0.step()?;
        Ok(if is_there { Step::Done(Delivery::Hinted) } else { Step::Continue })
    }
}

/// Syncs what was written when it was made.
pub(super) struct SyncJob {
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) sequence: u64,
}

impl Job for SyncJob {
    fn kind(&self) -> JobKind {
        JobKind::Sync
    }

    fn step(&mut self) -> Result<Step> {
        sync_segments(&self.segments)?;
        Ok(Step::Done(Delivery::Synced(self.sequence)))
    }
}
