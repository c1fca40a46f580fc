//! The facts that an open found.

use std::path::PathBuf;

/// The facts that opening a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecoveryReport {
    /// The number of segments.
    pub(crate) segments: usize,
    /// The number of segments whose hint was read instead.
    pub(crate) hinted: usize,
    /// The number of hints that did not describe their segment.
    pub(crate) doubted: usize,
    /// The number of records.
    pub(crate) records: u64,
    /// The log was closed cleanly.
    pub(crate) is_clean: bool,
    /// The bytes of a torn tail, those of whole segments behind it included.
    pub(crate) dropped_bytes: u64,
    /// The segment and the offset that the torn tail was cut off at.
    pub(crate) truncated_at: Option<(PathBuf, u64)>,
}
