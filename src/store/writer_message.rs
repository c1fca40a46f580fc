//! The messages of the writer.

use super::batch::Batch;
use super::write_path::{SyncReply, WriteReply};
use crate::Error;
use crate::engine::{BackgroundJob, Delivery, JobKind};

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
    /// Time has passed: sync and compact what is due.
    Tick,
    /// A job delivered a result, and is sent back if it has more to do: so its next delivery waits
    /// behind the messages that callers send meanwhile.
    Delivered(Delivery, Option<Box<dyn BackgroundJob>>),
    /// A job of this kind failed.
    JobFailed(JobKind, Error),
}
