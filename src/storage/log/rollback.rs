//! Rolling back a group whose append failed.

use std::io;

use crate::Error;
use crate::bugs::if_planted;
use crate::storage::compaction::accounting::Accounting;
use crate::storage::format::file_name;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::log::log_writer::LogWriter;
use crate::sync::Arc;

impl LogWriter {
    /// Cuts a failed append off, so that the next one begins a new segment.
    ///
    /// Should the disk bring the failed batches back, recovery excludes them by the base of the
    /// segment that follows. In the same segment a later batch could be lost and be replaced by a
    /// failed one at the same offset, where the file got the same blocks again and their new
    /// contents did not reach the disk.
    pub(super) fn roll_back(&mut self, accounting: &mut Accounting, error: io::Error) -> Error {
        let Some(active) = &mut self.active else {
            return Error::Closed;
        };
        let (segment, offset) = (Arc::clone(&active.segment), active.offset);
        let failed = Error::io("append to", &segment.path, error).at_offset(offset);
        if_planted!(SkipUndo => return failed);
        // Without a sync a power loss could bring back whole batches of a group that failed.
        if let Err(error) = active.cut().and_then(|()| segment.sync()) {
            let error = Error::io("cut the failed append off", &segment.path, error);
            return Error::UnknownOutcome(Arc::new(error));
        }
        // Nothing is in it: without this, every retry on a full disk would leave an empty file.
        let is_removed = offset == SEGMENT_HEADER_BYTES as u64
            && self.environment.directory.remove(&file_name::segment(segment.id())).is_ok();
        if is_removed {
            self.active = None;
            self.has_removed = true;
            self.table.remove(&[segment.id()]);
            accounting.remove(segment.id());
        } else {
            self.retire_active();
        }
        failed
    }
}
