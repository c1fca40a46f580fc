//! The changes to the disk that an open makes, collected until the whole log was judged: a store
//! that is refused stays as it is, for whoever has to repair it.

use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::segment::Segment;
use crate::sync::Arc;
use crate::{Error, Result};

/// Changes that are still to be made.
#[derive(Default)]
pub(crate) struct Cleanup {
    /// Unfinished files of a crash, and files that were replaced.
    leftovers: Vec<String>,
    /// Segments behind a torn end, oldest first.
    behind: Vec<Arc<Segment>>,
    /// Segments to be cut, with the offset at which they end.
    cuts: Vec<(Arc<Segment>, u64)>,
}

impl Cleanup {
    /// Adds a file to be removed.
    pub(crate) fn leave_over(&mut self, name: String) {
        self.leftovers.push(name);
    }

    /// Adds a segment to be cut at `offset`.
    pub(crate) fn cut(&mut self, segment: &Arc<Segment>, offset: u64) {
        self.cuts.push((Arc::clone(segment), offset));
    }

    /// Adds segments behind a torn end, to be removed.
    pub(crate) fn drop_behind(&mut self, segments: &[Arc<Segment>]) {
        self.behind.extend_from_slice(segments);
    }

    /// Makes the changes, durably.
    pub(crate) fn apply(self, environment: &LogEnvironment) -> Result<()> {
        let sync =
            || environment.directory.sync().map_err(|e| Error::io("sync", &environment.path, e));
        if !self.leftovers.is_empty() {
            // Else a compaction output could lose its name after the segments that it replaced are
            // gone.
            sync()?;
            for name in &self.leftovers {
                let path = environment.path_of(name);
                log::info!("removing {}, which a crash left behind", path.display());
                environment.remove(name)?;
            }
            sync()?;
        }
        // The newest first: a crash in between must not leave a gap.
        let mut behind = self.behind.iter().rev();
        behind.try_for_each(|segment| environment.remove(&file_name::segment(segment.id())))?;
        if !self.behind.is_empty() {
            sync()?;
        }
        for (segment, offset) in &self.cuts {
            let cut = segment.file.set_length(*offset).and_then(|()| segment.sync());
            cut.map_err(|e| Error::io("cut the torn end off", &segment.path, e))?;
        }
        Ok(())
    }
}
