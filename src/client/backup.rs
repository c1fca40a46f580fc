//! Backups that a server makes of its store.

use super::KvsClient;
use super::calls::answered;
use super::error::ClientResult;
use crate::protocol::native::{BackupState, RequestOperation, Success};

impl KvsClient {
    /// Has the server begin a backup of its store in the directory that it was given for that
    /// ([`backup_directory`](crate::ServerOptions::backup_directory)), and returns its state.
    ///
    /// The name is that of a directory there: 1 to 64 letters, digits, `.`, `_` and `-`, the first
    /// no `.`. Without one it is the time in UTC. With the name of a backup that was interrupted
    /// the server goes on with that one. The call does not wait for the backup:
    /// [`backup_state`](Self::backup_state) tells how far it is.
    ///
    /// ```no_run
    /// use kvs::protocol::native::BackupStep;
    ///
    /// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
    /// let begun = client.begin_backup(Some("monday"))?;
    /// loop {
    ///     std::thread::sleep(std::time::Duration::from_millis(100));
    ///     match client.backup_state()?.map(|backup| backup.step) {
    ///         Some(BackupStep::Finished { keys, .. }) => break println!("{}: {keys}", begun.name),
    ///         Some(BackupStep::Failed(failure)) => return Err(failure.into()),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Remote`](crate::ClientError::Remote) with the kind `Unsupported` if the server
    /// has no directory for backups, `Busy` if it is making one, `InvalidBackupName`.
    pub fn begin_backup(&mut self, name: Option<&str>) -> ClientResult<BackupState> {
        let name = name.map(str::to_owned);
        self.call(
            RequestOperation::BeginBackup { name },
            answered!(Success::Backup(Some(state)) => state),
        )
    }

    /// Returns the state of the backup that the server is making, or else of the last one since its
    /// start, if there is one.
    pub fn backup_state(&mut self) -> ClientResult<Option<BackupState>> {
        self.call(RequestOperation::BackupState, answered!(Success::Backup(state) => state))
    }
}
