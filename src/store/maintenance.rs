//! The maintenance actor: runs the background jobs that the writer hands out, one step at a time.
//!
//! | channel | from or to | carries | bound and what happens at it |
//! |---|---|---|---|
//! | mailbox | the writer | jobs | [`MAILBOX_JOBS`]; at most one sync, one preparation (of a segment or of the reserve) and one other job exist, so it is never full |
//! | writer | to the writer | ticks, and what jobs bring | the writer's mailbox; maintenance waits |
//!
//! A job that has delivered a result waits until the writer has applied it and says so; the writer
//! serves callers in between.
//!
//! A sync goes before the next step of a compaction, so that a long compaction does not stretch the
//! time for which an acknowledged write stays unsynced. So does a preparation, so that the writer
//! need not do without it. The address of the writer does not keep the writer's mailbox open.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::maintenance_message::MaintenanceMessage;
use super::writer_message::WriterMessage;
use crate::actor::{Actor, ReturnAddress, Wait};
use crate::engine::{BackgroundJob, JobKind, JobStep};
use crate::sync::now;

/// The most jobs that wait: one of each kind, and room for one that is being taken.
pub(crate) const MAILBOX_JOBS: usize = 4;

/// The state of maintenance.
pub(crate) struct Maintenance {
    writer: ReturnAddress<WriterMessage>,
    /// The jobs in the order of their next steps: syncs and preparations first.
    jobs: VecDeque<Box<dyn BackgroundJob>>,
    /// The job that waits until the writer has applied its delivery.
    delivering: Option<Box<dyn BackgroundJob>>,
    interval: Duration,
    last_tick: Instant,
}

impl Maintenance {
    /// Returns the actor, which ticks every `interval`.
    pub(crate) fn new(writer: ReturnAddress<WriterMessage>, interval: Duration) -> Self {
        Self { writer, jobs: VecDeque::new(), delivering: None, interval, last_tick: now() }
    }

    fn tick_if_due(&mut self) {
        let now = now();
        if now.saturating_duration_since(self.last_tick) >= self.interval {
            self.last_tick = now;
            self.tell(WriterMessage::Tick);
        }
    }

    fn tell(&mut self, message: WriterMessage) {
        if self.writer.send(message).is_err() {
            // The writer is gone, and nobody can use what the jobs would bring.
            self.jobs.clear();
            self.delivering = None;
        }
    }

    fn add(&mut self, job: Box<dyn BackgroundJob>) {
        match job.kind() {
            JobKind::Sync | JobKind::Preparation => self.jobs.push_front(job),
            JobKind::Compaction | JobKind::Hint => self.jobs.push_back(job),
        }
    }
}

impl Actor for Maintenance {
    type Message = MaintenanceMessage;
    const MESSAGES_MAX: usize = MAILBOX_JOBS;

    fn handle(&mut self, messages: &mut Vec<MaintenanceMessage>) {
        for message in messages.drain(..) {
            let job = match message {
                MaintenanceMessage::Start(job) => Some(job),
                MaintenanceMessage::Resume => self.delivering.take(),
            };
            if let Some(job) = job {
                self.add(job);
            }
        }
        self.tick_if_due();
    }

    fn wait(&self) -> Wait {
        if self.jobs.is_empty() {
            Wait::For(self.interval.saturating_sub(now().saturating_duration_since(self.last_tick)))
        } else {
            Wait::NotAtAll
        }
    }

    fn idle(&mut self) {
        if let Some(mut job) = self.jobs.pop_front() {
            match job.step() {
                Ok(JobStep::Continue) => self.jobs.push_front(job),
                Ok(JobStep::Deliver(delivery)) => {
                    self.delivering = Some(job);
                    self.tell(WriterMessage::Delivered { delivery, is_last: false });
                }
                Ok(JobStep::Done(delivery)) => {
                    self.tell(WriterMessage::Delivered { delivery, is_last: true });
                }
                Err(error) => self.tell(WriterMessage::JobFailed(job.kind(), error)),
            }
        }
        self.tick_if_due();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::mailbox;
    use crate::engine::Delivery;

    /// Has something for the writer at every step.
    struct Delivering;

    impl BackgroundJob for Delivering {
        fn kind(&self) -> JobKind {
            JobKind::Compaction
        }

        fn step(&mut self) -> crate::Result<JobStep> {
            Ok(JobStep::Deliver(Delivery::empty()))
        }
    }

    #[test]
    fn a_job_goes_on_when_the_writer_has_applied_its_delivery() {
        let (writer, mut inbox) = mailbox(8);
        let mut maintenance = Maintenance::new(writer.downgrade(), Duration::MAX);
        let mut next = MaintenanceMessage::Start(Box::new(Delivering));
        for _ in 0..3 {
            maintenance.handle(&mut vec![next]);
            (0..3).for_each(|_| maintenance.idle());
            let mut messages = Vec::new();
            inbox.receive_now(&mut messages, 8);
            assert_eq!(messages.len(), 1, "writes would wait behind the others");
            let Some(WriterMessage::Delivered { is_last: false, .. }) = messages.pop() else {
                panic!("the job has more to do");
            };
            next = MaintenanceMessage::Resume;
        }
    }

    #[test]
    fn the_writer_is_told_when_the_interval_has_passed_and_not_before() {
        for (interval, ticks) in [(Duration::ZERO, 2), (Duration::MAX, 0)] {
            let (writer, mut inbox) = mailbox(4);
            let mut maintenance = Maintenance::new(writer.downgrade(), interval);
            maintenance.handle(&mut Vec::new());
            maintenance.idle();
            let mut messages = Vec::new();
            inbox.receive_now(&mut messages, 4);
            assert_eq!(messages.len(), ticks);
            assert!(messages.iter().all(|message| matches!(message, WriterMessage::Tick)));
        }
    }
}
