//! The seam between a store and whoever applies its writes.

use std::time::Duration;

use super::batch::Batch;
use super::change_ring::ChangeRing;
use super::outcome::BatchOutcome;
use super::writer_stats::WriterStats;
use crate::actor::{Gone, Reply};
use crate::engine::BackupPoint;
use crate::sync::Arc;
use crate::{CompactProgress, CompactReport, MailboxStats, Result as StoreResult, WatchStats};

/// The right to the outcomes of submitted batches, one for each.
pub(crate) type WriteReply = Reply<Vec<BatchOutcome>>;

/// The right to the result of a sync.
pub(crate) type SyncReply = Reply<StoreResult<()>>;

/// The right to the files of a store at one point in time; `None` where it has none.
pub(crate) type BackupReply = Reply<StoreResult<Option<BackupPoint>>>;

/// The right to the result of a compaction pass; `None` where there is no such thing.
pub(crate) type CompactReply = Reply<StoreResult<Option<CompactReport>>>;

/// The way that writes take from a store; whoever is at its end decides and acknowledges them.
///
/// Any thread may use it. Writes of one thread to one key take effect in the order in which they
/// were handed over, and a sync covers every write that was acknowledged before it. [`Gone`] means
/// that nobody is at the end any more, so that the outcome of a write in progress is not known.
pub(crate) trait WritePath: Send + Sync {
    /// Applies a batch; blocks until it is acknowledged or refused.
    fn apply(&self, batch: Batch) -> Result<BatchOutcome, Gone>;

    /// Applies batches, each by itself, in order, if that can be done at once on this thread; else
    /// gives them back.
    fn try_apply(&self, batches: Vec<Batch>)
    -> Result<Result<Vec<BatchOutcome>, Gone>, Vec<Batch>>;

    /// Returns true if every write waits for the disk.
    fn waits_for_disk(&self) -> bool;

    /// Hands batches over without blocking, each to be applied by itself, in order.
    ///
    /// Gives them back if there is no room for them at present, or nobody at the end.
    fn submit(&self, submission: Submission) -> Result<(), Submission>;

    /// Hands batches over as [`submit`](Self::submit) does; blocks until there is room for them.
    fn hand_over(&self, submission: Submission) -> Result<(), Gone>;

    /// Makes every acknowledged write survive power loss; blocks until it is done.
    fn sync(&self) -> Result<StoreResult<()>, Gone>;

    /// Asks for a sync without blocking; gives the reply back where [`submit`](Self::submit) would.
    fn submit_sync(&self, reply: SyncReply) -> Result<(), SyncReply>;

    /// Returns the files that hold every acknowledged write, for a backup; `None` if there are none
    /// that can be copied while more is written. Blocks until the writes before it are done.
    fn backup_point(&self) -> Result<StoreResult<Option<BackupPoint>>, Gone>;

    /// Compacts everything that holds something dead; `None` if there is nothing to compact in this
    /// engine. Blocks until that is done, and meanwhile calls the function on this thread, some
    /// times a second; an error of it ends the wait, and not the compaction.
    fn compact(
        &self,
        on_look: &mut dyn FnMut(Option<CompactProgress>) -> StoreResult<()>,
    ) -> Result<StoreResult<Option<CompactReport>>, Gone>;

    /// Returns the latest changes in memory; it has every write that no read saw before this was
    /// called. The first call blocks until the writes before it are done.
    fn changes(&self) -> Result<Arc<ChangeRing>, Gone>;

    /// Returns the figures of what applies the writes. Waits for it, no longer than `wait` if there
    /// is one; the figures that it has are `None` if it does not answer.
    fn stats(&self, wait: Option<Duration>) -> WritePathStats;

    /// Makes whoever applies the writes look for something to do.
    fn wake(&self);

    /// Returns true if nobody is at the end any more, so that nothing will be taken again.
    fn is_gone(&self) -> bool;
}

/// The figures of what applies the writes.
pub(crate) struct WritePathStats {
    pub(super) mailboxes: MailboxStats,
    pub(super) watches: WatchStats,
    pub(super) writer: Option<WriterStats>,
}

/// Batches that are handed over, or were given back.
pub(crate) struct Submission {
    /// The batches.
    pub(crate) batches: Vec<Batch>,
    /// The reply to their submitter, which must not block.
    pub(crate) reply: WriteReply,
}
