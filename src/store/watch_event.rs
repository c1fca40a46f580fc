//! Events: the batches that a watch tells, and the versions that it missed.

use std::fmt;

use super::change::{Change, ChangeBatch};
use super::watch_filter::WatchFilter;
use crate::sync::Arc;

/// An event of a [`Watch`](crate::Watch).
///
/// ```
/// # use kvs::WatchEvent;
/// # let directory = tempfile::tempdir()?;
/// // Room for one change of this size, and not for two.
/// let store = kvs::Store::open(kvs::Options::new(directory.path()).watch_bytes(1000))?;
/// let mut watch = store.watch(..)?;
/// for key in ["a", "b", "c"] {
///     store.set(key, vec![0; 600])?;
/// }
/// let Some(WatchEvent::Missed { first, last }) = watch.next() else { panic!() };
/// assert_eq!(last - first, 1); // a and b
/// let Some(WatchEvent::Committed(batch)) = watch.next() else { panic!() };
/// assert_eq!(batch.version(), last + 1); // c
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
///
/// ```
/// # use kvs::{Change, WatchEvent};
/// # let directory = tempfile::tempdir()?;
/// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// let mut watch = store.watch("b"..)?;
/// let mut batch = kvs::WriteBatch::new();
/// batch.set("a", "not watched");
/// batch.set("b", "1");
/// batch.remove("b");
/// store.write(batch)?;
/// let Some(WatchEvent::Committed(batch)) = watch.next() else { panic!() };
/// let set = Change::Set { key: b"b", value: b"1", expires_at: None };
/// assert!(batch.changes().eq([set, Change::Removed { key: b"b" }]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CommittedBatch {
    pub(super) batch: Arc<ChangeBatch>,
    pub(super) filter: Arc<WatchFilter>,
}

impl CommittedBatch {
    /// Returns a batch that another process tells of, with the changes that concern its watch.
    pub(crate) fn told<'c>(version: u64, changes: impl Iterator<Item = Change<'c>>) -> Self {
        let batch = Arc::new(ChangeBatch::told(version, changes));
        Self { batch, filter: Arc::new(WatchFilter::default()) }
    }

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
