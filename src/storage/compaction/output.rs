//! The segment that a compaction writes.

use std::io;

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
pub(crate) struct CompactionOutput {
    pub(super) header: SegmentHeader,
    pub(crate) file: Arc<dyn File>,
    environment: LogEnvironment,
    codec: FrameCodec,
    /// The bytes that are in the file.
    written: u64,
    /// The bytes that follow them.
    buffer: Vec<u8>,
    pub(crate) has_its_name: bool,
}

impl CompactionOutput {
    /// Creates the unfinished output, which lists the segments that it replaces.
    pub(crate) fn create(
        environment: &LogEnvironment,
        id: SegmentId,
        replaced: impl Iterator<Item = SegmentId>,
    ) -> Result<Self> {
        let header = SegmentHeader {
            origin: Origin::Compacted,
            store: environment.store,
            id,
            base: Sequence::ZERO,
            durable: Sequence::ZERO,
            previous: SegmentId(0),
        };
        let file = environment.create(&file_name::unfinished(id))?;
        let replaced: Vec<u64> = replaced.map(|id| id.0).collect();
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
    pub(crate) fn unfinished(&self) -> String {
        file_name::unfinished(self.header.id)
    }

    /// Returns the error of a failed action on the file.
    pub(crate) fn failed(&self, action: &'static str, error: io::Error) -> Error {
        Error::io(action, &self.environment.path_of(&self.unfinished()), error)
    }

    /// Appends a record in a frame of its own, and returns its extent.
    pub(super) fn copy(&mut self, record: &Record<'_>, sequence: Sequence) -> Result<Extent> {
        let mut placed = None;
        self.encode(std::iter::once(*record), sequence, |extent| placed = Some(extent))?;
        placed.ok_or_else(too_large)
    }

    /// Appends a batch.
    pub(crate) fn copy_batch<'a>(
        &mut self,
        records: impl Iterator<Item = Record<'a>>,
        sequence: Sequence,
    ) -> Result<()> {
        self.encode(records, sequence, |_| {})
    }

    fn encode<'a>(
        &mut self,
        records: impl Iterator<Item = Record<'a>>,
        sequence: Sequence,
        placed: impl FnMut(Extent),
    ) -> Result<()> {
        let numbers = FrameNumbers { sequence, durable: Sequence::ZERO };
        let encoded =
            self.codec.encode_batch(records, numbers, self.written, &mut self.buffer, placed);
        encoded.map_err(|TooLarge| too_large())
    }

    /// Appends a mark.
    pub(crate) fn mark(
        &mut self,
        kind: FrameKind,
        body: &[u8],
        numbers: FrameNumbers,
    ) -> Result<()> {
        let marked = self.codec.encode_mark(kind, body, numbers, self.written, &mut self.buffer);
        marked.map_err(|TooLarge| too_large())
    }

    /// Returns the bytes that were appended and not written.
    pub(crate) fn unwritten(&self) -> usize {
        self.buffer.len()
    }

    /// Writes what was appended.
    pub(crate) fn flush(&mut self) -> Result<()> {
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
