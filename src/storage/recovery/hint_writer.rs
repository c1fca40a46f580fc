//! Writing the hint of a sealed segment, in steps beside the writer.
//!
//! A hint is written only after its segment was synced with everything before it in the log, so
//! that a power loss cannot undo what the hint lists. The hint itself is never synced: one that a
//! power loss cuts short does not match its checksum.

use crate::bugs::unless_planted;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameKind};
use crate::storage::format::hint;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::recovery::sorted_run::SortedRunBuilder;
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::{FrameScan, NextFrame};
use crate::storage::segment::sync_segments;
use crate::sync::Arc;
use crate::{Error, Result};

/// The bytes of the segment that one step reads.
const STEP_BYTES: u64 = 1 << 20;

/// A hint that is being written.
pub(crate) struct HintWriter {
    environment: LogEnvironment,
    segment: Arc<Segment>,
    phase: HintPhase,
}

enum HintPhase {
    /// These segments, oldest first, are to be synced first.
    Sync(Vec<Arc<Segment>>),
    /// The segment is read from this offset on.
    Read { offset: u64, builder: SortedRunBuilder },
    /// All of the segment was read; `header` precedes the entries of the hint.
    Write { header: Vec<u8>, builder: SortedRunBuilder },
    /// The hint is written.
    Finished,
}

impl HintWriter {
    /// Returns a writer of the hint of a sealed segment. `unsynced` are the segments up to it that
    /// are not synced yet.
    pub(crate) fn new(
        environment: LogEnvironment,
        segment: Arc<Segment>,
        unsynced: Vec<Arc<Segment>>,
    ) -> Self {
        Self { environment, segment, phase: HintPhase::Sync(unsynced) }
    }

    /// Does a bounded amount of work, but sorts all keys at once. Returns true once the hint is
    /// written.
    pub(crate) fn step(&mut self) -> Result<bool> {
        self.phase = match std::mem::replace(&mut self.phase, HintPhase::Finished) {
            HintPhase::Sync(unsynced) => {
                unless_planted!(HintBeforeSync => sync_segments(&unsynced)?);
                HintPhase::Read {
                    offset: SEGMENT_HEADER_BYTES as u64,
                    builder: SortedRunBuilder::default(),
                }
            }
            HintPhase::Read { offset, builder } => self.read(offset, builder)?,
            HintPhase::Write { header, builder } => {
                let mut bytes = builder.sort(header);
                hint::set_checksum(&mut bytes);
                self.write(&bytes)?;
                HintPhase::Finished
            }
            HintPhase::Finished => HintPhase::Finished,
        };
        Ok(matches!(self.phase, HintPhase::Finished))
    }

    fn read(&self, from: u64, mut builder: SortedRunBuilder) -> Result<HintPhase> {
        let segment = &*self.segment;
        let mut scan = FrameScan::resume(segment, from)?;
        while scan.offset() < from + STEP_BYTES {
            let offset = scan.offset();
            let corrupt = |reason| Error::corrupt(&segment.path, offset, reason);
            let frame = match scan.next()? {
                NextFrame::Valid(frame) if frame.header.kind == FrameKind::Seal => break,
                NextFrame::Valid(frame) => frame,
                NextFrame::End => return Err(corrupt("its seal is missing")),
                NextFrame::Invalid(reason) => return Err(corrupt(reason)),
            };
            for (record, extent) in &frame.records {
                builder.add(record, frame.header.numbers.sequence, *extent);
            }
        }
        let (offset, length) = (scan.offset(), scan.length());
        if offset < length {
            return Ok(HintPhase::Read { offset, builder });
        }
        let mut seal = [0; FRAME_HEADER_BYTES];
        let read = segment.file.read_at(&mut seal, length - FRAME_HEADER_BYTES as u64);
        read.map_err(|error| Error::io("read", &segment.path, error))?;
        Ok(HintPhase::Write { header: hint::header(&segment.header, length, &seal), builder })
    }

    fn write(&self, hint: &[u8]) -> Result<()> {
        let name = file_name::hint(self.segment.id());
        self.environment.create(&name)?.write_at(hint, 0).map_err(|error| {
            // A part of a hint does no harm but for the space it takes.
            let _ = self.environment.remove(&name);
            Error::io("write", &self.environment.path_of(&name), error)
        })
    }
}
