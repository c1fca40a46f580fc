//! The file of a segment that is made ahead, so that the writer need not wait for names and blocks to become
//! durable when it begins the segment.
//!
//! It is as long as a segment's header, and all zeros until the writer overwrites them in place: that is one
//! sync of a block which is already there. It gets its name when its length is durable, so a crash leaves either
//! an unfinished file or one that is told from every other segment by its length.
//!
//! A segment that is not made ahead has no name of its own either before its header is durable. If
//! it cannot be begun, its file waits for the next attempt, so that writes which fail one after the
//! other leave one file and use one id.

use crate::bugs::{Bug, planted, unless_planted};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::fs::{Directory, File};
use crate::sync::Arc;
use crate::{Error, Result};

/// What is known of the file of the next segment.
pub(crate) enum StandbyState {
    /// Nobody was asked for one.
    None,
    /// One with this id is being made.
    Requested(SegmentId),
    Ready(Standby),
    /// It could not be made, so the next segment is begun without it.
    Failed,
}

/// A segment without a header; its file is removed if nobody begins it.
pub(crate) struct Standby {
    id: SegmentId,
    name: String,
    file: Arc<dyn File>,
    /// None once it was begun.
    directory: Option<Arc<dyn Directory>>,
}

impl Standby {
    /// Makes the file, durably.
    pub(crate) fn make(environment: &LogEnvironment, id: SegmentId) -> Result<Self> {
        let mut standby = Self::create(environment, id)?;
        standby.finish(environment)?;
        Ok(standby)
    }

    /// Makes a file that is no segment yet.
    pub(crate) fn create(environment: &LogEnvironment, id: SegmentId) -> Result<Self> {
        let name = file_name::unfinished(id);
        let file = environment.create(&name)?;
        Ok(Self { id, name, file, directory: Some(Arc::clone(&environment.directory)) })
    }

    fn finish(&mut self, environment: &LogEnvironment) -> Result<()> {
        let failed = |action, error| Error::io(action, &environment.path_of(&self.name), error);
        self.file.write_at(&[0; SEGMENT_HEADER_BYTES], 0).map_err(|e| failed("write", e))?;
        unless_planted!(PrepareUnsynced => self.file.sync().map_err(|e| failed("sync", e))?);
        self.rename(environment)?;
        if planted(Bug::SkipDirectorySync) { Ok(()) } else { environment.sync_directory() }
    }

    /// Gives it the name of a segment, if it has another; true if it had, so that the name may be
    /// lost again.
    pub(crate) fn rename(&mut self, environment: &LogEnvironment) -> Result<bool> {
        let name = file_name::segment(self.id);
        if self.name == name {
            return Ok(false);
        }
        environment.rename(&self.name, &name)?;
        self.name = name;
        Ok(true)
    }

    /// Its file.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// The segment's id.
    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    /// Leaves its file to whoever began it.
    pub(crate) fn begun(mut self) {
        self.directory = None;
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        if let Some(directory) = self.directory.take() {
            // The next open removes what is left if this fails.
            let _ = directory.remove(&self.name);
        }
    }
}
