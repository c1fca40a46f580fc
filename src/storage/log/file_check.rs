//! The check that the files of an open log are still there.

use crate::Result;
use crate::storage::environment::check_linked;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::log::log_writer::LogWriter;
use crate::sync::Arc;

/// The most sealed segments that one check looks at.
const SEGMENTS_CHECKED: usize = 64;

impl LogWriter {
    /// Returns an error if the directory, the active segment or one of the next few others was
    /// removed or replaced. `removing` are segments that a compaction may be removing.
    pub(crate) fn check_files(&mut self, removing: &[SegmentId]) -> Result<()> {
        check_linked(&self.environment.path, self.environment.directory.links())?;
        let mut segments = self.table.after(self.last_checked, SEGMENTS_CHECKED);
        // After the last one it begins again with the first.
        let last = segments.last().filter(|_| segments.len() == SEGMENTS_CHECKED);
        self.last_checked = last.map_or(SegmentId(0), |last| last.id());
        segments.extend(self.active.as_ref().map(|active| Arc::clone(&active.segment)));
        let mut segments = segments.iter().filter(|segment| !removing.contains(&segment.id()));
        segments.try_for_each(|segment| check_linked(&segment.path, segment.file.links()))
    }
}
