//! Writes the hint of a sealed segment beside the writer, in steps.

use crate::bugs::{Bug, planted};
use crate::storage::format::file_name;
use crate::storage::format::hint::{Hint, set_checksum};
use crate::storage::format::record::{FRAME_HEADER_BYTES, FrameKind};
use crate::storage::log::{Place, sync_segments};
use crate::storage::recovery::sorted_run::RunBuilder;
use crate::storage::segment::frame_scan::{Next, Scan};
use crate::storage::segment::{HEADER_BYTES, Segment};
use crate::sync::Arc;
use crate::{Error, Result};

/// How much of the segment one step reads.
const STEP_BYTES: u64 = 1 << 20;

/// A hint that is being made.
pub(crate) struct Hinting {
    place: Place,
    segment: Arc<Segment>,
    phase: Phase,
}

enum Phase {
    /// These, oldest first, are to be made durable before anything is said of the segment.
    Sync(Vec<Arc<Segment>>),
    /// The segment is read from this offset on.
    Read { offset: u64, builder: RunBuilder },
    /// All of it was read; these are the hint's bytes before the entries.
    Write { header: Vec<u8>, builder: RunBuilder },
    /// The hint is there.
    Finished,
}

impl Hinting {
    /// Begins the hint of a sealed segment; what precedes it in the log, and it, may be `unsynced`.
    pub(crate) fn new(place: Place, segment: Arc<Segment>, unsynced: Vec<Arc<Segment>>) -> Self {
        Self { place, segment, phase: Phase::Sync(unsynced) }
    }

    /// Does a bounded amount of work, but that it sorts all keys at once; whether the hint is there.
    pub(crate) fn step(&mut self) -> Result<bool> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Sync(unsynced) => {
                if !planted(Bug::HintBeforeSync) {
                    sync_segments(&unsynced)?;
                }
                Phase::Read { offset: HEADER_BYTES as u64, builder: RunBuilder::default() }
            }
            Phase::Read { offset, builder } => self.read(offset, builder)?,
            Phase::Write { header, builder } => {
                let mut hint = builder.sort(header);
                set_checksum(&mut hint);
                self.write(&hint)?;
                Phase::Finished
            }
            Phase::Finished => Phase::Finished,
        };
        Ok(matches!(self.phase, Phase::Finished))
    }

    fn read(&self, from: u64, mut builder: RunBuilder) -> Result<Phase> {
        let segment = &*self.segment;
        let mut scan = Scan::resume(segment, from)?;
        while scan.offset() < from + STEP_BYTES {
            let offset = scan.offset();
            let corrupt = |reason| Error::corrupt(&segment.path, offset, reason);
            let frame = match scan.next()? {
                Next::Frame(frame) if frame.header.kind == FrameKind::Seal => break,
                Next::Frame(frame) => frame,
                Next::End => return Err(corrupt("its end is missing")),
                Next::Invalid(reason) => return Err(corrupt(reason)),
            };
            for (record, extent) in &frame.records {
                if !builder.add(record, frame.header.sequence, *extent) {
                    return Err(corrupt("the record is too long"));
                }
            }
        }
        let (offset, length) = (scan.offset(), scan.length());
        if offset < length {
            return Ok(Phase::Read { offset, builder });
        }
        let mut seal = [0; FRAME_HEADER_BYTES];
        let read = segment.file.read_at(&mut seal, length - FRAME_HEADER_BYTES as u64);
        read.map_err(|error| Error::io("read", &segment.path, error))?;
        Ok(Phase::Write { header: Hint::header(segment, length, &seal), builder })
    }

    fn write(&self, hint: &[u8]) -> Result<()> {
        let name = file_name::hint(self.segment.id());
        self.place.create(&name)?.write_at(hint, 0).map_err(|error| {
            // A part of a hint does no harm but for the space it takes.
            let _ = self.place.remove(&name);
            Error::io("write", &self.place.path_of(&name), error)
        })
    }
}
