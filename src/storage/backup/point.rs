//! The segments of a log at one point in time.

use crate::Result;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::CleanShutdown;
use crate::storage::log::clean_shutdown_file;
use crate::storage::recovery::{DamagePolicy, open_segments};
use crate::storage::segment::Segment;
use crate::sync::Arc;

/// The segments of a log at one point in time, with open handles: they stay readable whatever
/// becomes of their names.
pub(crate) struct BackupPoint {
    /// The environment of the log.
    pub(crate) environment: LogEnvironment,
    /// The segments, lowest id first. They do not change while the point is there: nothing is ever
    /// appended to those that an open log has given, nor to a directory whose lock is held.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The clean-shutdown marker that belongs to them, so that a loss of the end is noticed.
    pub(crate) marker: Option<CleanShutdown>,
}

impl BackupPoint {
    /// Returns what a closed log holds, whose lock the caller has.
    pub(crate) fn at_rest(environment: LogEnvironment) -> Result<Self> {
        let marker = clean_shutdown_file::read(&environment)?;
        let inventory = open_segments(&environment, marker.as_ref(), &mut DamagePolicy::Refuse)?;
        let mut segments = inventory.compacted;
        segments.extend(inventory.written);
        segments.sort_by_key(|segment| segment.id());
        for segment in &segments {
            segment.set_hinted(inventory.hinted.contains(&segment.id()));
        }
        Ok(Self { environment, segments, marker })
    }

    /// Returns the bytes of all segments.
    pub(crate) fn bytes(&self) -> Result<u64> {
        self.segments.iter().map(|segment| segment.length()).sum()
    }
}
