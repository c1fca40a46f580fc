//! The write path of an engine in this process: the address of the writer actor.

use std::io;
use std::time::Duration;

use super::batch::Batch;
use super::change_ring::ChangeRing;
use super::compaction_calls::{CompactionCall, SharedProgress};
use super::maintenance::{self, Maintenance};
use super::maintenance_message::MaintenanceMessage;
use super::outcome::BatchOutcome;
use super::write_path::{Submission, SyncReply, WritePath, WritePathStats};
use super::writer::{self, Writer, WriterParts};
use super::writer_message::WriterMessage;
use crate::actor::{
    ActorThread, Address, Gone, Reply, ReturnAddress, Seat, Turn, mailbox, spawn, spawn_seated,
};
use crate::engine::BackupPoint;
use crate::sync::{Arc, OnceLock, lock};
use crate::{CompactProgress, CompactReport, Durability, MailboxStats, Result as StoreResult};

/// The time from one look at syncs and compactions to the next, unless a shorter one is asked for.
const TICK: Duration = Duration::from_secs(1);

/// The time from one look at the progress of a compaction pass to the next.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// The running writer and maintenance actors.
///
/// They are dropped in the order of the fields: the last address closes the mailbox of the writer,
/// which ends the writer, which ends maintenance.
pub(super) struct WriteActors {
    writer: Address<WriterMessage>,
    seat: Seat<Writer>,
    /// It does not keep the mailbox open, which the writer closes when it ends.
    maintenance: ReturnAddress<MaintenanceMessage>,
    /// Every group waits for the disk.
    waits_for_disk: bool,
    /// Set by the first watch.
    changes: OnceLock<Arc<ChangeRing>>,
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
        let maintenance_address = jobs.downgrade();
        let actor = Writer::new(parts, jobs);
        let waits_for_disk = actor.waits_for_disk();
        let maintenance_thread = spawn("kvs-maintenance", maintenance, jobs_inbox)?;
        let (seat, writer_thread) = spawn_seated("kvs-writer", actor, writer_inbox)?;
        Ok(Self {
            writer,
            seat,
            maintenance: maintenance_address,
            waits_for_disk,
            changes: OnceLock::default(),
            _writer_thread: writer_thread,
            _maintenance_thread: maintenance_thread,
        })
    }

    /// Returns the writer's turn to a caller that may wait for it, if no message waits and the
    /// writer would do nothing else in it.
    ///
    /// Where groups wait for the disk it must be at rest, so that those who come meanwhile share
    /// the next group. Elsewhere a turn takes less time than a hand-over to the writer's thread.
    fn turn(&self, waits_for_disk: bool) -> Option<Turn<'_, Writer>> {
        if self.waits_for_disk || waits_for_disk {
            return self.turn_at_once(waits_for_disk);
        }
        self.seat.take(&self.writer).filter(|turn| turn.is(|writer| writer.may_be_direct(false)))
    }

    /// Returns the writer's turn if the writer is at rest and would do nothing else in it.
    fn turn_at_once(&self, waits_for_disk: bool) -> Option<Turn<'_, Writer>> {
        let turn = self.seat.try_take(&self.writer);
        turn.filter(|turn| turn.is(|writer| writer.may_be_direct(waits_for_disk)))
    }

    /// Writes in a turn.
    fn write<T>(
        &self,
        turn: Turn<'_, Writer>,
        write: impl FnOnce(&mut Writer) -> T,
    ) -> Result<T, Gone> {
        let (outcome, has_upkeep) = turn.take(|writer| (write(writer), writer.take_upkeep()))?;
        if has_upkeep {
            self.wake();
        }
        Ok(outcome)
    }
}

impl WritePath for WriteActors {
    fn apply(&self, batch: Batch) -> Result<BatchOutcome, Gone> {
        let waits_for_disk = batch.sync.unwrap_or(self.waits_for_disk);
        if let Some(turn) = self.turn(waits_for_disk) {
            return self.write(turn, |writer| writer.write(batch));
        }
        let (reply, answer) = Reply::channel();
        self.hand_over(Submission { batches: vec![batch], reply })?;
        // One batch has one outcome.
        answer.wait()?.pop().ok_or(Gone)
    }

    fn try_apply(
        &self,
        batches: Vec<Batch>,
    ) -> Result<Result<Vec<BatchOutcome>, Gone>, Vec<Batch>> {
        match self.turn_at_once(self.waits_for_disk) {
            Some(turn) => Ok(self.write(turn, |writer| writer.write_all(batches))),
            None => Err(batches),
        }
    }

    fn waits_for_disk(&self) -> bool {
        self.waits_for_disk
    }

    fn submit(&self, submission: Submission) -> Result<(), Submission> {
        self.writer.try_send(submission.into()).map_err(|message| match message {
            WriterMessage::Write { batches, reply } => Submission { batches, reply },
            _ => unreachable!("a mailbox gives back what it was given"),
        })
    }

    fn hand_over(&self, submission: Submission) -> Result<(), Gone> {
        self.writer.send(submission.into()).map_err(|_| Gone)
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

    fn backup_point(&self) -> Result<StoreResult<Option<BackupPoint>>, Gone> {
        let (reply, answer) = Reply::channel();
        self.writer.send(WriterMessage::Backup { reply }).map_err(|_| Gone)?;
        answer.wait()
    }

    fn compact(
        &self,
        on_look: &mut dyn FnMut(Option<CompactProgress>) -> StoreResult<()>,
    ) -> Result<StoreResult<Option<CompactReport>>, Gone> {
        let (reply, answer) = Reply::channel();
        let progress = SharedProgress::default();
        let call = CompactionCall { reply, progress: Arc::clone(&progress) };
        self.writer.send(WriterMessage::Compact(call)).map_err(|_| Gone)?;
        loop {
            if let Some(answer) = answer.wait_briefly(PROGRESS_INTERVAL) {
                return answer;
            }
            let progress = *lock(&progress);
            if let Err(error) = on_look(progress) {
                return Ok(Err(error));
            }
            if self.maintenance.is_gone() {
                // It brings the writer nothing any more, which has to find that out to answer.
                let _ = self.writer.try_send(WriterMessage::Upkeep);
            }
        }
    }

    fn changes(&self) -> Result<Arc<ChangeRing>, Gone> {
        if let Some(ring) = self.changes.get().filter(|_| !self.is_gone()) {
            return Ok(Arc::clone(ring));
        }
        let (reply, answer) = Reply::channel();
        self.writer.send(WriterMessage::Record { reply }).map_err(|_| Gone)?;
        let ring = answer.wait()?;
        Ok(Arc::clone(self.changes.get_or_init(|| ring)))
    }

    fn stats(&self, wait: Option<Duration>) -> WritePathStats {
        let mailboxes = MailboxStats {
            writer: self.writer.waiting() as u64,
            maintenance: self.maintenance.waiting() as u64,
        };
        let watches = self.changes.get().map(|ring| ring.stats()).unwrap_or_default();
        let (reply, answer) = Reply::channel();
        let message = WriterMessage::Stats { reply };
        let writer = match wait {
            None => self.writer.send(message).ok().and_then(|()| answer.wait().ok()),
            Some(wait) => {
                self.writer.try_send(message).ok().and_then(|()| answer.wait_for(wait).ok())
            }
        };
        WritePathStats { mailboxes, watches, writer }
    }

    fn wake(&self) {
        // A full mailbox has messages behind which the writer looks for itself.
        let _ = self.writer.try_send(WriterMessage::Upkeep);
    }

    fn is_gone(&self) -> bool {
        self.writer.is_gone()
    }
}
