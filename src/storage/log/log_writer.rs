//! The end of the log, which the writer owns: appending groups, and how far they are durable.

use std::collections::VecDeque;

use crate::bugs::if_planted;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::CleanShutdown;
use crate::storage::format::codec::TooLarge;
use crate::storage::format::frame::FRAME_BODY_BYTES_MAX;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::log::active_segment::ActiveSegment;
use crate::storage::log::group::Group;
use crate::storage::log::log_end::{LogEnd, UnsealedSegment};
use crate::storage::log::standby::StandbyState;
use crate::storage::log::sync_state::SyncState;
use crate::storage::segment::{Segment, SegmentTable};
use crate::sync::Arc;
use crate::{Error, Result};

/// The most bytes of the encoding buffer that are kept from one group to the next.
pub(super) const BUFFER_BYTES_KEPT: usize = 16 << 20;

/// The end of the log, which the writer owns.
pub(crate) struct LogWriter {
    pub(super) environment: LogEnvironment,
    pub(super) standby: StandbyState,
    /// The newest segment that was begun since the log was opened, even if that failed.
    pub(super) newest_begun: SegmentId,
    /// A segment's name was removed, and not durably.
    pub(super) has_removed: bool,
    pub(super) active: Option<ActiveSegment>,
    /// Segments before the active one that have no seal yet, oldest first.
    pub(super) unsealed: VecDeque<UnsealedSegment>,
    /// Segments that were sealed since the last [`take_sealed`](Self::take_sealed).
    pub(super) sealed: Vec<Arc<Segment>>,
    /// The segment that ends where the active one begins, or where the next one will.
    pub(super) last_written: SegmentId,
    pub(super) next_segment: SegmentId,
    pub(super) next_sequence: Sequence,
    pub(super) syncs: SyncState,
    pub(super) table: Arc<SegmentTable>,
    pub(super) buffer: Vec<u8>,
    /// The active segment ends with the mark of a clean close.
    pub(super) is_marked: bool,
    /// The clean-shutdown marker that is on the disk.
    pub(super) clean_shutdown: Option<CleanShutdown>,
    /// The segment that the last check of the files ended with.
    pub(super) last_checked: SegmentId,
}

impl LogWriter {
    /// Returns the writer of a recovered log, of which everything is durable.
    pub(crate) fn new(environment: LogEnvironment, end: LogEnd, table: Arc<SegmentTable>) -> Self {
        let is_marked = end.active.is_some();
        Self {
            environment,
            standby: StandbyState::None,
            newest_begun: SegmentId(0),
            has_removed: false,
            active: end.active,
            unsealed: end.unsealed,
            sealed: Vec::new(),
            last_written: end.last_written,
            next_segment: end.next_segment,
            next_sequence: end.next_sequence,
            syncs: SyncState::new(end.next_sequence.previous()),
            table,
            buffer: Vec::new(),
            is_marked,
            clean_shutdown: end.clean_shutdown,
            last_checked: SegmentId(0),
        }
    }

    /// Returns the sequence number of the next batch.
    pub(crate) fn next_sequence(&self) -> Sequence {
        self.next_sequence
    }

    /// Returns the sequence number of the last batch.
    pub(crate) fn last_sequence(&self) -> Sequence {
        self.next_sequence.previous()
    }

    /// Returns the segments that readers find records in.
    pub(crate) fn table(&self) -> &Arc<SegmentTable> {
        &self.table
    }

    /// Returns the environment of the log.
    pub(crate) fn environment(&self) -> &LogEnvironment {
        &self.environment
    }

    /// Returns the id of the active segment, if there is one.
    pub(crate) fn active(&self) -> Option<SegmentId> {
        self.active.as_ref().map(|active| active.segment.id())
    }

    /// Takes the next segment id.
    pub(crate) fn take_segment_id(&mut self) -> Result<SegmentId> {
        let id = self.next_segment;
        if id > SegmentId::MAX {
            return Err(Error::corrupt(&self.environment.path, 0, "no segment id is left"));
        }
        self.next_segment = SegmentId(id.0 + 1);
        Ok(id)
    }

    /// Appends the group with one write, and calls `placed` with the segment and extent of each
    /// record.
    ///
    /// On an error nothing of the group is in the log, unless it is [`Error::UnknownOutcome`].
    pub(crate) fn append(
        &mut self,
        group: &Group,
        accounting: &mut Accounting,
        mut placed: impl FnMut(SegmentId, Extent),
    ) -> Result<()> {
        self.table.refuse_damage()?;
        let active = self.take_active(accounting)?;
        let (base, codec) = (active.offset, active.segment.codec);
        let id = active.segment.id();
        self.buffer.clear();
        for (position, batch) in group.batches().enumerate() {
            let sequence = self.next_sequence.plus(position);
            let records = batch.iter().map(Record::from);
            let mut numbers = self.syncs.numbers(sequence);
            if_planted!(ClaimDurable => numbers.durable = sequence.previous());
            let encoded = codec.encode_batch(records, numbers, base, &mut self.buffer, |extent| {
                placed(id, extent)
            });
            encoded.map_err(|TooLarge| self.too_large())?;
        }
        self.write(accounting)?;
        accounting.note_sequence(id, self.next_sequence);
        self.next_sequence = self.next_sequence.plus(group.len());
        accounting.note_sequence(id, self.last_sequence());
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Makes everything appended so far survive power loss.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.syncs.sync(self.last_sequence())
    }

    /// Returns the segments to be synced for everything so far to be durable, oldest first.
    pub(crate) fn unsynced(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.syncs.unsynced()
    }

    /// Hands out the segments to be synced in the background, to be followed by
    /// [`finish_sync`](Self::finish_sync).
    pub(crate) fn begin_sync(&mut self) -> Vec<Arc<Segment>> {
        self.syncs.begin()
    }

    /// Notes that the sync that began when everything up to `sequence` was written is done.
    pub(crate) fn finish_sync(&mut self, sequence: Sequence) {
        self.syncs.finish(sequence);
    }

    /// Notes that segments need no sync any more, because their live records are durable elsewhere.
    pub(crate) fn forget(&mut self, ids: &[SegmentId]) {
        self.syncs.forget(ids);
    }

    /// Takes the segments that were sealed since the last call, oldest first.
    pub(crate) fn take_sealed(&mut self) -> Vec<Arc<Segment>> {
        std::mem::take(&mut self.sealed)
    }

    /// Writes the buffer at the end of the active segment, or leaves the segment as it was.
    fn write(&mut self, accounting: &mut Accounting) -> Result<()> {
        let Some(active) = &mut self.active else {
            return Err(Error::Closed);
        };
        if let Some(step) = self.environment.preallocate_bytes {
            active.preallocate(self.buffer.len(), step, self.environment.segment_bytes_max);
        }
        if let Err(error) = active.append(&self.buffer) {
            return Err(self.roll_back(accounting, error));
        }
        let segment = Arc::clone(&active.segment);
        accounting.set_length(segment.id(), active.offset);
        self.is_marked = false;
        self.syncs.note_write(segment);
        Ok(())
    }

    fn too_large(&self) -> Error {
        Error::BatchTooLarge { bytes: self.buffer.len(), bytes_max: FRAME_BODY_BYTES_MAX }
    }
}
