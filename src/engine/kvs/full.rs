//! The write half on a full disk; what it refuses and lets go is up to the
//! [`Reserve`](crate::storage::log::reserve).

use super::KvsWriter;
use super::jobs::ReserveJob;
use super::writer::Placed;
use crate::bugs::{Bug, if_planted, planted};
use crate::engine::{BackgroundJob, Group, WriteHalf};
use crate::storage::format::file_name;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::log::reserve::{Kept, with_reserve};
use crate::{Error, Result};

/// Garbage of a segment that is worth a compaction on a full disk, as a part of a full segment.
const GARBAGE_PART: u64 = 64;

impl KvsWriter {
    /// Appends a group; on a full disk lets go of what there is for one that frees space.
    pub(super) fn append(&mut self, group: &Group, placed: &mut Placed) -> Result<()> {
        if let Some(error) = self.reserve.refusal(group) {
            return Err(error);
        }
        loop {
            placed.clear();
            let note = |segment, extent| placed.push((segment, extent));
            let error = match self.log.append(group, &mut self.accounting, note) {
                Err(error) if error.is_out_of_space() => error,
                done => return done,
            };
            self.reserve.note_failed_write(self.log.environment(), &error, group.bytes());
            if !group.only_removes() || self.reserve.full().is_none() {
                return Err(error);
            }
            if !self.give_way(group.removes_ranges()) {
                self.reserve.note_exhausted();
                return Err(error);
            }
        }
    }

    /// Lets go of something that takes space; false if there is nothing left.
    fn give_way(&mut self, frees_much: bool) -> bool {
        let environment = self.log.environment();
        let kept = if frees_much { Kept::Nothing } else { Kept::Half };
        self.reserve.let_go(environment, kept) || self.remove_hints()
    }

    /// Removes every hint, which only makes the next open slower; false if there was none.
    fn remove_hints(&self) -> bool {
        if_planted!(HoldReserve => return false);
        let directory = &self.log.environment().directory;
        let segments = self.log.table().all();
        // A segment that is damaged can be opened again only with its hint.
        let removed = segments.iter().filter(|segment| !segment.is_damaged()).filter(|segment| {
            let is_removed = directory.remove(&file_name::hint(segment.id())).is_ok();
            segment.set_hinted(false);
            is_removed
        });
        removed.count() > 0
    }

    /// Chooses what to compact on a full disk: what has the least to keep, as far as its output has
    /// space once the reserve is let go.
    pub(super) fn choose_when_full(&mut self) -> Result<Vec<SegmentId>> {
        let environment = self.log.environment().clone();
        let Self { log, reserve, accounting, .. } = self;
        with_reserve(reserve, &environment, || log.mark_sealed(accounting))?;
        for kept in [Kept::Eighth, Kept::Nothing] {
            let chosen = self.choose_emptiest(self.reserve.output_bytes_max(&environment, kept))?;
            if !chosen.is_empty() {
                self.reserve.let_go(&environment, kept);
                return Ok(chosen);
            }
        }
        if self.has_garbage() {
            // It needs more space than there is.
            self.remove_hints();
        }
        Ok(Vec::new())
    }

    /// Chooses the emptiest segments, or the active one if there is nothing else.
    fn choose_emptiest(&mut self, output_max: u64) -> Result<Vec<SegmentId>> {
        let garbage_min = self.garbage_min();
        let Self { log, reserve, accounting, .. } = self;
        let chosen = accounting.choose_emptiest(garbage_min, output_max);
        if let Some(active) = log.active()
            && chosen.is_empty()
            && accounting.is_worth_sealing(active, garbage_min, output_max)
        {
            let environment = log.environment().clone();
            with_reserve(reserve, &environment, || log.seal(accounting))?;
            return Ok(accounting.choose_emptiest(garbage_min, output_max));
        }
        Ok(chosen)
    }

    /// Returns true if something could be freed with enough space for it.
    fn has_garbage(&mut self) -> bool {
        let garbage_min = self.garbage_min();
        !self.accounting.choose_emptiest(garbage_min, u64::MAX).is_empty()
    }

    fn garbage_min(&self) -> u64 {
        self.compaction_bytes_min.min(self.log.environment().segment_bytes_max / GARBAGE_PART)
    }

    /// Returns true if nothing stands in the way of another compaction.
    ///
    /// A drain does: a record that it has yet to mark as dead would be taken for live and copied,
    /// perhaps without the range removal that it is dead by, and come back at the next open.
    pub(super) fn may_compact(&self) -> bool {
        let is_drained = !self.is_draining() || planted(Bug::CompactUndrained);
        self.compaction.is_idle() && self.hint_in_progress.is_none() && is_drained
    }

    /// Returns true if a compaction is to be looked for, which on a full disk is whenever something
    /// may have changed.
    pub(super) fn is_compaction_due(&mut self) -> bool {
        match self.reserve.full() {
            Some(_) if self.reserve.is_making() => false,
            _ if self.pass.is_wanted() => true,
            None => self.accounting.is_worth_a_look(self.compaction_bytes_min),
            Some(_) => {
                let is_due = self.reserve.take_compaction_due();
                is_due || self.accounting.is_worth_a_look(self.reserve.garbage_bytes_min())
            }
        }
    }

    /// Notes that a compaction failed, or could not begin.
    pub(super) fn note_failed_compaction(&mut self, error: &Error) {
        self.reserve.note_failed_compaction(self.log.environment(), error);
    }

    /// Returns the job that makes the reserve, if there is something to do. What a compaction on a
    /// full disk has for its output is not taken from it.
    pub(super) fn offer_reserve(&mut self) -> Option<Box<dyn BackgroundJob>> {
        if !self.compaction.is_idle() && self.reserve.full().is_some() {
            return None;
        }
        let allocation = self.reserve.begin(self.log.environment(), self.accounting.bytes())?;
        Some(Box::new(ReserveJob(allocation)))
    }
}
