//! The messages of the writer.

use super::batch::Batch;
use super::change_ring::ChangeRing;
use super::compaction_calls::CompactionCall;
use super::write_path::{BackupReply, Submission, SyncReply, WriteReply};
use super::writer_stats::WriterStats;
use crate::Error;
use crate::actor::Reply;
use crate::engine::{Delivery, JobKind};
use crate::sync::Arc;

/// A message to the writer.
pub(crate) enum WriterMessage {
    /// Apply these batches in order, each by itself.
    Write {
        /// The batches.
        batches: Vec<Batch>,
        /// The reply with their outcomes.
        reply: WriteReply,
    },
    /// Make everything before this durable.
    Sync {
        /// The reply with the result.
        reply: SyncReply,
    },
    /// Say which files hold everything before this, for a backup.
    Backup {
        /// The reply with the files.
        reply: BackupReply,
    },
    /// Compact everything that holds something dead.
    Compact(CompactionCall),
    /// Keep the latest changes in a ring from now on, if there is none yet.
    Record {
        /// The reply with the ring.
        reply: Reply<Arc<ChangeRing>>,
    },
    /// Say what was done.
    Stats {
        /// The reply with the figures.
        reply: Reply<WriterStats>,
    },
    /// A turn on another thread left something to do that is the business of the writer's own.
    Upkeep,
    /// Time has passed: sync and compact what is due.
    Tick,
    /// A job delivered a result. Unless that was its last, the job waits until the writer has
    /// applied it: so its next delivery waits behind the messages that callers send meanwhile.
    Delivered {
        /// The result.
        delivery: Delivery,
        /// The job is done.
        is_last: bool,
    },
    /// A job of this kind failed.
    JobFailed(JobKind, Error),
}

impl From<Submission> for WriterMessage {
    fn from(Submission { batches, reply }: Submission) -> Self {
        Self::Write { batches, reply }
    }
}
