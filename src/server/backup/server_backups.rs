//! The backups of a server: where they are made, and the state of the latest one.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::backup_name;
use crate::actor::ReturnAddress;
use crate::options::Cancellation;
use crate::store::UnixMillis;
use crate::sync::{Arc, Mutex, OnceLock, catch_panic, lock};
use crate::{BackupOptions, BackupPhase, BackupProgress, BackupReport, Error, Result, Store};

/// The backups of one server.
pub(crate) struct ServerBackups {
    /// The directory in which each backup is a directory.
    directory: PathBuf,
    actor: OnceLock<ReturnAddress<String>>,
    cancellation: Cancellation,
    state: Mutex<LatestBackups>,
}

/// The state of the backups of one server.
#[derive(Clone, Default)]
pub(crate) struct LatestBackups {
    /// The backup that is being made.
    pub(crate) running: Option<RunningBackup>,
    /// The last one that was finished, or that failed.
    pub(crate) last: Option<BackupResult>,
    /// The time at which the last one was finished that succeeded.
    pub(crate) succeeded_at: Option<UnixMillis>,
}

/// A backup that is being made.
#[derive(Clone)]
pub(crate) struct RunningBackup {
    /// The name.
    pub(crate) name: String,
    /// The time of its beginning.
    pub(crate) begun: Instant,
    /// The part of it that is done.
    pub(crate) progress: BackupProgress,
}

/// A backup that was finished, or that failed.
#[derive(Clone)]
pub(crate) struct BackupResult {
    /// The name.
    pub(crate) name: String,
    /// The time that it took.
    pub(crate) took: Duration,
    /// The result.
    pub(crate) result: std::result::Result<BackupReport, Arc<Error>>,
}

/// A reason why no backup is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BackupRefusal {
    /// The server has no directory for backups.
    #[error("this server has no directory for backups: start it with --backup-dir")]
    NoDirectory,
    /// Another one is being made.
    #[error("a backup is being made already; ask again when it is finished")]
    Running,
    /// The name is not allowed.
    #[error(
        "the name of a backup has 1 to {} letters, digits, '.', '_' and '-', and does not begin \
         with '.'",
        backup_name::NAME_BYTES_MAX
    )]
    InvalidName,
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
}

impl ServerBackups {
    /// Returns the backups in this directory, of which none is begun yet.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            actor: OnceLock::new(),
            cancellation: Cancellation::default(),
            state: Mutex::default(),
        }
    }

    /// Takes the address of the actor that makes them.
    pub(super) fn connect(&self, actor: ReturnAddress<String>) {
        // Nobody else sets it: a server runs once.
        let _ = self.actor.set(actor);
    }

    /// Begins a backup with this name, or the time as its name, and returns the name. Never waits.
    pub(crate) fn begin(
        &self,
        name: Option<&str>,
        now: UnixMillis,
    ) -> std::result::Result<String, BackupRefusal> {
        let name = match name {
            Some(name) if !backup_name::is_allowed(name) => return Err(BackupRefusal::InvalidName),
            Some(name) => name.to_owned(),
            None => backup_name::at(now),
        };
        let mut state = lock(&self.state);
        if state.running.is_some() {
            return Err(BackupRefusal::Running);
        }
        // There is room: the actor took the name of the one before.
        let sent = self.actor.get().map(|actor| actor.send(name.clone()));
        if !matches!(sent, Some(Ok(()))) {
            return Err(BackupRefusal::Stopping);
        }
        let progress =
            BackupProgress { phase: BackupPhase::Copying, bytes_done: 0, bytes_total: 0 };
        let begun = Instant::now();
        state.running = Some(RunningBackup { name: name.clone(), begun, progress });
        log::info!("backup {name}: begun");
        Ok(name)
    }

    /// Makes the backup that was begun with this name, and notes its result.
    pub(super) fn make(self: &Arc<Self>, store: &Store, name: &str) {
        let told = Arc::clone(self);
        let options = BackupOptions::new()
            .on_progress(move |progress| told.note(progress))
            .cancellation(self.cancellation.clone());
        let made = catch_panic(|| store.backup_beside(&self.directory, name, &options));
        let result = made.unwrap_or_else(|_| {
            let panicked = io::Error::other("it panicked");
            Err(Error::io("make a backup in", &self.directory, panicked))
        });
        self.finish(result, store.now());
    }

    fn note(&self, progress: BackupProgress) {
        if let Some(running) = &mut lock(&self.state).running {
            running.progress = progress;
        }
    }

    fn finish(&self, result: Result<BackupReport>, now: UnixMillis) {
        let mut state = lock(&self.state);
        let Some(RunningBackup { name, begun, .. }) = state.running.take() else { return };
        let took = begun.elapsed();
        match &result {
            Ok(report) => {
                let (keys, bytes) = (report.keys, report.bytes());
                log::info!("backup {name}: finished and verified, {keys} keys, {bytes} bytes");
                state.succeeded_at = Some(now);
            }
            Err(error) => log::error!("backup {name}: failed: {error}"),
        }
        state.last = Some(BackupResult { name, took, result: result.map_err(Arc::new) });
    }

    /// Ends the backup that is being made.
    pub(super) fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Returns the state at this moment.
    pub(crate) fn latest(&self) -> LatestBackups {
        lock(&self.state).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::actor::mailbox;

    #[test]
    fn a_backup_that_is_ended_early_has_failed_and_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(Options::new(directory.path().join("data"))).unwrap();
        let backups = Arc::new(ServerBackups::new(directory.path().to_path_buf()));
        let begin = |name| backups.begin(Some(name), UnixMillis(0));
        assert_eq!(begin("early"), Err(BackupRefusal::Stopping), "nobody makes them yet");
        let (address, _inbox) = mailbox(1);
        backups.connect(address.downgrade());
        assert_eq!(begin("first").as_deref(), Ok("first"));
        assert_eq!(begin("second"), Err(BackupRefusal::Running));
        backups.cancel();
        backups.make(&store, "first");
        let LatestBackups { running, last, succeeded_at } = backups.latest();
        assert!(running.is_none() && succeeded_at.is_none());
        let last = last.unwrap();
        assert_eq!(last.name, "first");
        let closed = matches!(&last.result, Err(error) if matches!(**error, Error::Closed));
        assert!(closed, "{:?}", last.result);
    }
}
