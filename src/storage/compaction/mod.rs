//! Compaction: rewrites what is still needed of some sealed segments into one new segment.
//!
//! [`Compaction`] does it beside the writer, in steps:
//!
//! 1. Copy the needed records into an unfinished file, each in a frame of its own with its old sequence
//!    number. Needed is what the index points to, for readers or for a snapshot; and a tombstone while an
//!    older segment that is not part of this compaction may hold its key, or the output holds what a
//!    snapshot sees of it, or its key would come back. Values that nobody needs are marked, so that the index
//!    is asked only about the others, and only where not all of these may be needed.
//! 2. Sync the output, and sync the log: a record counts as garbage because of a newer one, which must
//!    not be lost to a power failure after the old one is gone.
//! 3. Rename the output and sync the directory. From here on recovery uses the output and ignores what
//!    it replaces, which its first frame lists; so the inputs are removed all or none.
//! 4. Hand the moves to the writer, some at a time so that writes do not wait. It repoints only versions
//!    that are still where the copy was made from.
//! 5. Remove the inputs' names. Readers that still hold one go on reading it.
//!
//! Each delivery waits until the writer has taken the one before it.

pub(crate) mod accounting;
pub(crate) mod dead_bitmap;
pub(crate) mod key_set;

use std::collections::{HashSet, VecDeque};
use std::io;

use crate::bugs::{Bug, if_planted, planted, unless_planted};
use crate::storage::compaction::dead_bitmap::SharedDeadBitmap;
use crate::storage::compaction::key_set::FrozenKeySet;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::codec::{FrameCodec, TooLarge};
use crate::storage::format::file_name;
use crate::storage::format::frame::FrameKind;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::fs::File;
use crate::storage::index::{Horizon, IndexReader, Move, Slot};
use crate::storage::segment::frame_scan::{FrameScan, NextFrame};
use crate::storage::segment::sync_segments;
use crate::storage::segment::{Location, Segment, SegmentTable};
use crate::sync::Arc;
use crate::{Error, Result};

/// How much of an input one step copies.
const STEP_BYTES: u64 = 1 << 20;

/// How many moves one delivery carries: what the writer applies between two groups.
const MOVES_PER_DELIVERY: usize = 256;

/// How a step of a compaction ended.
pub(crate) enum CompactionProgress {
    /// There is more to do.
    Continue,
    /// There is more to do, and this is for the writer.
    Deliver(CompactionDelivery),
    /// It is done, and this is for the writer.
    Done(CompactionDelivery),
}

/// What the writer is told of a compaction.
pub(crate) enum CompactionDelivery {
    /// The output has its name: readers may be pointed to it.
    Output(Arc<Segment>),
    /// These versions have moved to the output.
    Moves(Vec<Move<Location>>),
    /// Every move was delivered, and the inputs have lost their names.
    Finished(Vec<SegmentId>),
    /// It holds the inputs no longer.
    Released,
}

/// A segment to be compacted.
pub(crate) struct CompactionInput {
    pub(crate) segment: Arc<Segment>,
    /// What nobody needs of it.
    pub(crate) dead: SharedDeadBitmap,
    /// Some of what is not marked may not be needed, or only by snapshots.
    pub(crate) may_hold_unmarked: bool,
}

/// What a compaction is made from.
pub(crate) struct CompactionPlan {
    pub(crate) environment: LogEnvironment,
    pub(crate) index: IndexReader<Location>,
    pub(crate) table: Arc<SegmentTable>,
    pub(crate) inputs: Vec<CompactionInput>,
    pub(crate) output: SegmentId,
    /// The lowest sequence number and the keys of every sealed segment that is not an input.
    pub(crate) outside: Vec<(u64, FrozenKeySet)>,
    /// The oldest segment that holds something unsynced.
    pub(crate) unsynced_from: SegmentId,
    /// The newest record that removed every key.
    pub(crate) cleared: u64,
}

impl CompactionPlan {
    fn input_ids(&self) -> Vec<SegmentId> {
        self.inputs.iter().map(|input| input.segment.id()).collect()
    }

    /// What whoever hands it out remembers of it.
    pub(crate) fn replacement(&self) -> Replacement {
        let (inputs, output) = (self.input_ids(), self.output);
        Replacement { inputs, output, has_its_name: false }
    }
}

/// What is known of a compaction that was handed out and has not come back.
pub(crate) struct Replacement {
    pub(crate) inputs: Vec<SegmentId>,
    pub(crate) output: SegmentId,
    /// The output took the place of inputs that may still have their names.
    pub(crate) has_its_name: bool,
}

/// A running compaction.
pub(crate) struct Compaction {
    plan: CompactionPlan,
    output: CompactionOutput,
    phase: CompactionPhase,
    moves: VecDeque<Move<Location>>,
    /// Keys of which the output holds a version that only snapshots saw: should the last of them go
    /// before the tombstone is met, the index says nothing of either any more.
    superseded: HashSet<Vec<u8>>,
    /// The newest record that removed every key is in an input.
    has_clear: bool,
    /// The output holds something that this record removed.
    holds_cleared: bool,
}

enum CompactionPhase {
    /// Copying the input at this position, from this offset on.
    Copy { input: usize, offset: u64 },
    /// The output has its name; the writer is being told.
    Deliver,
    /// The writer knows all moves.
    Remove,
    /// The inputs have lost their names, and nobody else should need them.
    Release,
    /// Nothing is left.
    Finished,
}

/// The segment that is being written.
struct CompactionOutput {
    header: SegmentHeader,
    file: Arc<dyn File>,
    environment: LogEnvironment,
    codec: FrameCodec,
    /// Bytes that are in the file.
    written: u64,
    /// Bytes that follow them.
    buffer: Vec<u8>,
    has_its_name: bool,
}

impl Compaction {
    /// Makes the unfinished output.
    pub(crate) fn begin(plan: CompactionPlan) -> Result<Self> {
        let CompactionPlan { environment, inputs, output: id, .. } = &plan;
        let header = SegmentHeader {
            origin: Origin::Compacted,
            store: environment.store,
            id: *id,
            base: 0,
            durable: 0,
            previous: SegmentId(0),
        };
        let file = environment.create(&file_name::unfinished(*id))?;
        let replaced: Vec<u64> = inputs.iter().map(|input| input.segment.id().0).collect();
        let mut output = CompactionOutput {
            header,
            file,
            environment: environment.clone(),
            codec: header.codec(),
            written: 0,
            buffer: header.encode().to_vec(),
            has_its_name: false,
        };
        let list = postcard::to_stdvec(&replaced).map_err(|_| too_large())?;
        output.mark(FrameKind::Replaces, &list, (0, 0))?;
        let phase = CompactionPhase::Copy { input: 0, offset: SEGMENT_HEADER_BYTES as u64 };
        Ok(Self {
            plan,
            output,
            phase,
            moves: VecDeque::new(),
            superseded: HashSet::new(),
            has_clear: false,
            holds_cleared: false,
        })
    }

    /// Does a bounded amount of work.
    pub(crate) fn step(&mut self) -> Result<CompactionProgress> {
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
                Ok(CompactionProgress::Done(CompactionDelivery::Released))
            }
            CompactionPhase::Finished => Ok(CompactionProgress::Continue),
        }
    }

    fn note_failed_read(&self, input: usize, error: &Error) {
        if let Some(input) = self.plan.inputs.get(input) {
            self.plan.table.note_failed_read(input.segment.id(), error);
        }
    }

    /// Copies up to a step's worth of an input; moves to the next phase after the last.
    fn copy(&mut self, input: usize, offset: u64) -> Result<CompactionProgress> {
        let Some(CompactionInput { segment, dead, may_hold_unmarked }) =
            self.plan.inputs.get(input)
        else {
            return self.publish();
        };
        let (segment, may_hold_unmarked) = (Arc::clone(segment), *may_hold_unmarked);
        let dead = dead.clone();
        let mut scan = FrameScan::resume(&segment, offset)?;
        // What becomes unneeded during the step is copied as well, and not repointed.
        let horizon = self.plan.index.horizon();
        while scan.offset() < offset + STEP_BYTES {
            let at = scan.offset();
            match scan.next_but(|offset| dead.contains(offset))? {
                // Every input is sealed, and recovery takes nothing that follows.
                NextFrame::Valid(frame) if frame.header.kind == FrameKind::Seal => {
                    self.output.flush()?;
                    self.phase = CompactionPhase::Copy {
                        input: input + 1,
                        offset: SEGMENT_HEADER_BYTES as u64,
                    };
                    return Ok(CompactionProgress::Continue);
                }
                NextFrame::Valid(frame) => {
                    let sequence = frame.header.sequence;
                    for (record, extent) in frame.records {
                        let from = Location::of(&record, segment.id(), extent);
                        let is_unneeded = !from.is_tombstone() && dead.contains(extent.offset);
                        if is_unneeded {
                            continue;
                        }
                        // What an open found cleared is not marked.
                        let is_doubtful = may_hold_unmarked || sequence < self.plan.cleared;
                        if from.is_tombstone() || is_doubtful {
                            self.copy_if_needed(&record, sequence, from, &horizon)?;
                        } else {
                            self.copy_record(&record, sequence, from)?;
                        }
                    }
                }
                NextFrame::End if planted(Bug::CompactCut) => {
                    self.phase = CompactionPhase::Copy {
                        input: input + 1,
                        offset: SEGMENT_HEADER_BYTES as u64,
                    };
                    return Ok(CompactionProgress::Continue);
                }
                NextFrame::End => {
                    segment.set_hinted(false);
                    return Err(Error::corrupt(&segment.path, at, "its end is missing"));
                }
                NextFrame::Invalid(reason) => {
                    return Err(Error::corrupt(&segment.path, at, reason));
                }
            }
        }
        self.output.flush()?;
        self.phase = CompactionPhase::Copy { input, offset: scan.offset() };
        Ok(CompactionProgress::Continue)
    }

    /// Asks the index whether a record is needed.
    fn copy_if_needed(
        &mut self,
        record: &Record<'_>,
        sequence: u64,
        from: Location,
        horizon: &Horizon,
    ) -> Result<()> {
        let key = record.key();
        let versions = match record {
            Record::Clear => {
                // Whether it is needed is known when everything else was copied.
                self.has_clear |= self.plan.cleared == sequence;
                return Ok(());
            }
            Record::Put { .. } | Record::Remove { .. } => self.plan.index.versions(key, horizon),
        };
        let is_indexed =
            versions.iter().any(|(version, slot)| *version == sequence && *slot == from);
        let is_removal = matches!(record, Record::Remove { .. });
        let is_needed = is_indexed || is_removal && self.masks_older(key, sequence);
        if !is_needed {
            return Ok(());
        }
        if !is_removal && versions.first().is_some_and(|(newest, _)| *newest > sequence) {
            self.superseded.insert(key.to_vec());
            self.holds_cleared |= sequence < self.plan.cleared;
        }
        self.copy_record(record, sequence, from)
    }

    fn copy_record(&mut self, record: &Record<'_>, sequence: u64, from: Location) -> Result<()> {
        let extent = self.output.copy(record, sequence)?;
        let to = from.moved(self.plan.output, extent);
        self.moves.push_back(Move { key: record.key().to_vec(), version: sequence, from, to });
        Ok(())
    }

    /// Whether what a tombstone removed may still be in the output or in an older segment outside.
    fn masks_older(&self, key: &[u8], sequence: u64) -> bool {
        let is_outside = || {
            let mut older = self.plan.outside.iter().filter(|(oldest, _)| *oldest < sequence);
            older.any(|(_, keys)| keys.may_contain(key))
        };
        if_planted!(DropTombstones => return false);
        self.superseded.contains(key) || self.plan.cleared < sequence && is_outside()
    }

    /// Copies the record that removed every key, if anything that is left is older.
    fn copy_clear(&mut self) -> Result<()> {
        let sequence = self.plan.cleared;
        let is_older_outside = self.plan.outside.iter().any(|(oldest, _)| *oldest < sequence);
        if self.has_clear && !planted(Bug::DropClear) && (self.holds_cleared || is_older_outside) {
            self.output.copy(&Record::Clear, sequence)?;
        }
        Ok(())
    }

    /// Makes the output durable and gives it its name.
    fn publish(&mut self) -> Result<CompactionProgress> {
        self.copy_clear()?;
        let CompactionPlan { environment, table, index, unsynced_from, .. } = &self.plan;
        // What was judged garbage is garbage because of something at or below this.
        let visible = index.visible();
        self.output.mark(FrameKind::Seal, &[], (visible + 1, visible))?;
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
        Ok(CompactionProgress::Deliver(CompactionDelivery::Output(Arc::new(segment))))
    }

    fn deliver(&mut self) -> CompactionProgress {
        let count = self.moves.len().min(MOVES_PER_DELIVERY);
        if count == 0 {
            self.phase = CompactionPhase::Remove;
            return CompactionProgress::Continue;
        }
        let moves = self.moves.drain(..count).collect();
        CompactionProgress::Deliver(CompactionDelivery::Moves(moves))
    }

    fn remove(&mut self) -> Result<CompactionProgress> {
        self.phase = CompactionPhase::Release;
        unless_planted!(RemoveInputsFirst => remove_inputs(&self.plan)?);
        // Before another compaction may replace the output: recovery would not know these any more.
        self.plan.environment.sync_directory()?;
        Ok(CompactionProgress::Deliver(CompactionDelivery::Finished(self.plan.input_ids())))
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

fn too_large() -> Error {
    let bytes_max = crate::storage::format::frame::FRAME_BODY_BYTES_MAX;
    Error::BatchTooLarge { bytes: bytes_max, bytes_max }
}

impl CompactionOutput {
    /// Returns the name it has until it is complete.
    fn unfinished(&self) -> String {
        file_name::unfinished(self.header.id)
    }

    fn failed(&self, action: &'static str, error: io::Error) -> Error {
        Error::io(action, &self.environment.path_of(&self.unfinished()), error)
    }

    fn copy(&mut self, record: &Record<'_>, sequence: u64) -> Result<Extent> {
        let mut placed = None;
        let base = self.written;
        let records = std::iter::once(*record);
        let encoded =
            self.codec.encode_batch(records, (sequence, 0), base, &mut self.buffer, |extent| {
                placed = Some(extent)
            });
        encoded.map_err(|TooLarge| too_large())?;
        placed.ok_or_else(too_large)
    }

    fn mark(&mut self, kind: FrameKind, body: &[u8], numbers: (u64, u64)) -> Result<()> {
        let marked = self.codec.encode_mark(kind, body, numbers, self.written, &mut self.buffer);
        marked.map_err(|TooLarge| too_large())
    }

    fn flush(&mut self) -> Result<()> {
        let written = self.file.write_at(&self.buffer, self.written);
        written.map_err(|e| self.failed("write", e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for CompactionOutput {
    fn drop(&mut self) {
        if !self.has_its_name {
            // The next open removes what is left if this fails.
            let _ = self.environment.remove(&self.unfinished());
        }
    }
}
