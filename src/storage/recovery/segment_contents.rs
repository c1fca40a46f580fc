//! The contents of one segment, from its hint if there is one that fits, or else from every frame.
//!
//! Nothing here depends on other segments, so that several can be read at once. The
//! [judgement](super::judgement) decides what the contents mean.

use crate::storage::environment::LogEnvironment;
use crate::storage::format::frame::{FrameHeader, FrameKind, FrameNumbers};
use crate::storage::format::segment_header::Origin;
use crate::storage::format::sequence::Sequence;
use crate::storage::recovery::hint_reader::Hint;
use crate::storage::recovery::progress::SegmentProgress;
use crate::storage::recovery::sorted_run::{RunSummary, SortedRun, SortedRunBuilder};
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::{Frame, FrameScan, NextFrame};
use crate::{Error, Result};

/// The contents of a segment.
pub(crate) struct SegmentContents {
    /// The records up to the stop.
    pub(crate) run: SortedRun,
    pub(crate) summary: RunSummary,
    pub(crate) stop: Stop,
    /// The length of the file.
    pub(crate) length: u64,
    /// The highest sequence number that any frame says is durable.
    pub(crate) durable: Sequence,
    /// The hint was read instead of the segment.
    pub(crate) is_hinted: bool,
    /// The outcome where the hint was compared with the segment.
    pub(crate) hint_check: Option<HintCheck>,
}

/// The outcome of comparing a hint with its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HintCheck {
    /// It has an entry for each record, and no other.
    Same,
    /// An open would not use it.
    Unusable,
    /// An open would use it, and find other records than there are.
    Different,
}

/// The use that is made of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HintUse {
    /// It is not read, or there is none.
    Nothing,
    /// It is read in place of its segment.
    InPlace,
    /// It is compared with its segment.
    Comparison,
}

/// The position at which reading stopped.
pub(crate) struct Stop {
    pub(crate) offset: u64,
    /// Everything before this offset is known to be durable.
    pub(crate) durable_end: u64,
    /// The sequence number that is expected next.
    pub(crate) expected: Sequence,
    /// The segment is marked as sealed there.
    pub(crate) is_sealed: bool,
    /// The store was closed there.
    pub(crate) is_closed: bool,
    /// The reason for stopping before the end of the file, unless only zeros follow.
    pub(crate) invalid: Option<&'static str>,
}

/// The facts that reading a segment begins with.
#[derive(Clone, Copy)]
pub(crate) struct WantedContents {
    /// The sequence number that batches of a written segment are below, if that is known.
    pub(crate) limit: Option<Sequence>,
    /// A sequence number up to which everything is durable.
    pub(crate) durable: Sequence,
    pub(crate) hint: HintUse,
}

impl SegmentContents {
    /// Reads a segment; of a written one batches below the limit until one is not as expected.
    pub(crate) fn of(
        environment: &LogEnvironment,
        segment: &Segment,
        wanted: WantedContents,
        progress: SegmentProgress<'_>,
    ) -> Result<Self> {
        let WantedContents { limit, durable, hint } = wanted;
        if hint == HintUse::InPlace
            && let Some(hint) = Hint::read(environment, segment)
            && limit.is_none_or(|limit| hint.seal.numbers.sequence == limit)
        {
            progress.finish(hint.length);
            return Ok(Self::of_hint(hint));
        }
        let mut scan = FrameScan::new(segment)?;
        let builder = SortedRunBuilder::default();
        let mut reader = ContentsReader { segment, durable, builder, progress };
        let stop = match segment.header.origin {
            Origin::Compacted => reader.read_compacted(&mut scan)?,
            Origin::Written => reader.read_written(&mut scan, limit)?,
        };
        let (length, durable) = (scan.length(), reader.durable);
        reader.progress.finish(length);
        let run = SortedRun::new(segment.id(), reader.builder.sort(Vec::new()), 0, length);
        let (run, summary) = run.ok_or_else(|| {
            Error::corrupt(&segment.path, 0, "its records contradict one another")
        })?;
        // Damage before the seal is noticed without the hint.
        let is_whole = stop.is_sealed && stop.offset == length;
        let hint_check = (hint == HintUse::Comparison && is_whole)
            .then(|| compare_hint(&run, Hint::read(environment, segment)));
        Ok(Self { run, summary, stop, length, durable, is_hinted: false, hint_check })
    }

    fn of_hint(hint: Hint) -> Self {
        let Hint { length, seal, run, summary } = hint;
        let stop = Stop {
            offset: length,
            // It was synced before the hint was written.
            durable_end: length,
            expected: seal.numbers.sequence,
            is_sealed: true,
            is_closed: false,
            invalid: None,
        };
        let durable = seal.numbers.durable;
        Self { run, summary, stop, length, durable, is_hinted: true, hint_check: None }
    }
}

/// Compares the hint that there is with the run that was read from its segment.
fn compare_hint(run: &SortedRun, hint: Option<Hint>) -> HintCheck {
    match hint {
        None => HintCheck::Unusable,
        Some(hint) if hint.run.from(None).eq(run.from(None)) => HintCheck::Same,
        Some(_) => HintCheck::Different,
    }
}

/// The frames of a segment that are being read.
struct ContentsReader<'a> {
    segment: &'a Segment,
    durable: Sequence,
    builder: SortedRunBuilder,
    progress: SegmentProgress<'a>,
}

impl ContentsReader<'_> {
    fn add(&mut self, frame: &Frame<'_>) {
        for (record, extent) in &frame.records {
            self.builder.add(record, frame.header.numbers.sequence, *extent);
        }
    }

    fn corrupt(&self, offset: u64, reason: &str) -> Error {
        Error::corrupt(&self.segment.path, offset, reason)
    }

    /// Reads a compacted segment, in which anything wrong is damage.
    fn read_compacted(&mut self, scan: &mut FrameScan<'_>) -> Result<Stop> {
        let (mut seal, mut newest) = (None, Sequence::ZERO);
        loop {
            let offset = scan.offset();
            self.progress.note_offset(offset);
            match (scan.next()?, seal) {
                (NextFrame::Valid(frame), None) => match frame.header.kind {
                    FrameKind::Batch => {
                        newest = newest.max(frame.header.numbers.sequence);
                        self.add(&frame);
                    }
                    FrameKind::Seal if frame.header.numbers.durable < newest => {
                        return Err(
                            self.corrupt(offset, "it holds a newer batch than its seal states")
                        );
                    }
                    FrameKind::Seal => seal = Some(frame.header.numbers),
                    FrameKind::Replaces => {}
                    FrameKind::Close => return Err(self.corrupt(offset, "a mark is out of place")),
                },
                (NextFrame::Valid(_), Some(_)) => {
                    return Err(self.corrupt(offset, "bytes follow its seal"));
                }
                (NextFrame::End, Some(FrameNumbers { sequence, durable })) => {
                    self.durable = durable;
                    return Ok(Stop {
                        offset,
                        durable_end: offset,
                        expected: sequence,
                        is_sealed: true,
                        is_closed: false,
                        invalid: None,
                    });
                }
                (NextFrame::End, None) => return Err(self.corrupt(offset, "its seal is missing")),
                (NextFrame::Invalid(reason), _) => return Err(self.corrupt(offset, reason)),
            }
        }
    }

    /// Reads batches below `limit` until one is not as expected.
    fn read_written(&mut self, scan: &mut FrameScan<'_>, limit: Option<Sequence>) -> Result<Stop> {
        self.durable = self.durable.max(self.segment.header.durable);
        let mut expected = self.segment.header.base;
        let (mut is_sealed, mut is_closed) = (false, false);
        let mut durable_end = 0;
        let (offset, invalid) = loop {
            let offset = scan.offset();
            self.progress.note_offset(offset);
            match scan.next()? {
                NextFrame::End => break (offset, None),
                NextFrame::Invalid(reason) => break (offset, Some(reason)),
                NextFrame::Valid(frame) => {
                    let FrameHeader { kind, numbers, .. } = frame.header;
                    if numbers.sequence != expected
                        || (kind == FrameKind::Batch
                            && limit.is_some_and(|limit| expected >= limit))
                    {
                        break (offset, Some("a batch is missing before this one"));
                    }
                    self.durable = self.durable.max(numbers.durable);
                    if expected <= self.durable.next() {
                        durable_end = offset;
                    }
                    is_closed = kind == FrameKind::Close;
                    match kind {
                        FrameKind::Batch => {
                            expected = expected.next();
                            self.add(&frame);
                        }
                        FrameKind::Close => {}
                        FrameKind::Replaces => break (offset, Some("a mark is out of place")),
                        FrameKind::Seal => {
                            is_sealed = true;
                            let end = scan.offset();
                            let rest = (end < scan.length()).then_some("bytes follow its seal");
                            break (end, rest);
                        }
                    }
                }
            }
        };
        let is_preallocated = invalid.is_some() && scan.is_zero_from(offset)?;
        let invalid = invalid.filter(|_| !is_preallocated);
        Ok(Stop { offset, durable_end, expected, is_sealed, is_closed, invalid })
    }
}
