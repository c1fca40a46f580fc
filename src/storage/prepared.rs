//! The file of a segment that is made ahead, so that the writer need not wait for names and blocks to become
//! durable when it begins the segment.
//!
//! It is as long as a segment's header, and all zeros until the writer overwrites them in place: that is one
//! sync of a block which is already there. It gets its name when its length is durable, so a crash leaves either
//! an unfinished file or one that is told from every other segment by its length.

use std::path::PathBuf;

use super::fs::{File, FileSystem};
use super::log::Place;
use super::names::{self, SegmentId};
use super::segment::HEADER_BYTES;
use crate::bugs::{Bug, planted};
use crate::sync::Arc;
use crate::{Error, Result};

/// What is known of the file of the next segment.
pub(super) enum Preparation {
    /// Nobody was asked for one.
    None,
    /// One with this id is being made.
    Running(SegmentId),
    Ready(Prepared),
    /// It could not be made, so the next segment is begun without it.
    Failed,
}

/// A segment without a header; its file is removed if nobody begins it.
pub(crate) struct Prepared {
    id: SegmentId,
    path: PathBuf,
    file: Arc<dyn File>,
    /// None once it was begun.
    file_system: Option<Arc<dyn FileSystem>>,
}

impl Prepared {
    /// Makes the file, durably.
    pub(crate) fn make(place: &Place, id: SegmentId) -> Result<Self> {
        let file_system = &place.file_system;
        let unfinished = names::unfinished(&place.directory, id);
        let file = file_system.create(&unfinished);
        let file = file.map_err(|e| Error::io("create", &unfinished, e))?;
        let file_system = Some(Arc::clone(file_system));
        let mut prepared = Self { id, path: unfinished, file, file_system };
        prepared.finish(place)?;
        Ok(prepared)
    }

    fn finish(&mut self, place: &Place) -> Result<()> {
        let written = self.file.write_at(&[0; HEADER_BYTES], 0);
        written.map_err(|e| Error::io("write", &self.path, e))?;
        if !planted(Bug::PrepareUnsynced) {
            self.file.sync().map_err(|e| Error::io("sync", &self.path, e))?;
        }
        let path = names::segment(&place.directory, self.id);
        let renamed = place.file_system.rename(&self.path, &path);
        renamed.map_err(|e| Error::io("rename", &self.path, e))?;
        self.path = path;
        if planted(Bug::SkipDirectorySync) { Ok(()) } else { place.sync_directory() }
    }

    /// The segment's id.
    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    /// Its path and its file, for whoever begins it.
    pub(super) fn into_file(mut self) -> (PathBuf, Arc<dyn File>) {
        self.file_system = None;
        (std::mem::take(&mut self.path), Arc::clone(&self.file))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(file_system) = self.file_system.take() {
            // The next open removes what is left if this fails.
            let _ = file_system.remove(&self.path);
        }
    }
}
