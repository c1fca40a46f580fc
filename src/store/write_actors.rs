//! The write path of an engine in this process: the address of the writer actor.

use std::io;
use std::time::Duration;

use super::batch::Batch;
use super::maintenance::{self, Maintenance};
use super::outcome::BatchOutcome;
use super::write_path::{Submission, SyncReply, WritePath};
use super::writer::{self, Writer, WriterParts};
use super::writer_message::WriterMessage;
use crate::actor::{ActorThread, Address, Gone, Reply, mailbox, spawn};
use crate::{Durability, Result as StoreResult};

/// The time from one look at syncs and compactions to the next, unless a shorter one is asked for.
const TICK: Duration = Duration::from_secs(1);

/// The running writer and maintenance actors.
///
/// They are dropped in the order of the fields: the last address closes the mailbox of the writer,
/// which ends the writer, which ends maintenance.
pub(super) struct WriteActors {
    writer: Address<WriterMessage>,
    _writer_thread: ActorThread,
    _maintenance_thread: ActorThread,
}

impl WriteActors {
    /// Starts the actors.
    pub(super) fn start(parts: WriterParts) -> io::Result<Self> {
        let (writer, writer_inbox) = mailbox(writer::MAILBOX_MESSAGES);
        let (jobs, jobs_inbox) = mailbox(maintenance::MAILBOX_JOBS);
        let interval = match parts.durability {
            Durability::Interval(interval) => interval.min(TICK),
            Durability::Always | Durability::Never => TICK,
        };
        let maintenance = Maintenance::new(writer.downgrade(), interval);
        let actor = Writer::new(parts, jobs);
        let maintenance_thread = spawn("kvs-maintenance", maintenance, jobs_inbox)?;
        let writer_thread = spawn("kvs-writer", actor, writer_inbox)?;
        Ok(Self { writer, _writer_thread: writer_thread, _maintenance_thread: maintenance_thread })
    }
}

impl WritePath for WriteActors {
    fn apply(&self, batch: Batch) -> Result<BatchOutcome, Gone> {
        let (reply, answer) = Reply::channel();
        let message = WriterMessage::Write { batches: vec![batch], reply };
        self.writer.send(message).map_err(|_| Gone)?;
        // One batch has one outcome.
        answer.wait()?.pop().ok_or(Gone)
    }

    fn submit(&self, Submission { batches, reply }: Submission) -> Result<(), Submission> {
        let message = WriterMessage::Write { batches, reply };
        self.writer.try_send(message).map_err(|message| match message {
            WriterMessage::Write { batches, reply } => Submission { batches, reply },
            _ => unreachable!("a mailbox gives back what it was given"),
        })
    }

    fn sync(&self) -> Result<StoreResult<()>, Gone> {
        let (reply, answer) = Reply::channel();
        self.writer.send(WriterMessage::Sync { reply }).map_err(|_| Gone)?;
        answer.wait()
    }

    fn submit_sync(&self, reply: SyncReply) -> Result<(), SyncReply> {
        let message = WriterMessage::Sync { reply };
        self.writer.try_send(message).map_err(|message| match message {
            WriterMessage::Sync { reply } => reply,
            _ => unreachable!("a mailbox gives back what it was given"),
        })
    }

    fn is_gone(&self) -> bool {
        self.writer.is_gone()
    }
}
