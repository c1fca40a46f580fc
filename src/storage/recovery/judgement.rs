//! The judgement where the log ends, and whether what is missing was torn off or is damage.
//!
//! Batches in written segments have consecutive sequence numbers, so the readable log ends at the
//! first place that does not hold the expected batch. Every frame and every segment header says up
//! to which sequence number everything was durable when it was written. If anything behind the bad
//! place says so of the missing batch, the log is damaged and the open is refused; else that batch
//! was never promised to survive power loss, and it is dropped together with everything behind it.
//! That a valid batch follows proves nothing by itself, because unsynced writes reach the disk in
//! any order.
//!
//! Batches that are missing without a trace behind them are known from the clean-shutdown marker:
//! the log may not end before its end at the last clean close.

use std::ops::ControlFlow;

use crate::bugs::{Bug, planted};
use crate::findings::Finding;
use crate::storage::format::file_name;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::sequence::Sequence;
use crate::storage::log::UnsealedSegment;
use crate::storage::log::active_segment::ActiveSegment;
use crate::storage::recovery::log_tail::LogTail;
use crate::storage::recovery::recover::Recovery;
use crate::storage::recovery::segment_contents::{SegmentContents, Stop};
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::FrameScan;
use crate::sync::Arc;
use crate::{Error, Result};

impl Recovery<'_> {
    /// Judges where a written segment ends; breaks behind a torn end.
    pub(super) fn take_written(
        &mut self,
        written: &[Arc<Segment>],
        position: usize,
        contents: SegmentContents,
        tail: &mut LogTail,
    ) -> Result<ControlFlow<()>> {
        let segment = &written[position];
        tail.next_sequence = tail.next_sequence.max(self.newest_compacted.next());
        if segment.header.base > tail.next_sequence {
            let reason = "the batches before it are missing";
            self.damages.note(Error::corrupt(&segment.path, 0, reason))?;
        }
        self.durable = self.durable.max(contents.durable);
        let length = contents.length;
        let stop = self.take(segment, contents);
        let next = written.get(position + 1);
        let limit = next.filter(|next| next.header.previous == segment.id());
        let is_whole = match (limit, next) {
            (Some(limit), _) => stop.expected == limit.header.base,
            (None, Some(_)) => stop.is_sealed,
            // Without a seal nothing may follow it, so it holds everything that was durable.
            (None, None) => {
                stop.invalid.is_none() && (stop.is_sealed || self.newest_compacted < stop.expected)
            }
        };
        if !is_whole {
            if let Err(damage) = self.refuse_damage(&written[position..], &stop) {
                self.damages.note(damage)?;
                return self.go_on_behind(written, position, &stop, tail);
            }
            self.drop_tail(&written[position..], &stop)?;
        } else if stop.offset < length {
            // Either a rolled-back group, excluded by the next segment's base sequence, or
            // preallocated zeros.
            self.cleanup.cut(segment, stop.offset);
            if stop.invalid.is_some() {
                let reason = "everything that was promised is before them; the next open cuts them \
                              off";
                let (offset, bytes) = (Some(stop.offset), Some(length - stop.offset));
                self.damages.add_note(Finding::new(&segment.path, offset, bytes, reason));
            }
        }
        self.accounting.set_length(segment.id(), stop.offset);
        tail.durable_ends.push(stop.durable_end);
        tail.next_sequence = tail.next_sequence.max(stop.expected);
        tail.last_end = stop.expected;
        tail.last_offset = stop.offset;
        let end = ActiveSegment::new(Arc::clone(segment), stop.offset);
        tail.is_clean = stop.is_closed && is_whole && next.is_none();
        if !stop.is_sealed {
            self.accounting.unseal(segment.id());
            tail.unsealed.push_back(UnsealedSegment { end, next_sequence: stop.expected });
        }
        Ok(if is_whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    /// Returns an error if the batch that is missing at the stop was known to be durable.
    fn refuse_damage(&self, segments: &[Arc<Segment>], stop: &Stop) -> Result<()> {
        if planted(Bug::CutDamage) || !self.is_known_durable(segments, stop)? {
            return Ok(());
        }
        let reason = stop.invalid.unwrap_or("the log ends here");
        let reason = format!("{reason}, although this part of the log had been synced");
        Err(Error::corrupt(&segments[0].path, stop.offset, reason))
    }

    /// Returns true if anything says that the batch which is missing at the stop was durable. The
    /// frames are looked at last: they take reading everything behind the stop.
    fn is_known_durable(&self, segments: &[Arc<Segment>], stop: &Stop) -> Result<bool> {
        let headers = segments[1..].iter().map(|segment| segment.header.durable);
        let noted = headers.fold(self.newest_compacted.max(self.durable), Sequence::max);
        if noted >= stop.expected {
            return Ok(true);
        }
        for (position, segment) in segments.iter().enumerate() {
            let from = if position == 0 { stop.offset } else { SEGMENT_HEADER_BYTES as u64 };
            let later = FrameScan::resume(segment, from)?.later_headers(from)?;
            if later.iter().any(|header| header.numbers.durable >= stop.expected) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns an error if the log ends before its end at the last clean close.
    pub(super) fn refuse_missing_end(
        &self,
        written: &[Arc<Segment>],
        tail: &LogTail,
    ) -> Result<()> {
        let closed_at =
            self.clean_shutdown.map_or(Sequence::ZERO, |clean_shutdown| clean_shutdown.sequence);
        if tail.next_sequence > closed_at || planted(Bug::CutDamage) {
            return Ok(());
        }
        let reason = format!(
            "batches {} to {closed_at} are missing behind it, although they were there when the \
             store was closed",
            tail.next_sequence
        );
        match written[..tail.durable_ends.len()].last() {
            Some(last) => Err(Error::corrupt(&last.path, tail.last_offset, reason)),
            None => Err(Error::corrupt(&self.environment.path, 0, reason)),
        }
    }

    /// Plans to cut the first segment at the stop and to remove the others, which are behind it.
    fn drop_tail(&mut self, segments: &[Arc<Segment>], stop: &Stop) -> Result<()> {
        let offset = stop.offset;
        for segment in &segments[1..] {
            self.report.dropped_bytes += segment.length()?;
            if self.hinted.contains(&segment.id()) {
                // Durably before the segment: its id may be given again.
                self.cleanup.leave_over(file_name::hint(segment.id()));
            }
        }
        if stop.invalid.is_some() {
            self.report.dropped_bytes += segments[0].length()?.saturating_sub(offset);
        }
        self.report.truncated_at = Some((segments[0].path.clone(), offset));
        self.cleanup.drop_behind(&segments[1..]);
        self.cleanup.cut(&segments[0], offset);
        Ok(())
    }
}
