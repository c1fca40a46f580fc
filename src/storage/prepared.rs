//! The file of a segment that is made ahead, so that the writer need not wait for names and blocks to become
//! durable when it begins the segment.
//!
//! It is as long as a segment's header, and all zeros until the writer overwrites them in place: that is one
//! sync of a block which is already there. It gets its name when its length is durable, so a crash leaves either
//! an unfinished file or one that is told from every other segment by its length.

use super::fs::{Directory, File};
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
    name: String,
    file: Arc<dyn File>,
    /// None once it was begun.
    directory: Option<Arc<dyn Directory>>,
}

impl Prepared {
    /// Makes the file, durably.
    pub(crate) fn make(place: &Place, id: SegmentId) -> Result<Self> {
        let name = names::unfinished(id);
        let file = place.create(&name)?;
        let directory = Some(Arc::clone(&place.directory));
        let mut prepared = Self { id, name, file, directory };
        prepared.finish(place)?;
        Ok(prepared)
    }

    fn finish(&mut self, place: &Place) -> Result<()> {
        let failed = |action, error| Error::io(action, &place.path_of(&self.name), error);
        self.file.write_at(&[0; HEADER_BYTES], 0).map_err(|e| failed("write", e))?;
        if !planted(Bug::PrepareUnsynced) {
            self.file.sync().map_err(|e| failed("sync", e))?;
        }
        let name = names::segment(self.id);
        place.rename(&self.name, &name)?;
        self.name = name;
        if planted(Bug::SkipDirectorySync) { Ok(()) } else { place.sync_directory() }
    }

    /// The segment's id.
    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    /// Returns its file to whoever begins it.
    pub(super) fn into_file(mut self) -> Arc<dyn File> {
        self.directory = None;
        Arc::clone(&self.file)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(directory) = self.directory.take() {
            // The next open removes what is left if this fails.
            let _ = directory.remove(&self.name);
        }
    }
}
