//! Rotation: sealing segments, and beginning the next one.

use crate::bugs::{Bug, planted, unless_planted};
use crate::storage::compaction::accounting::Accounting;
use crate::storage::format::file_name;
use crate::storage::format::frame::FrameKind;
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::log::active_segment::ActiveSegment;
use crate::storage::log::log_end::UnsealedSegment;
use crate::storage::log::log_writer::LogWriter;
use crate::storage::log::standby::{Standby, StandbyState};
use crate::storage::segment::{Segment, sync_segments};
use crate::sync::Arc;
use crate::{Error, Result};

impl LogWriter {
    /// Returns the id of a standby segment to be made, once, if the active segment holds as many
    /// bytes as this.
    pub(crate) fn request_standby(&mut self, bytes_min: u64) -> Result<Option<SegmentId>> {
        if !self.is_standby_due(bytes_min) {
            return Ok(None);
        }
        let id = self.take_segment_id()?;
        self.standby = StandbyState::Requested(id);
        Ok(Some(id))
    }

    /// Returns true if a standby segment is to be made.
    pub(crate) fn is_standby_due(&self, bytes_min: u64) -> bool {
        let is_due = self.active.as_ref().is_some_and(|active| active.offset >= bytes_min);
        is_due && matches!(self.standby, StandbyState::None)
    }

    /// Returns true if there is an active segment that is not full.
    pub(crate) fn has_active(&self) -> bool {
        let bytes_max = self.environment.segment_bytes_max;
        self.active.as_ref().is_some_and(|active| active.offset < bytes_max)
    }

    /// Takes the standby segment that was requested; `None` if it could not be made.
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

    /// Returns the lowest id that a segment which is begun from now on may have.
    pub(crate) fn next_begun(&self) -> SegmentId {
        match &self.standby {
            StandbyState::Requested(id) => *id,
            StandbyState::Ready(standby) => standby.id(),
            StandbyState::None | StandbyState::Failed => self.next_segment,
        }
    }

    /// Seals the active segment, so that it can be compacted; the next append begins another.
    pub(crate) fn seal(&mut self, accounting: &mut Accounting) -> Result<()> {
        self.retire_active();
        self.mark_sealed(accounting)
    }

    /// Seals every segment that holds a batch. Returns all segments but an empty active one, lowest
    /// id first: nothing is appended to them any more.
    pub(crate) fn seal_written(
        &mut self,
        accounting: &mut Accounting,
    ) -> Result<Vec<Arc<Segment>>> {
        let is_empty = |active: &ActiveSegment| active.offset == SEGMENT_HEADER_BYTES as u64;
        if !self.active.as_ref().is_none_or(is_empty) {
            self.retire_active();
        }
        self.mark_sealed(accounting)?;
        let mut segments = self.table.all();
        segments.retain(|segment| Some(segment.id()) != self.active());
        Ok(segments)
    }

    /// Returns an active segment that is not full, which it begins if there is none.
    pub(super) fn take_active(&mut self, accounting: &mut Accounting) -> Result<&ActiveSegment> {
        if !self.has_active() {
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

    /// Begins the segment that follows the last one.
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
            durable: self.syncs.durable,
            previous: self.last_written,
        };
        if let Err(error) = unbegun.file().write_at(&header.encode(), 0) {
            self.keep(unbegun);
            return Err(Error::io("begin the segment", &path, error));
        }
        let segment = Arc::new(Segment::new(header, path, Arc::clone(unbegun.file())));
        // The header is durable before anything follows it, so that a damaged one is never mistaken
        // for one that was being written.
        unless_planted!(SkipHeaderSync => sync_segments([&segment])?);
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

    /// Keeps the file of a segment that could not be begun as standby, unless there will be
    /// another.
    fn keep(&mut self, unbegun: Standby) {
        if matches!(self.standby, StandbyState::None | StandbyState::Failed) {
            self.standby = StandbyState::Ready(unbegun);
        }
    }

    /// Returns the standby segment, or a new file where there is none.
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

    /// Seals the segments before the active one, so that their end is known without a successor.
    pub(crate) fn mark_sealed(&mut self, accounting: &mut Accounting) -> Result<()> {
        while let Some(UnsealedSegment { end, next_sequence }) = self.unsealed.front_mut() {
            end.append_mark(FrameKind::Seal, self.syncs.numbers(*next_sequence))?;
            let (segment, offset) = (Arc::clone(&end.segment), end.offset);
            self.unsealed.pop_front();
            accounting.set_length(segment.id(), offset);
            accounting.seal(segment.id());
            self.sealed.push(Arc::clone(&segment));
            self.syncs.note_write(segment);
        }
        Ok(())
    }

    /// Makes the active segment one that waits for its seal.
    pub(super) fn retire_active(&mut self) {
        if let Some(active) = self.active.take() {
            self.last_written = active.segment.id();
            self.is_marked = false;
            let next_sequence = self.next_sequence;
            self.unsealed.push_back(UnsealedSegment { end: active, next_sequence });
        }
    }
}
