//! The job of a compaction: copies, publishes, delivers and removes, in steps beside the writer.
//!
//! 1. Copy the live records into an unfinished file, each in a frame of its own with its old
//!    sequence number. The [`Retention`] says which records that are.
//! 2. Sync the output, and sync the log: a record is dead because of a newer one, which must not be
//!    lost to a power failure after the old one is gone.
//! 3. Rename the output and sync the directory. From here on recovery uses the output and ignores
//!    the inputs, which its first frame lists: they are removed all or none.
//! 4. Deliver the moves to the writer, some at a time so that writes do not wait. It repoints only
//!    versions that are still where they were copied from.
//! 5. Remove the inputs' names. Readers that still hold one go on reading it.
//!
//! Each delivery waits until the writer has applied the one before it.

use std::collections::VecDeque;

use crate::bugs::{Bug, if_planted, planted, unless_planted};
use crate::storage::compaction::delivery::CompactionDelivery;
use crate::storage::compaction::output::CompactionOutput;
use crate::storage::compaction::plan::{CompactionInput, CompactionPlan};
use crate::storage::compaction::retention::Retention;
use crate::storage::format::file_name;
use crate::storage::format::frame::{FrameKind, FrameNumbers};
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::record::{Record, RecordKind};
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES};
use crate::storage::format::sequence::Sequence;
use crate::storage::index::{Move, Slot};
use crate::storage::segment::frame_scan::{FrameScan, NextFrame};
use crate::storage::segment::{Location, Segment, sync_segments};
use crate::sync::Arc;
use crate::{Error, Result};

/// The bytes of an input that one step copies.
const STEP_BYTES: u64 = 1 << 20;

/// The most moves of one delivery: the writer applies them between two groups.
const MOVES_PER_DELIVERY: usize = 256;

/// A running compaction.
pub(crate) struct Compaction {
    plan: CompactionPlan,
    output: CompactionOutput,
    phase: CompactionPhase,
    moves: VecDeque<(KeyspaceId, Move<Location>)>,
    retention: Retention,
}

/// The steps of a compaction that are left.
enum CompactionPhase {
    /// Copying the input at this position, from this offset on.
    Copy { input: usize, offset: u64 },
    /// The output has its name; the moves are being delivered.
    Deliver,
    /// The writer has applied all moves.
    Remove,
    /// The inputs have lost their names; the job still holds them.
    Release,
    /// Nothing is left to do.
    Finished,
}

impl Compaction {
    /// Creates the unfinished output.
    pub(crate) fn begin(plan: CompactionPlan) -> Result<Self> {
        let inputs = plan.input_ids().into_iter();
        let output = CompactionOutput::create(&plan.environment, plan.output, inputs)?;
        let phase = CompactionPhase::Copy { input: 0, offset: SEGMENT_HEADER_BYTES as u64 };
        Ok(Self { plan, output, phase, moves: VecDeque::new(), retention: Retention::default() })
    }

    /// Does a bounded amount of work; returns what it has for the writer.
    pub(crate) fn step(&mut self) -> Result<Option<CompactionDelivery>> {
        match self.phase {
            CompactionPhase::Copy { input, offset } => {
                let copied = self.copy(input, offset);
                copied.inspect_err(|error| self.note_failed_read(input, error))
            }
            CompactionPhase::Deliver => Ok(self.deliver()),
            CompactionPhase::Remove => self.remove(),
            CompactionPhase::Release => {
                self.phase = CompactionPhase::Finished;
                self.plan.inputs.clear();
                Ok(Some(CompactionDelivery::Released))
            }
            CompactionPhase::Finished => Ok(None),
        }
    }

    /// Notes the error of a read of an input.
    fn note_failed_read(&self, input: usize, error: &Error) {
        if let Some(input) = self.plan.inputs.get(input) {
            self.plan.table.note_failed_read(input.segment.id(), error);
        }
    }

    /// Copies some of an input; publishes the output after the last.
    fn copy(&mut self, input: usize, offset: u64) -> Result<Option<CompactionDelivery>> {
        let Some(CompactionInput { segment, dead, may_hold_unmarked }) =
            self.plan.inputs.get(input)
        else {
            return self.publish();
        };
        let (segment, may_hold_unmarked) = (Arc::clone(segment), *may_hold_unmarked);
        let dead = dead.clone();
        let next = CompactionPhase::Copy { input: input + 1, offset: SEGMENT_HEADER_BYTES as u64 };
        let mut scan = FrameScan::resume(&segment, offset)?;
        // A record that dies during the step is copied as well, and not repointed.
        let horizon = self.plan.indexes.horizon();
        while scan.offset() < offset + STEP_BYTES {
            let at = scan.offset();
            match scan.next_but(|offset| dead.contains(offset))? {
                // Every input is sealed, and recovery takes nothing that follows.
                NextFrame::Valid(frame) if frame.header.kind == FrameKind::Seal => {
                    self.output.flush()?;
                    self.phase = next;
                    return Ok(None);
                }
                NextFrame::Valid(frame) => {
                    let sequence = frame.header.numbers.sequence;
                    for (record, extent) in frame.records {
                        let from = Location::of(&record, segment.id(), extent);
                        let is_dead = !from.is_tombstone() && dead.contains(extent.offset);
                        if is_dead {
                            continue;
                        }
                        let is_asked = from.is_tombstone() || may_hold_unmarked;
                        let Self { plan, retention, .. } = self;
                        if !is_asked || retention.keeps(plan, &horizon, &record, sequence, from) {
                            self.copy_record(&record, sequence, from)?;
                        }
                    }
                }
                NextFrame::End if planted(Bug::CompactCut) => {
                    self.phase = next;
                    return Ok(None);
                }
                NextFrame::End => {
                    segment.set_hinted(false);
                    return Err(Error::corrupt(&segment.path, at, "its seal is missing"));
                }
                NextFrame::Invalid(reason) => {
                    return Err(Error::corrupt(&segment.path, at, reason));
                }
            }
        }
        self.output.flush()?;
        self.phase = CompactionPhase::Copy { input, offset: scan.offset() };
        Ok(None)
    }

    /// Copies a record, to be repointed.
    fn copy_record(
        &mut self,
        record: &Record<'_>,
        sequence: Sequence,
        from: Location,
    ) -> Result<()> {
        let extent = self.output.copy(record, sequence)?;
        let to = from.moved(self.plan.output, extent);
        let moved = Move { key: record.key().to_vec(), version: sequence, from, to };
        self.moves.push_back((record.keyspace, moved));
        Ok(())
    }

    /// Copies the range removals that are kept; returns their locations, each with its keyspace and
    /// its sequence number.
    fn copy_removals(&mut self) -> Result<Vec<(KeyspaceId, Sequence, Location)>> {
        let mut copied = Vec::new();
        for removal in self.retention.kept_removals(&self.plan) {
            let kind = RecordKind::RemoveRange(removal.interval());
            let record = Record { keyspace: removal.keyspace, kind };
            let extent = self.output.copy(&record, removal.sequence)?;
            let location = Location::tombstone(self.plan.output, extent);
            copied.push((removal.keyspace, removal.sequence, location));
        }
        Ok(copied)
    }

    /// Makes the output durable and gives it its name.
    fn publish(&mut self) -> Result<Option<CompactionDelivery>> {
        let removals = self.copy_removals()?;
        let CompactionPlan { environment, table, indexes, unsynced_from, .. } = &self.plan;
        // Every dead record is dead because of a record at or below this.
        let visible = indexes.visible();
        let numbers = FrameNumbers { sequence: visible.next(), durable: visible };
        self.output.mark(FrameKind::Seal, &[], numbers)?;
        self.output.flush()?;
        if_planted!(RemoveInputsFirst => remove_inputs(&self.plan)?);
        if !planted(Bug::SkipOutputSync) {
            let synced = self.output.file.sync();
            synced.map_err(|e| self.output.failed("sync", e))?;
        }
        let segments = table.all();
        let is_unsynced =
            |s: &Segment| s.header.origin == Origin::Written && s.id() >= *unsynced_from;
        let unsynced: Vec<_> = segments.into_iter().filter(|s| is_unsynced(s)).collect();
        unless_planted!(SkipLogSync => sync_segments(&unsynced)?);
        if_planted!(DropInputsEarly => table.remove(&self.plan.input_ids()));
        let name = file_name::segment(self.plan.output);
        environment.rename(&self.output.unfinished(), &name)?;
        self.output.has_its_name = true;
        unless_planted!(SkipRenameSync => environment.sync_directory()?);
        self.phase = CompactionPhase::Deliver;
        let file = Arc::clone(&self.output.file);
        let segment = Segment::new(self.output.header, environment.path_of(&name), file);
        Ok(Some(CompactionDelivery::Output(Arc::new(segment), removals)))
    }

    /// Delivers some of the moves.
    fn deliver(&mut self) -> Option<CompactionDelivery> {
        let count = self.moves.len().min(MOVES_PER_DELIVERY);
        if count == 0 {
            self.phase = CompactionPhase::Remove;
            return None;
        }
        let moves = self.moves.drain(..count).collect();
        Some(CompactionDelivery::Moves(moves))
    }

    /// Removes the names of the inputs.
    fn remove(&mut self) -> Result<Option<CompactionDelivery>> {
        self.phase = CompactionPhase::Release;
        unless_planted!(RemoveInputsFirst => remove_inputs(&self.plan)?);
        // Before another compaction may replace the output: recovery would not know these any more.
        self.plan.environment.sync_directory()?;
        Ok(Some(CompactionDelivery::Removed(self.plan.input_ids())))
    }
}

fn remove_inputs(plan: &CompactionPlan) -> Result<()> {
    for input in &plan.inputs {
        plan.environment.remove(&file_name::segment(input.segment.id()))?;
        // The next open removes a hint without a segment, and many segments have none.
        let _ = plan.environment.remove(&file_name::hint(input.segment.id()));
    }
    Ok(())
}
