//! The end of the log that the writer owns: appending groups, syncing, starting new segments.

pub(crate) mod active_segment;
pub(crate) mod clean_shutdown_file;
pub(crate) mod group;
pub(crate) mod reserve;
pub(crate) mod standby;

use std::collections::VecDeque;
use std::io;

use crate::bugs::{Bug, planted};
use crate::storage::compaction::Replacement;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::environment::{LogEnvironment, check_linked};
use crate::storage::format::clean_shutdown::{CleanShutdown, SegmentSet};
use crate::storage::format::codec::TooLarge;
use crate::storage::format::file_name::{self};
use crate::storage::format::frame::FrameKind;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::log::active_segment::ActiveSegment;
use crate::storage::log::group::Group;
use crate::storage::log::standby::{Standby, StandbyState};
use crate::storage::segment::{Segment, SegmentTable, sync_segments};
use crate::sync::Arc;
use crate::{Error, Result};

/// The buffer that groups are encoded in is given back above this size.
const BUFFER_BYTES_KEPT: usize = 16 << 20;

/// The most sealed segments that one check of the files looks at.
const SEGMENTS_CHECKED: usize = 64;

/// A segment that nothing will be appended to but the mark that says so.
pub(crate) struct UnsealedSegment {
    pub(crate) end: ActiveSegment,
    /// The sequence number after its last batch.
    pub(crate) next_sequence: u64,
}

/// The log's end.
pub(crate) struct Log {
    environment: LogEnvironment,
    standby: StandbyState,
    /// The newest segment that was begun since the log was opened, be it there or not.
    newest_begun: SegmentId,
    /// A segment's name was removed, and not durably.
    has_removed: bool,
    active: Option<ActiveSegment>,
    /// Segments before the active one that are not marked as sealed yet, oldest first.
    unsealed: VecDeque<UnsealedSegment>,
    /// Segments that were sealed since somebody asked.
    sealed: Vec<Arc<Segment>>,
    /// The segment that ends where the active one begins, or where the next one will.
    last_written: SegmentId,
    next_segment: SegmentId,
    next_sequence: u64,
    /// Everything up to this sequence number survives power loss.
    durable: u64,
    /// Segments that something was written to since the last sync began, oldest first.
    unsynced: Vec<Arc<Segment>>,
    /// Segments that a sync in the background is for, oldest first.
    syncing: Vec<Arc<Segment>>,
    table: Arc<SegmentTable>,
    buffer: Vec<u8>,
    /// The last thing in the active segment is the mark of a clean close.
    is_marked: bool,
    /// What the file `CLOSED` says.
    clean_shutdown: Option<CleanShutdown>,
    /// The segment that the last check of the files ended with.
    last_checked: SegmentId,
}

/// Where recovery found the log to end.
pub(crate) struct LogEnd {
    /// A cleanly closed segment, in which writing goes on.
    pub(crate) active: Option<ActiveSegment>,
    /// Segments without a seal, the last one if it was not closed cleanly among them; writing goes on in
    /// another one.
    pub(crate) unsealed: VecDeque<UnsealedSegment>,
    pub(crate) last_written: SegmentId,
    pub(crate) next_segment: SegmentId,
    pub(crate) next_sequence: u64,
    /// What the last clean close vouches for.
    pub(crate) clean_shutdown: Option<CleanShutdown>,
}

impl Log {
    /// Goes on where recovery found the end; everything before it is durable.
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
            durable: end.next_sequence - 1,
            unsynced: Vec::new(),
            syncing: Vec::new(),
            table,
            buffer: Vec::new(),
            is_marked,
            clean_shutdown: end.clean_shutdown,
            last_checked: SegmentId(0),
        }
    }

    /// The sequence number of the next batch.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// The segments every reader can find locations in.
    pub(crate) fn table(&self) -> &Arc<SegmentTable> {
        &self.table
    }

    /// Where the log lives.
    pub(crate) fn environment(&self) -> &LogEnvironment {
        &self.environment
    }

    /// The segment that is appended to, if there is one.
    pub(crate) fn active(&self) -> Option<SegmentId> {
        self.active.as_ref().map(|active| active.segment.id())
    }

    /// Takes the next segment id for a compaction's output.
    pub(crate) fn take_segment_id(&mut self) -> Result<SegmentId> {
        let id = self.next_segment;
        let next = id.0.checked_add(1);
        let next =
            next.ok_or_else(|| Error::corrupt(&self.environment.path, 0, "no segment id is left"))?;
        self.next_segment = SegmentId(next);
        Ok(id)
    }

    /// The id of a segment whose file is to be made ahead, if the active one holds as many bytes as this and
    /// nothing was done for the next one yet.
    pub(crate) fn request_standby(&mut self, bytes_min: u64) -> Result<Option<SegmentId>> {
        let is_due = self.active.as_ref().is_some_and(|active| active.offset >= bytes_min);
        if !is_due || !matches!(self.standby, StandbyState::None) {
            return Ok(None);
        }
        let id = self.take_segment_id()?;
        self.standby = StandbyState::Requested(id);
        Ok(Some(id))
    }

    /// Takes the file of the next segment, or note that there will be none.
    pub(crate) fn receive_standby(&mut self, standby: Option<Standby>) {
        self.standby = match standby {
            // Written segments follow each other in the order of their ids.
            Some(late) if late.id() < self.newest_begun && !planted(Bug::UseLatePrepared) => {
                StandbyState::None
            }
            Some(standby) => StandbyState::Ready(standby),
            None => StandbyState::Failed,
        };
    }

    /// An id that no segment which is begun from now on is below.
    pub(crate) fn next_begun(&self) -> SegmentId {
        match &self.standby {
            StandbyState::Requested(id) => *id,
            StandbyState::Ready(standby) => standby.id(),
            StandbyState::None | StandbyState::Failed => self.next_segment,
        }
    }

    /// Appends the group with one write; tells `placed` where each of its records lies, in order.
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
            let sequence = self.next_sequence + position as u64;
            let records = batch.iter().map(Record::from);
            let claimed = if planted(Bug::ClaimDurable) { sequence - 1 } else { self.durable };
            let numbers = (sequence, claimed);
            let encoded = codec.encode_batch(records, numbers, base, &mut self.buffer, |extent| {
                placed(id, extent)
            });
            encoded.map_err(|TooLarge| self.too_large())?;
        }
        self.write(accounting)?;
        accounting.note_sequence(id, self.next_sequence);
        self.next_sequence += group.len() as u64;
        accounting.note_sequence(id, self.next_sequence - 1);
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Makes everything appended so far survive power loss.
    pub(crate) fn sync(&mut self) -> Result<()> {
        sync_segments(self.unsynced())?;
        self.syncing.clear();
        self.unsynced.clear();
        self.durable = self.next_sequence - 1;
        Ok(())
    }

    /// What has to be synced for everything so far to be durable, oldest first; none if it is.
    pub(crate) fn unsynced(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.syncing.iter().chain(&self.unsynced)
    }

    /// Hands out what has to be synced, to be followed by [`synced`](Self::synced); what is written from
    /// now on, be it to the same segments, needs another sync.
    pub(crate) fn begin_sync(&mut self) -> Vec<Arc<Segment>> {
        if planted(Bug::SyncOnlyNewest) {
            self.unsynced.drain(..self.unsynced.len().saturating_sub(1));
        }
        self.syncing.append(&mut self.unsynced);
        self.syncing.clone()
    }

    /// Takes note that these segments need no sync any more: what was needed of them is durable elsewhere.
    pub(crate) fn forget(&mut self, ids: &[SegmentId]) {
        for segments in [&mut self.unsynced, &mut self.syncing] {
            segments.retain(|segment| !ids.contains(&segment.id()));
        }
    }

    /// Takes note that the sync that began when everything up to `sequence` was written is done.
    pub(crate) fn synced(&mut self, sequence: u64) {
        self.syncing.clear();
        if planted(Bug::ForgetUnsynced) {
            self.unsynced.clear();
        }
        self.durable = self.durable.max(sequence);
    }

    /// Returns an error if the directory, the active segment, or one of some other segments was
    /// removed or replaced; each call looks at the next ones. `removing` are those that a compaction
    /// may be removing.
    pub(crate) fn check_files(&mut self, removing: &[SegmentId]) -> Result<()> {
        check_linked(&self.environment.path, self.environment.directory.links())?;
        let mut segments = self.table.after(self.last_checked, SEGMENTS_CHECKED);
        // After the last one it begins again with the first.
        let last = segments.last().filter(|_| segments.len() == SEGMENTS_CHECKED);
        self.last_checked = last.map_or(SegmentId(0), |last| last.id());
        segments.extend(self.active.as_ref().map(|active| Arc::clone(&active.segment)));
        let mut segments = segments.iter().filter(|segment| !removing.contains(&segment.id()));
        segments.try_for_each(|segment| check_linked(&segment.path, segment.file.links()))
    }

    /// The segments that were sealed since this was last called, oldest first.
    pub(crate) fn take_sealed(&mut self) -> Vec<Arc<Segment>> {
        std::mem::take(&mut self.sealed)
    }

    /// Ends the active segment, so that it can be compacted; the next append begins another.
    pub(crate) fn seal(&mut self, accounting: &mut Accounting) -> Result<()> {
        self.retire_active();
        self.mark_sealed(accounting)
    }

    /// Syncs, and marks that nothing was lost; the next open appends behind the mark. A compaction that
    /// was not finished may still be.
    pub(crate) fn close(
        &mut self,
        accounting: &mut Accounting,
        compaction: Option<&Replacement>,
    ) -> Result<()> {
        if planted(Bug::CloseBeforeSync) {
            self.durable = self.next_sequence - 1;
        } else {
            self.sync()?;
        }
        if !self.is_marked && self.next_sequence > 1 {
            // After a kill, say, there is none yet; without a mark nothing would vouch for what was read.
            self.take_active(accounting)?;
            let Some(active) = &mut self.active else {
                return Ok(());
            };
            let numbers = (self.next_sequence, self.durable);
            active.append_mark(FrameKind::Close, numbers)?;
            self.unsynced.push(Arc::clone(&active.segment));
            accounting.set_length(active.segment.id(), active.offset);
            self.is_marked = true;
            self.sync()?;
        }
        self.standby = StandbyState::None;
        self.note_closed(compaction);
        Ok(())
    }

    /// Notes what is there in a file of its own, so that it is missed if it is lost.
    fn note_closed(&mut self, compaction: Option<&Replacement>) {
        let replaced = compaction.filter(|compaction| compaction.has_its_name);
        let is_replaced = |id: &SegmentId| replaced.is_some_and(|by| by.inputs.contains(id));
        let segments = self.table.all();
        let ids = segments.iter().map(|segment| segment.id()).filter(|id| !is_replaced(id));
        let clean_shutdown = CleanShutdown {
            sequence: self.durable,
            segments: SegmentSet::of(ids),
            output: compaction.map(|compaction| compaction.output),
        };
        if clean_shutdown.sequence == 0 || self.clean_shutdown == Some(clean_shutdown) {
            return;
        }
        match clean_shutdown_file::write(&clean_shutdown, &self.environment) {
            Ok(()) => self.clean_shutdown = Some(clean_shutdown),
            // The log is whole; what is missing is only what a later loss of its end would be noticed by.
            Err(error) => log::warn!("the store is closed, but that could not be noted: {error}"),
        }
    }

    /// The active segment with room for more, made if need be.
    fn take_active(&mut self, accounting: &mut Accounting) -> Result<&ActiveSegment> {
        if self
            .active
            .as_ref()
            .is_some_and(|active| active.offset >= self.environment.segment_bytes_max)
        {
            self.retire_active();
        }
        if self.active.is_none() {
            let retired = self.unsealed.back().filter(|_| planted(Bug::SwapSegments));
            let retired = retired.map(|unsealed| Arc::clone(&unsealed.end.segment));
            if let Some(retired) = &retired {
                self.table.remove(&[retired.id()]);
            }
            self.mark_sealed(accounting)?;
            self.active = Some(self.begin_segment(accounting)?);
            if let Some(retired) = retired {
                self.table.add(retired);
            }
        }
        self.active.as_ref().ok_or(Error::Closed)
    }

    fn begin_segment(&mut self, accounting: &mut Accounting) -> Result<ActiveSegment> {
        let mut unbegun = self.next_file()?;
        let id = unbegun.id();
        let path = self.environment.path_of(&file_name::segment(id));
        self.newest_begun = id;
        let header = SegmentHeader {
            origin: Origin::Written,
            store: self.environment.store,
            id,
            base: self.next_sequence,
            durable: self.durable,
            previous: self.last_written,
        };
        if let Err(error) = unbegun.file().write_at(&header.encode(), 0) {
            self.keep(unbegun);
            return Err(Error::io("begin the segment", &path, error));
        }
        let segment = Arc::new(Segment::new(header, path, Arc::clone(unbegun.file())));
        // The header is durable before anything follows it, so that a damaged one is never mistaken
        // for one that was being written.
        if !planted(Bug::SkipHeaderSync) {
            sync_segments([&segment])?;
        }
        let has_new_name = match unbegun.rename(&self.environment) {
            Ok(is_renamed) => is_renamed,
            Err(error) => {
                self.keep(unbegun);
                return Err(error);
            }
        };
        unbegun.begun();
        // A segment that was removed may not come back beside the one that takes its place.
        if (has_new_name || self.has_removed) && !planted(Bug::SkipDirectorySync) {
            self.environment.sync_directory()?;
            self.has_removed = false;
        }
        self.table.add(Arc::clone(&segment));
        accounting.add(id, Origin::Written, SEGMENT_HEADER_BYTES as u64, false);
        Ok(ActiveSegment::new(segment, SEGMENT_HEADER_BYTES as u64))
    }

    /// Keeps a file in which no segment could be begun for the next attempt, unless there will be
    /// another.
    fn keep(&mut self, unbegun: Standby) {
        if matches!(self.standby, StandbyState::None | StandbyState::Failed) {
            self.standby = StandbyState::Ready(unbegun);
        }
    }

    /// The file of the next segment.
    fn next_file(&mut self) -> Result<Standby> {
        match std::mem::replace(&mut self.standby, StandbyState::None) {
            StandbyState::Ready(standby) => return Ok(standby),
            StandbyState::Requested(id) => self.standby = StandbyState::Requested(id),
            StandbyState::None | StandbyState::Failed => {}
        }
        let id = self.take_segment_id()?;
        Standby::create(&self.environment, id).inspect_err(|error| {
            // There was no space for a name, so the id was not used.
            if error.is_out_of_space() {
                self.next_segment = id;
            }
        })
    }

    /// Marks the segments before the active one as sealed, so that their end is known without a successor.
    pub(crate) fn mark_sealed(&mut self, accounting: &mut Accounting) -> Result<()> {
        while let Some(UnsealedSegment { end, next_sequence }) = self.unsealed.front_mut() {
            end.append_mark(FrameKind::Seal, (*next_sequence, self.durable))?;
            let (segment, offset) = (Arc::clone(&end.segment), end.offset);
            self.unsealed.pop_front();
            accounting.set_length(segment.id(), offset);
            accounting.seal(segment.id());
            self.sealed.push(Arc::clone(&segment));
            self.note_unsynced(segment);
        }
        Ok(())
    }

    fn note_unsynced(&mut self, segment: Arc<Segment>) {
        if !self.unsynced.iter().any(|other| other.id() == segment.id()) {
            self.unsynced.push(segment);
        }
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
            return Err(self.undo(accounting, error));
        }
        let segment = Arc::clone(&active.segment);
        accounting.set_length(segment.id(), active.offset);
        self.is_marked = false;
        self.note_unsynced(segment);
        Ok(())
    }

    /// Cuts a failed append off, and goes on in a new segment: should a disk bring back what was
    /// cut off, recovery tells it by the base of the segment that follows. In the same one, a batch
    /// that is lost could be replaced by the failed one that lay at the same place before, where
    /// the file was given the same blocks again and their new contents did not reach the disk.
    fn undo(&mut self, accounting: &mut Accounting, error: io::Error) -> Error {
        let Some(active) = &mut self.active else {
            return Error::Closed;
        };
        let (segment, offset) = (Arc::clone(&active.segment), active.offset);
        let failed = Error::io("append to", &segment.path, error).at_offset(offset);
        if planted(Bug::SkipUndo) {
            return failed;
        }
        // Without a sync a power loss could bring back whole batches of a group that failed.
        if let Err(error) = active.cut().and_then(|()| segment.sync()) {
            let error = Error::io("cut the failed append off", &segment.path, error);
            return Error::UnknownOutcome(Arc::new(error));
        }
        // Nothing is in it: without this, every retry on a full disk would leave an empty file.
        let is_removed = offset == SEGMENT_HEADER_BYTES as u64
            && self.environment.directory.remove(&file_name::segment(segment.id())).is_ok();
        if is_removed {
            self.active = None;
            self.has_removed = true;
            self.table.remove(&[segment.id()]);
            accounting.remove(segment.id());
        } else {
            self.retire_active();
        }
        failed
    }

    fn retire_active(&mut self) {
        if let Some(active) = self.active.take() {
            self.last_written = active.segment.id();
            self.is_marked = false;
            let next_sequence = self.next_sequence;
            self.unsealed.push_back(UnsealedSegment { end: active, next_sequence });
        }
    }

    fn too_large(&self) -> Error {
        Error::BatchTooLarge {
            bytes: self.buffer.len(),
            bytes_max: crate::storage::format::frame::FRAME_BODY_BYTES_MAX,
        }
    }
}

#[cfg(test)]
mod tests;
