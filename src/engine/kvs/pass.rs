//! The write half's part in a compaction pass: its beginning, the choice of its compactions, and
//! its end.

use super::pass_state::{PassState, RunningPass};
use super::writer::KvsWriter;
use crate::bugs::{Bug, planted};
use crate::storage::compaction::CompactionPass;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::log::reserve::with_reserve;
use crate::{CompactReport, Error, Result};

impl KvsWriter {
    /// Begins the pass that was asked for. The segment that is appended to is sealed if it holds
    /// something to be dropped.
    fn begin_pass(&mut self, has_old_snapshots: bool) -> Result<()> {
        let Self { log, accounting, reserve, .. } = self;
        let (segments_before, bytes_before) = (accounting.all().count() as u64, accounting.bytes());
        let environment = log.environment().clone();
        let active = log.active();
        let is_sealed =
            active.is_some_and(|active| accounting.holds_droppable(active, has_old_snapshots));
        with_reserve(reserve, &environment, || match is_sealed {
            true => log.seal(accounting),
            false => log.mark_sealed(accounting),
        })?;
        let pass = CompactionPass::begin(accounting, has_old_snapshots);
        self.pass =
            PassState::Running(Box::new(RunningPass { pass, segments_before, bytes_before }));
        Ok(())
    }

    /// Chooses the segments that the pass compacts next; none if it is done. On a full disk these
    /// are the emptiest ones, as far as there is space for them.
    pub(super) fn choose_for_pass(&mut self, has_old_snapshots: bool) -> Result<Vec<SegmentId>> {
        if matches!(self.pass, PassState::Requested) {
            self.begin_pass(has_old_snapshots)?;
        }
        let output_bytes_max = self.log.environment().segment_bytes_max;
        let Some(pass) = self.pass.running() else { return Ok(Vec::new()) };
        if planted(Bug::EndPassEarly) && pass.figures().compactions > 0 {
            return Ok(Vec::new());
        }
        let chosen = pass.choose(&self.accounting, output_bytes_max);
        let Some(full) = self.reserve.full().filter(|_| !chosen.is_empty()) else {
            return Ok(chosen);
        };
        let full = full.clone();
        let chosen = self.choose_when_full()?;
        if chosen.is_empty() { Err(full) } else { Ok(chosen) }
    }

    /// Ends the pass, which has compacted everything.
    pub(super) fn finish_pass(&mut self) {
        if let PassState::Running(running) = &self.pass {
            let (figures, held) = (running.pass.figures(), self.indexes.held());
            let report = CompactReport {
                segments_before: running.segments_before,
                segments_after: self.accounting.all().count() as u64,
                bytes_before: running.bytes_before,
                bytes_after: self.accounting.bytes(),
                compactions: figures.compactions,
                bytes_read: figures.bytes_read,
                bytes_written: figures.bytes_written,
                versions_held: held.versions,
                bytes_held: held.bytes,
            };
            self.pass = PassState::Ended(Ok(report));
        }
    }

    /// Ends the pass because a compaction failed, or could not begin; false if there is none.
    pub(super) fn fail_pass(&mut self, error: &Error) -> bool {
        let is_wanted = self.pass.is_wanted();
        if is_wanted {
            self.pass = PassState::Ended(Err(error.clone()));
        }
        is_wanted
    }
}
