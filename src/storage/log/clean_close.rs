//! Closing the log cleanly.

use crate::Result;
use crate::bugs::{Bug, planted};
use crate::storage::compaction::CompactionState;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::format::clean_shutdown::{CleanShutdown, SegmentSet};
use crate::storage::format::frame::FrameKind;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::log::clean_shutdown_file;
use crate::storage::log::log_writer::LogWriter;
use crate::storage::log::standby::StandbyState;
use crate::sync::Arc;

impl LogWriter {
    /// Syncs, marks the end of the log as closed, and writes the clean-shutdown marker. A
    /// compaction that was not finished may go on.
    pub(crate) fn close(
        &mut self,
        accounting: &mut Accounting,
        compaction: &CompactionState,
    ) -> Result<()> {
        if planted(Bug::CloseBeforeSync) {
            self.syncs.durable = self.last_sequence();
        } else {
            self.sync()?;
        }
        if !self.is_marked && self.next_sequence > Sequence::FIRST {
            // After a kill, say, there is none yet, and nothing else would vouch for the end of the
            // log.
            self.take_active(accounting)?;
            let Some(active) = &mut self.active else {
                return Ok(());
            };
            let numbers = self.syncs.numbers(self.next_sequence);
            active.append_mark(FrameKind::Close, numbers)?;
            self.syncs.note_write(Arc::clone(&active.segment));
            accounting.set_length(active.segment.id(), active.offset);
            self.is_marked = true;
            self.sync()?;
        }
        self.standby = StandbyState::None;
        self.write_marker(compaction);
        Ok(())
    }

    /// Writes the clean-shutdown marker, by which the next open notices a loss of the end of the
    /// log.
    fn write_marker(&mut self, compaction: &CompactionState) {
        let is_replaced = |id: &SegmentId| compaction.replaced().contains(id);
        let segments = self.table.all();
        let ids = segments.iter().map(|segment| segment.id()).filter(|id| !is_replaced(id));
        let clean_shutdown = CleanShutdown {
            sequence: self.syncs.durable,
            segments: SegmentSet::of(ids),
            output: compaction.output(),
        };
        if clean_shutdown.sequence == Sequence::ZERO || self.clean_shutdown == Some(clean_shutdown)
        {
            return;
        }
        match clean_shutdown_file::write(&clean_shutdown, &self.environment) {
            Ok(()) => self.clean_shutdown = Some(clean_shutdown),
            // The log is whole; only a later loss of its end would go unnoticed.
            Err(error) => {
                log::warn!("closed the store without a clean-shutdown marker: {error}")
            }
        }
    }
}
