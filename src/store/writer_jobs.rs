//! The writer's background work: what it hands to maintenance, and what comes back.

use super::eviction_state::EvictionEnd;
use super::maintenance_message::MaintenanceMessage;
use super::writer::Writer;
use crate::engine::{BackgroundJob, Delivery, JobKind};
use crate::{Durability, Error};

impl Writer {
    /// Stops taking writes if maintenance is gone. No tick comes then, so turns have to notice.
    pub(super) fn look_for_maintenance(&self) {
        if self.health.failure().is_none() && self.jobs.is_gone() {
            self.fail(&maintenance_is_gone());
        }
    }

    /// Does what is due after some time: looks at the files, and syncs.
    pub(super) fn tick(&mut self) {
        if self.health.failure().is_some() {
            return;
        }
        if self.check_files().is_err() {
            return;
        }
        self.eviction.ended = EvictionEnd::Enough;
        if let Err(damage) = self.engine.tick() {
            return self.stop_at_damage(&damage);
        }
        // With `Always` there are writes that asked not to wait.
        if !matches!(self.durability, Durability::Never)
            && let Some(job) = self.engine.offer_sync()
        {
            self.start(job);
        }
    }

    /// Starts the jobs that the engine has to offer.
    pub(super) fn offer_upkeep(&mut self) {
        if let Some(failure) = self.health.failure() {
            return self.compactions.fail(|| failure.poisoned());
        }
        let preparation = self.engine.offer_preparation();
        let other = self.offer_compaction().or_else(|| self.engine.offer_hint());
        preparation.into_iter().chain(other).for_each(|job| self.start(job));
    }

    /// Returns a compaction if there is one to run, be it because callers wait for it, and answers
    /// those for whom there is none left.
    fn offer_compaction(&mut self) -> Option<Box<dyn BackgroundJob>> {
        loop {
            self.compactions.begin(&mut *self.engine);
            let job = self.engine.offer_compaction();
            let are_waiting = self.compactions.finish(&mut *self.engine);
            if job.is_some() || !are_waiting {
                return job;
            }
        }
    }

    fn start(&self, job: Box<dyn BackgroundJob>) {
        self.tell_maintenance(MaintenanceMessage::Start(job));
    }

    /// Sends a message to maintenance, which must be there.
    pub(super) fn tell_maintenance(&self, message: MaintenanceMessage) {
        if self.jobs.try_send(message).is_err() {
            self.fail(&maintenance_is_gone());
        }
    }

    /// Hands the result of a job to the engine.
    pub(super) fn deliver(&mut self, result: std::result::Result<Delivery, (JobKind, Error)>) {
        let was_full = self.engine.full().is_some();
        match result {
            Ok(delivery) => self.engine.take_delivery(delivery),
            Err((kind, error)) => {
                self.report_failed_job(kind, &error);
                self.engine.note_failed_job(kind, &error);
            }
        }
        let is_full = self.engine.full().is_some();
        if is_full != was_full {
            match is_full {
                true => {
                    log::warn!("the disk is full: only removals are written until there is space")
                }
                false => log::info!("there is space again on the disk: all writes are taken"),
            }
            self.set_failing(is_full);
        }
    }

    fn report_failed_job(&self, kind: JobKind, error: &Error) {
        match (kind, error) {
            (JobKind::Sync, _) | (_, Error::UnknownOutcome(_)) => self.fail(error),
            (JobKind::Compaction, _) => {
                log::warn!("a compaction failed and changed nothing: {error}")
            }
            (JobKind::Preparation, _) => {
                log::warn!("cannot prepare the next segment or the reserve: {error}")
            }
            (JobKind::Hint, _) => {
                log::warn!("cannot write a hint, so the next open takes longer: {error}")
            }
        }
    }
}

/// Returns the error of a store without its maintenance actor.
fn maintenance_is_gone() -> Error {
    Error::Poisoned("the maintenance actor is gone".to_owned())
}
