//! The actor that makes the backups of a server.

use std::io;

use super::server_backups::ServerBackups;
use crate::Store;
use crate::actor::{Actor, ActorThread, Address, mailbox, spawn};
use crate::sync::Arc;

/// The actor that makes backups, one at a time. A message is the name of one.
pub(crate) struct BackupActor {
    backups: Arc<ServerBackups>,
    store: Store,
}

/// A running [`BackupActor`]. Dropping it ends the backup that is being made.
pub(crate) struct RunningBackupActor {
    backups: Arc<ServerBackups>,
    /// Before the thread, which ends when it is gone.
    _address: Address<String>,
    _thread: ActorThread,
}

impl BackupActor {
    /// Starts the actor that makes backups of a store.
    pub(crate) fn start(
        backups: &Arc<ServerBackups>,
        store: &Store,
    ) -> io::Result<RunningBackupActor> {
        let (address, inbox) = mailbox(1);
        backups.connect(address.downgrade());
        let actor = Self { backups: Arc::clone(backups), store: store.clone() };
        let thread = spawn("kvs-backup", actor, inbox)?;
        let backups = Arc::clone(backups);
        Ok(RunningBackupActor { backups, _address: address, _thread: thread })
    }
}

impl Actor for BackupActor {
    type Message = String;
    const MESSAGES_MAX: usize = 1;

    fn handle(&mut self, names: &mut Vec<String>) {
        names.drain(..).for_each(|name| self.backups.make(&self.store, &name));
    }
}

impl Drop for RunningBackupActor {
    fn drop(&mut self) {
        self.backups.cancel();
    }
}
