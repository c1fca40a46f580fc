//! The segment that a compaction writes.

use std::io;

use crate::storage::compaction::plan::CompactionPlan;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::codec::{FrameCodec, TooLarge};
use crate::storage::format::file_name;
use crate::storage::format::frame::{FRAME_BODY_BYTES_MAX, FrameKind, FrameNumbers};
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_header::{Origin, SegmentHeader};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::fs::File;
use crate::sync::Arc;
use crate::{Error, Result};

/// The segment that a compaction writes. Its file is removed unless it gets its name.
pub(super) struct CompactionOutput {
    pub(super) header: SegmentHeader,
    pub(super) file: Arc<dyn File>,
    environment: LogEnvironment,
    codec: FrameCodec,
    /// The bytes that are in the file.
    written: u64,
    /// The bytes that follow them.
    buffer: Vec<u8>,
    pub(super) has_its_name: bool,
}

impl CompactionOutput {
    /// Creates the unfinished output, which lists the inputs that it replaces.
    pub(super) fn create(plan: &CompactionPlan) -> Result<Self> {
        let CompactionPlan { environment, inputs, output: id, .. } = plan;
        let header = SegmentHeader {
            origin: Origin::Compacted,
            store: environment.store,
            id: *id,
            base: Sequence::ZERO,
            durable: Sequence::ZERO,
            previous: SegmentId(0),
        };
        let file = environment.create(&file_name::unfinished(*id))?;
        let replaced: Vec<u64> = inputs.iter().map(|input| input.segment.id().0).collect();
        let mut output = Self {
            header,
            file,
            environment: environment.clone(),
            codec: header.codec(),
            written: 0,
            buffer: header.encode().to_vec(),
            has_its_name: false,
        };
        let list = postcard::to_stdvec(&replaced).map_err(|_| too_large())?;
        output.mark(
            FrameKind::Replaces,
            &list,
            FrameNumbers { sequence: Sequence::ZERO, durable: Sequence::ZERO },
        )?;
        Ok(output)
    }

    /// Returns the name it has until it is complete.
    pub(super) fn unfinished(&self) -> String {
        file_name::unfinished(self.header.id)
    }

    /// Returns the error of a failed action on the file.
    pub(super) fn failed(&self, action: &'static str, error: io::Error) -> Error {
        Error::io(action, &self.environment.path_of(&self.unfinished()), error)
    }

    /// Appends a record in a frame of its own, and returns its extent.
    pub(super) fn copy(&mut self, record: &Record<'_>, sequence: Sequence) -> Result<Extent> {
        let mut placed = None;
        let base = self.written;
        let records = std::iter::once(*record);
        let numbers = FrameNumbers { sequence, durable: Sequence::ZERO };
        let encoded = self
            .codec
            .encode_batch(records, numbers, base, &mut self.buffer, |extent| placed = Some(extent));
        encoded.map_err(|TooLarge| too_large())?;
        placed.ok_or_else(too_large)
    }

    /// Appends a mark.
    pub(super) fn mark(
        &mut self,
        kind: FrameKind,
        body: &[u8],
        numbers: FrameNumbers,
    ) -> Result<()> {
        let marked = self.codec.encode_mark(kind, body, numbers, self.written, &mut self.buffer);
        marked.map_err(|TooLarge| too_large())
    }

    /// Writes what was appended.
    pub(super) fn flush(&mut self) -> Result<()> {
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

fn too_large() -> Error {
    Error::BatchTooLarge { bytes: FRAME_BODY_BYTES_MAX, bytes_max: FRAME_BODY_BYTES_MAX }
}
