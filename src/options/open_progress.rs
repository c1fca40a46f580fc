//! The progress of opening a store, as a program is told of it.

use std::fmt;

use crate::sync::Arc;

/// The part of an opening that is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OpenPhase {
    /// The segments of the log are read, or their hints.
    Reading,
    /// Keys that were read are put into the index. A store of very many keys is read and indexed by
    /// turns.
    Indexing,
    /// The store is open.
    Finished,
}

impl fmt::Display for OpenPhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Reading => "reading",
            Self::Indexing => "indexing",
            Self::Finished => "finished",
        })
    }
}

/// The progress of opening a store; see [`Options::on_open_progress`](crate::Options::on_open_progress).
///
/// None of the numbers ever goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenProgress {
    /// The part that is being done.
    pub phase: OpenPhase,
    /// The bytes of the segments that were read so far. One whose hint was read counts as a whole.
    pub bytes_read: u64,
    /// The bytes of all segments. Only the `kvs` engine has some.
    pub bytes_total: u64,
    /// The records that were put into the index so far, or found to be dead.
    pub records_indexed: u64,
    /// The records that were found so far, and all there are from the moment on at which all bytes
    /// are read.
    pub records_found: u64,
}

/// A function that is told of the progress of an opening.
#[derive(Clone)]
pub(crate) struct ProgressCallback(pub(crate) Arc<dyn Fn(OpenProgress) + Send + Sync>);

impl fmt::Debug for ProgressCallback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a function")
    }
}
