//! The actor that makes the backups of a server.

use std::io;

use super::server_backups::ServerBackups;
use crate::actor::{Actor, ActorThread, Address, mailbox, spawn};
use crate::server::execute::context::Context;
use crate::sync::Arc;

/// The actor that makes backups, one at a time. A message is the name of one.
pub(crate) struct BackupActor {
    context: Arc<Context>,
}

/// A running [`BackupActor`]. Dropping it ends the backup that is being made.
pub(crate) struct RunningBackupActor {
    context: Arc<Context>,
    /// Before the thread, which ends when it is gone.
    _address: Address<String>,
    _thread: ActorThread,
}

impl BackupActor {
    /// Starts the actor, if the server has a directory for backups.
    pub(crate) fn start(context: &Arc<Context>) -> io::Result<Option<RunningBackupActor>> {
        let Some(backups) = &context.backups else { return Ok(None) };
        let (address, inbox) = mailbox(1);
        backups.connect(address.downgrade());
        let actor = Self { context: Arc::clone(context) };
        let thread = spawn("kvs-backup", actor, inbox)?;
        let context = Arc::clone(context);
        Ok(Some(RunningBackupActor { context, _address: address, _thread: thread }))
    }
}

impl Actor for BackupActor {
    type Message = String;
    const MESSAGES_MAX: usize = 1;

    fn handle(&mut self, names: &mut Vec<String>) {
        for name in names.drain(..) {
            if let Some(backups) = &self.context.backups {
                ServerBackups::make(backups, &self.context.store, &name);
            }
        }
    }
}

impl Drop for RunningBackupActor {
    fn drop(&mut self) {
        if let Some(backups) = &self.context.backups {
            backups.cancel();
        }
    }
}
