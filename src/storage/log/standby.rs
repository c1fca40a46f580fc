//! The standby segment: the file of the next segment, made ahead, so that the writer does not wait
//! for a name and a block to become durable when it begins that segment.
//!
//! It is as long as the header of a segment, and all zeros until the writer overwrites them in
//! place, with one sync of a block that is already there. It gets its name when its length is
//! durable, so a crash leaves either an unfinished file or one that differs from every other
//! segment by its length.
//!
//! Without a standby the next segment has no name either before its header is durable. If it cannot
//! be begun, its file becomes the standby of the next attempt, so that writes which fail one after
//! the other leave one file and use one id.

use crate::bugs::{Bug, planted, unless_planted};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::fs::{Directory, File};
use crate::sync::Arc;
use crate::{Error, Result};

/// The state of the standby segment.
pub(crate) enum StandbyState {
    /// None was requested.
    None,
    /// One with this id is being made.
    Requested(SegmentId),
    Ready(Standby),
    /// It could not be made: the next segment is begun without one.
    Failed,
}

/// A segment without a header. Its file is removed unless it is begun.
pub(crate) struct Standby {
    id: SegmentId,
    name: String,
    file: Arc<dyn File>,
    /// `None` once it was begun.
    directory: Option<Arc<dyn Directory>>,
}

impl Standby {
    /// Makes the file and its name durable.
    pub(crate) fn make(environment: &LogEnvironment, id: SegmentId) -> Result<Self> {
        let mut standby = Self::create(environment, id)?;
        standby.finish(environment)?;
        Ok(standby)
    }

    /// Creates a file that is no segment yet.
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

    /// Gives it the name of a segment. Returns true if it had another name before, so that a power
    /// loss may undo it.
    pub(crate) fn rename(&mut self, environment: &LogEnvironment) -> Result<bool> {
        let name = file_name::segment(self.id);
        if self.name == name {
            return Ok(false);
        }
        environment.rename(&self.name, &name)?;
        self.name = name;
        Ok(true)
    }

    /// Returns its file.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// Returns the id of the segment.
    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    /// Leaves its file to the segment that was begun in it.
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
