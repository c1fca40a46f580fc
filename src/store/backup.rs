//! Backups of an open store and of a directory, and restores.

use std::path::Path;

use super::handle::Store;
use crate::engine::{self, BackupPoint};
use crate::{BackupOptions, BackupReport, Result};

impl Store {
    /// Makes a backup of the store in a directory while it is read and written: every write that
    /// was acknowledged before, at one point in time, of all keyspaces.
    ///
    /// The directory must be missing, of which the parent exists, or empty. The backup is a store
    /// like any other: it can be opened, with [`Options::read_only`](crate::Options::read_only),
    /// say, or [restored](Self::restore) elsewhere. Before this returns, every byte of it was read
    /// and checked, and it survives power loss. Until then nobody can open it.
    ///
    /// Segments become hard links where the directory is on the same file system, which takes no
    /// space at first; a segment that is compacted afterwards lives on in the backup. Elsewhere
    /// they are copied, but for those that an earlier backup there has ([`BackupOptions::base`]).
    /// The writer only seals the segment that it appends to; everything else is done on the calling
    /// thread. The space of segments that a compaction removes meanwhile is free once the backup is
    /// finished.
    ///
    /// An attempt that failed or was killed leaves a directory that nobody can open as a store. The
    /// same call goes on with what is there, at a new point in time; or remove the directory.
    ///
    /// ```
    /// use kvs::{BackupOptions, Options, Store};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = |name: &str| directory.path().join(name);
    /// let store = Store::open(Options::new(path("data")))?;
    /// store.set("key", "value")?;
    /// let report = store.backup(path("monday"), &BackupOptions::new())?;
    /// assert_eq!(report.keys, 1);
    ///
    /// Store::restore(path("monday"), path("restored"), &BackupOptions::new())?;
    /// let restored = Store::open(Options::new(path("restored")))?;
    /// assert_eq!(restored.get("key")?.as_deref(), Some(&b"value"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) with the `sled` and `memory` engines;
    /// [`Error::NotEmpty`](crate::Error::NotEmpty) if the directory holds something else than an
    /// unfinished backup of this store; [`Error::Corrupt`](crate::Error::Corrupt) if a segment is
    /// damaged, so that the backup is not finished; [`Error::Io`](crate::Error::Io).
    pub fn backup(
        &self,
        directory: impl AsRef<Path>,
        options: &BackupOptions,
    ) -> Result<BackupReport> {
        engine::back_up(&self.backup_point()?, directory.as_ref(), options)
    }

    /// Makes a backup in a new directory of this name among other backups, as
    /// [`backup`](Self::backup) does. Segments that the one with the highest name has are linked from
    /// there, where they cannot be linked from the store.
    #[cfg(feature = "server")]
    pub(crate) fn backup_beside(
        &self,
        backups: &Path,
        name: &str,
        options: &BackupOptions,
    ) -> Result<BackupReport> {
        let point = self.backup_point()?;
        let mut options = options.clone();
        options.base = engine::newest_backup(backups, name, point.environment.store)?;
        engine::back_up(&point, &backups.join(name), &options)
    }

    /// Returns the segments of the store at this point in time.
    fn backup_point(&self) -> Result<BackupPoint> {
        let point = self.shared.writes.backup_point().map_err(|_| self.shared.gone())??;
        point.ok_or_else(|| engine::unsupported(self.shared.kind))
    }

    /// Makes a backup of a store that nobody has open for writing, as [`backup`](Self::backup) does
    /// of an open one.
    ///
    /// The store is not opened: what a crash left is in the backup, too, and is recovered there.
    ///
    /// # Errors
    /// [`Error::Locked`](crate::Error::Locked) if the store is in use;
    /// [`Error::NoStore`](crate::Error::NoStore); and those of [`backup`](Self::backup).
    pub fn backup_directory(
        store: impl AsRef<Path>,
        directory: impl AsRef<Path>,
        options: &BackupOptions,
    ) -> Result<BackupReport> {
        let (store, directory) = (store.as_ref(), directory.as_ref());
        engine::back_up_directory(store, directory, options)
    }

    /// Copies a backup to a new directory, to be opened as a store there. The two share no file.
    ///
    /// The directory must be missing or empty, as for a [backup](Self::backup), and is verified in
    /// the same way. A restore that was interrupted leaves a directory that nobody can open; the
    /// same call goes on with what is there.
    ///
    /// The restored store is the one that the backup was made of: it has the same identity, and an
    /// earlier [base](BackupOptions::base) stays a base of its backups. So do not let both write
    /// and then mix their files.
    ///
    /// # Errors
    /// [`Error::UnfinishedBackup`](crate::Error::UnfinishedBackup) if the backup was not finished;
    /// and those of [`backup`](Self::backup).
    pub fn restore(
        backup: impl AsRef<Path>,
        directory: impl AsRef<Path>,
        options: &BackupOptions,
    ) -> Result<BackupReport> {
        Self::backup_directory(backup, directory, &options.clone().copy_all(true))
    }
}
