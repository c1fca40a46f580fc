//! An open segment.

use std::io;
use std::path::PathBuf;

use crate::bugs::if_planted;
use crate::storage::format::codec::FrameCodec;
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameKind};
use crate::storage::format::segment_header::SegmentHeader;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::fs::File;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock};
use crate::{Error, Result};

/// An open segment. Bytes that were written to it never change.
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn File>,
    pub(crate) codec: FrameCodec,
    /// A sync of it failed; held while one runs.
    sync_failed: Mutex<bool>,
    /// The next open reads its hint instead.
    pub(super) is_hinted: AtomicBool,
    /// A read found damage in it.
    pub(super) is_damaged: AtomicBool,
}

impl Segment {
    /// Wraps an open file.
    pub(crate) fn new(header: SegmentHeader, path: PathBuf, file: Arc<dyn File>) -> Self {
        let codec = header.codec();
        Self {
            header,
            path,
            file,
            codec,
            sync_failed: Mutex::new(false),
            is_hinted: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
        }
    }

    /// Makes its contents survive power loss; once that has failed, it always fails.
    ///
    /// The operating system reports a failure to one caller and then forgets it, together with the
    /// bytes that it could not write: later and concurrent syncs would succeed although these are
    /// lost.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut failed = lock(&self.sync_failed);
        if *failed {
            return Err(io::Error::other("an earlier sync of it failed"));
        }
        if_planted!(RetrySync => return self.file.sync().or_else(|_| self.file.sync()));
        self.file.sync().inspect_err(|_| *failed = true)
    }

    /// Returns the segment's id.
    pub(crate) fn id(&self) -> SegmentId {
        self.header.id
    }

    /// Returns true if a read found damage in it.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Returns true if the next open reads its hint instead of it.
    pub(crate) fn is_hinted(&self) -> bool {
        self.is_hinted.load(Ordering::Relaxed)
    }

    /// Notes whether the next open reads the segment's hint instead of it.
    pub(crate) fn set_hinted(&self, is_hinted: bool) {
        self.is_hinted.store(is_hinted, Ordering::Relaxed);
    }

    /// Returns true if the file ends with a seal, so that nothing is appended to it any more.
    pub(crate) fn is_sealed(&self) -> Result<bool> {
        let mut seal = [0; FRAME_HEADER_BYTES];
        let Some(offset) = self.length()?.checked_sub(seal.len() as u64) else {
            return Ok(false);
        };
        let read = self.file.read_at(&mut seal, offset);
        read.map_err(|error| Error::io("read", &self.path, error).at_offset(offset))?;
        let header = self.codec.decode_header(&seal, offset);
        Ok(header.is_some_and(|header| header.kind == FrameKind::Seal))
    }

    /// Returns the length of the file.
    pub(crate) fn length(&self) -> Result<u64> {
        self.file.length().map_err(|error| Error::io("read the length of", &self.path, error))
    }
}

/// Syncs segments, oldest first. After a failure it is not known what is on the disk.
pub(crate) fn sync_segments<'a>(
    segments: impl IntoIterator<Item = &'a Arc<Segment>>,
) -> Result<()> {
    for segment in segments {
        segment.sync().map_err(|error| {
            Error::UnknownOutcome(Arc::new(Error::io("sync", &segment.path, error)))
        })?;
    }
    Ok(())
}
