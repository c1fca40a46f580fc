//! What a watch tells.

use std::fmt;

use super::change::{Change, ChangeBatch};
use super::watch_filter::WatchFilter;
use crate::sync::Arc;

/// An event of a [`Watch`](crate::Watch).
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// A batch was committed that changed something of what is watched. A write of one key is a
    /// batch, too.
    Committed(CommittedBatch),
    /// Changes were not kept for long enough, or were never: of these versions, and of no others,
    /// nothing is told. The watch goes on with the one behind them.
    ///
    /// Whoever keeps a copy reads it anew, after this event. It may be that nothing of what is
    /// watched was changed.
    Missed {
        /// The lowest version that was missed.
        first: u64,
        /// The highest one.
        last: u64,
    },
}

/// The changes by one committed batch to what is watched, in the order of the batch, with keys and
/// values.
///
/// Everything that a batch did to a keyspace within the range of the watch is in one of these.
/// Cloning is cheap: all clones, and the events of all watches, share one copy of the batch, which
/// lives as long as one of them.
#[derive(Clone)]
pub struct CommittedBatch {
    pub(super) batch: Arc<ChangeBatch>,
    pub(super) filter: Arc<WatchFilter>,
}

impl CommittedBatch {
    /// Returns the sequence number of the commit, which is the version of every key that it set.
    ///
    /// Later batches have higher numbers. Some are of batches that failed, and are never seen.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.batch.version().0
    }

    /// Returns the changes, in order: of two changes of a key the later one counts. There is at
    /// least one.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        self.filter.of(&self.batch)
    }
}

impl fmt::Debug for CommittedBatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes().count();
        let mut shown = formatter.debug_struct("CommittedBatch");
        shown.field("version", &self.version()).field("changes", &changes).finish_non_exhaustive()
    }
}
