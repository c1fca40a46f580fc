//! Reading on behind a damage that was noted, to find the others.

use std::ops::ControlFlow;

use crate::Result;
use crate::findings::Finding;
use crate::storage::format::frame::{FrameHeader, FrameKind};
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES};
use crate::storage::format::sequence::Sequence;
use crate::storage::recovery::log_tail::LogTail;
use crate::storage::recovery::recover::Recovery;
use crate::storage::recovery::segment_contents::Stop;
use crate::storage::recovery::sorted_run::{SortedRun, SortedRunBuilder};
use crate::storage::segment::Segment;
use crate::storage::segment::segment_walk::{PartContents, SegmentWalk, WalkedFrame};
use crate::sync::Arc;

impl Recovery<'_> {
    /// Goes on behind a written segment that is damaged at the stop, with the next one.
    pub(super) fn go_on_behind(
        &mut self,
        written: &[Arc<Segment>],
        position: usize,
        stop: &Stop,
        tail: &mut LogTail,
    ) -> Result<ControlFlow<()>> {
        let segment = &written[position];
        let next = written.get(position + 1);
        let below = next.map_or(Sequence::MAX, |next| next.header.base);
        let newest = self.read_behind(segment, stop.offset, below)?;
        let follows = next.filter(|next| next.header.previous == segment.id());
        let base = follows.map_or(Sequence::ZERO, |next| next.header.base);
        tail.durable_ends.push(stop.durable_end);
        tail.next_sequence = tail.next_sequence.max(stop.expected).max(newest.next()).max(base);
        tail.last_offset = stop.offset;
        Ok(ControlFlow::Continue(()))
    }

    /// Goes on behind a compacted segment that is damaged, of which no record was taken.
    pub(super) fn go_on_behind_compacted(
        &mut self,
        segment: &Arc<Segment>,
    ) -> Result<ControlFlow<()>> {
        self.note_unread(segment)?;
        self.read_behind(segment, SEGMENT_HEADER_BYTES as u64, Sequence::MAX)?;
        Ok(ControlFlow::Continue(()))
    }

    fn note_unread(&mut self, segment: &Segment) -> Result<()> {
        self.report.segments += 1;
        self.accounting.add(segment.id(), segment.header.origin, segment.length()?, true);
        Ok(())
    }

    /// Goes on behind a written segment that contradicts itself, of which no record was taken.
    pub(super) fn go_on_behind_unread(
        &mut self,
        segments: &[Arc<Segment>],
        position: usize,
        tail: &mut LogTail,
    ) -> Result<ControlFlow<()>> {
        self.note_unread(&segments[position])?;
        let offset = SEGMENT_HEADER_BYTES as u64;
        let expected = segments[position].header.base;
        let (durable_end, is_sealed, is_closed) = (offset, false, false);
        let stop = Stop { offset, durable_end, expected, is_sealed, is_closed, invalid: None };
        self.go_on_behind(segments, position, &stop, tail)
    }

    /// Notes every damage from an offset on, and takes the records of whole batches below a
    /// sequence number. Returns the highest sequence number of these.
    fn read_behind(&mut self, segment: &Segment, offset: u64, below: Sequence) -> Result<Sequence> {
        let (mut newest, mut builder) = (Sequence::ZERO, SortedRunBuilder::default());
        let mut walk = SegmentWalk::new(segment, offset)?;
        while let Some(part) = walk.next()? {
            let damage = match &part.contents {
                PartContents::Frame(frame) => {
                    if frame.damage.is_none() && frame.header.numbers.sequence < below {
                        newest = newest.max(take_batch(frame, &mut builder));
                    }
                    let FrameHeader { kind, numbers, .. } = frame.header;
                    if kind == FrameKind::Seal && segment.header.origin == Origin::Compacted {
                        self.newest_compacted = self.newest_compacted.max(numbers.durable);
                    }
                    frame.damage
                }
                PartContents::Damaged(reason) => Some(*reason),
                PartContents::Zeros => None,
            };
            if let Some(reason) = damage {
                let (offset, bytes) = (Some(part.offset), Some(part.length));
                self.damages.add(Finding::new(&segment.path, offset, bytes, reason));
            }
        }
        let run = builder.sort(Vec::new());
        if let Some((run, summary)) = SortedRun::new(segment.id(), run, 0, walk.length()) {
            self.report.records += summary.entries;
            self.loader.add(run, summary.removals);
        }
        Ok(newest)
    }
}

/// Takes the records of a valid batch; returns its sequence number, or zero for a mark.
fn take_batch(frame: &WalkedFrame<'_>, builder: &mut SortedRunBuilder) -> Sequence {
    let sequence = frame.header.numbers.sequence;
    if frame.header.kind != FrameKind::Batch {
        return Sequence::ZERO;
    }
    for (record, extent) in frame.valid_records() {
        builder.add(record, sequence, extent);
    }
    sequence
}
