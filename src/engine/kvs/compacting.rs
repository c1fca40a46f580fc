//! The write half's part in a compaction: the choice, the plan, and what becomes of the results.

use super::writer::KvsWriter;
use crate::Result;
use crate::bugs::{Bug, planted};
use crate::storage::compaction::{
    CompactionDelivery, CompactionInput, CompactionPlan, CompactionState,
};
use crate::storage::format::segment_header::Origin;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::index::Slot;
use crate::storage::segment::Segment;
use crate::sync::Arc;

impl KvsWriter {
    /// Chooses the segments to compact.
    fn choose(&mut self, has_old_snapshots: bool) -> Result<Vec<SegmentId>> {
        if self.pass.is_wanted() {
            return self.choose_for_pass(has_old_snapshots);
        }
        if self.reserve.full().is_some() {
            return self.choose_when_full();
        }
        let garbage_bytes_min = self.compaction_bytes_min;
        if !self.accounting.look(garbage_bytes_min) {
            return Ok(Vec::new());
        }
        // The segment that begins where another ends may be all that says where that is.
        self.log.mark_sealed(&mut self.accounting)?;
        if let Some(active) = self.log.active()
            && self.accounting.is_mostly_garbage(active, garbage_bytes_min)
        {
            self.log.seal(&mut self.accounting)?;
        }
        let output_bytes_max = self.log.environment().segment_bytes_max;
        Ok(self.accounting.choose(garbage_bytes_min, output_bytes_max))
    }

    /// Chooses the segments to compact, and plans the compaction.
    pub(super) fn plan_compaction(
        &mut self,
        has_old_snapshots: bool,
    ) -> Result<Option<CompactionPlan>> {
        let chosen = self.choose(has_old_snapshots)?;
        if chosen.is_empty() {
            return Ok(None);
        }
        let unsynced = self.log.unsynced().map(|segment| segment.id()).min();
        let mut inputs = self.log.table().all();
        inputs.retain(|segment| chosen.contains(&segment.id()));
        let accounting = &mut self.accounting;
        let input = |segment: Arc<Segment>| {
            let may_hold_unmarked =
                accounting.get(segment.id()).is_none_or(|usage| usage.may_hold_unmarked);
            let may_hold_unmarked =
                (has_old_snapshots || may_hold_unmarked) && !planted(Bug::TrustMarks);
            CompactionInput {
                dead: accounting.dead_bitmap(segment.id()),
                may_hold_unmarked,
                segment,
            }
        };
        let inputs = inputs.into_iter().map(input).collect();
        let next = self.log.next_begun();
        let output = self.log.take_segment_id()?;
        let plan = CompactionPlan {
            environment: self.log.environment().clone(),
            indexes: self.indexes.readers(),
            table: Arc::clone(self.log.table()),
            inputs,
            output,
            outside: self.accounting.outside(&chosen),
            // The next segment may have been made ahead, and then has a lower id than the output.
            unsynced_from: unsynced.or(self.log.active()).unwrap_or(next),
        };
        let lengths = plan.inputs.iter().filter_map(|it| self.accounting.get(it.segment.id()));
        self.work.begin_compaction(lengths.map(|usage| usage.bytes).sum());
        self.compaction = CompactionState::Copying(plan.replacement());
        Ok(Some(plan))
    }

    pub(super) fn take_compaction(&mut self, delivery: CompactionDelivery) {
        match delivery {
            CompactionDelivery::Output(segment, removals) => {
                let bytes = segment.file.length().unwrap_or(0);
                self.work.note_output(bytes);
                self.accounting.add(segment.id(), Origin::Compacted, bytes, true);
                for (keyspace, sequence, location) in removals {
                    self.accounting.note_sequence(location.segment, sequence);
                    self.accounting.note_record(keyspace, &location);
                    self.accounting.note_kept_tombstone(&location);
                }
                self.log.table().add(Arc::clone(&segment));
                self.unhinted.push_back(segment);
                self.compaction.note_output();
            }
            CompactionDelivery::Moves(moves) => {
                let has_old_snapshots = self.prune_all();
                let accounting = &mut self.accounting;
                for (keyspace, moved) in &moves {
                    accounting.note_sequence(moved.to.segment, moved.version);
                    accounting.note_record(*keyspace, &moved.to);
                    if !moved.to.is_tombstone() {
                        accounting.note_key(moved.to.segment, (*keyspace, &moved.key));
                    }
                    if has_old_snapshots {
                        accounting.note_unmarked(moved.to.segment);
                    }
                }
                self.indexes.repoint(moves, |moved, is_there| {
                    if is_there {
                        accounting.move_live(&moved.from, &moved.to);
                    } else if moved.to.is_tombstone() {
                        accounting.note_kept_tombstone(&moved.to);
                    } else {
                        accounting.mark_never_live(&moved.to);
                    }
                });
            }
            CompactionDelivery::Removed(inputs) => {
                // The last handle of a removed file frees its space, which takes long: none stays
                // here.
                self.log.table().remove(&inputs);
                self.log.forget(&inputs);
                self.unhinted.retain(|segment| !inputs.contains(&segment.id()));
                self.note_replaced(&inputs);
                self.compaction = CompactionState::Releasing;
                let (bytes, live) = (self.accounting.bytes(), self.accounting.live_bytes());
                log::info!("compaction finished: {live} of {bytes} bytes are live");
            }
            CompactionDelivery::Released => {
                if let Some(finished) = self.work.finish_compaction()
                    && let Some(pass) = self.pass.running()
                {
                    pass.note_finished(finished.bytes_read, finished.bytes_written);
                }
                self.compaction = CompactionState::Idle;
                self.reserve.look_again();
            }
        }
    }

    /// Notes that the segments count no more, and what that means for tombstones.
    fn note_replaced(&mut self, inputs: &[SegmentId]) {
        let accounting = &mut self.accounting;
        if inputs.iter().any(|input| accounting.holds_dead_values(*input)) {
            accounting.note_values_dropped();
        }
        inputs.iter().for_each(|input| accounting.remove(*input));
        if let Some(output) = self.compaction.output() {
            accounting.note_tested(output);
        }
        if let Some(pass) = self.pass.running() {
            pass.note_replaced(inputs);
        }
    }
}
