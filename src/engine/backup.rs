//! Backups and restores, from the first file in the new directory to its marker.
//!
//! A directory that is being filled has the store's marker under the name `BACKUP`. Nobody opens it
//! as a store, and another attempt goes on with what is there. Once every byte was verified, the
//! marker is renamed to `ENGINE`: from then on the directory is a store like any other.

use std::path::{Path, PathBuf};

use super::data_directory::{DataDirectory, DirectoryLock, check_ownership, open_or_create};
use super::marker::Marker;
use super::verify::verify_log;
use crate::findings::{Finding, VerifyReport};
use crate::options::{
    BackupCallback, BackupPhase, BackupProgress, BackupReport, OpenProgress, ProgressCallback,
};
use crate::storage::backup::{BackupPoint, BackupTarget, copy};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::file_name;
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::{Directory, FileAccess, FileSystem, RealFileSystem, Sharing};
use crate::storage::recovery::progress::RecoveryProgress;
use crate::sync::Arc;
use crate::{BackupOptions, EngineKind, Error, Options, Result};

/// The name of a directory that new file systems have at their root.
const LOST_AND_FOUND: &str = "lost+found";

/// Makes a backup of the point in the directory.
pub(crate) fn back_up(
    point: &BackupPoint,
    to: &Path,
    options: &BackupOptions,
) -> Result<BackupReport> {
    back_up_to(&(Arc::new(RealFileSystem) as _), point, to, options)
}

/// Makes a backup of a store that nobody has open for writing.
pub(crate) fn back_up_directory(
    from: &Path,
    to: &Path,
    options: &BackupOptions,
) -> Result<BackupReport> {
    let file_system: Arc<dyn FileSystem> = Arc::new(RealFileSystem);
    let source = open_to_read(from, &file_system)?;
    let directory = Arc::clone(&source.handle);
    let environment = LogEnvironment::reading(directory, from.to_path_buf(), source.store);
    back_up_to(&file_system, &BackupPoint::at_rest(environment)?, to, options)
}

/// Makes a backup of the point in a directory of any file system.
pub(super) fn back_up_to(
    file_system: &Arc<dyn FileSystem>,
    point: &BackupPoint,
    to: &Path,
    options: &BackupOptions,
) -> Result<BackupReport> {
    let store = point.environment.store;
    let base = match &options.base {
        Some(path) => Some(open_base(path, store, file_system)?),
        None => None,
    };
    let target = UnfinishedBackup::open(to, store, options, &**file_system)?;
    let bytes_total = point.bytes()?;
    let tell = |phase, bytes_done| {
        if let Some(callback) = &options.on_progress {
            callback.0(BackupProgress { phase, bytes_done, bytes_total });
        }
        options.cancellation.check()
    };
    let files = BackupTarget {
        environment: target.environment.clone(),
        base: base.as_ref().map(|base| Arc::clone(&base.handle)),
        links_source: !options.copy_all,
    };
    let copied = copy(point, &files, |bytes| tell(BackupPhase::Copying, bytes))?;
    let VerifyReport { keys, version, .. } = target.verify(point, options, bytes_total)?;
    target.finish()?;
    Ok(BackupReport { keys, version, ..copied })
}

/// Opens a directory that holds a store of the `kvs` engine, for reading.
fn open_to_read(path: &Path, file_system: &Arc<dyn FileSystem>) -> Result<DataDirectory> {
    let options = Options::new(path).read_only(true);
    let opened = DataDirectory::open(&options, Arc::clone(file_system))?;
    match opened {
        Some(directory) if directory.kind == EngineKind::Kvs => Ok(directory),
        Some(directory) => Err(unsupported(directory.kind)),
        None => Err(Error::NoStore { path: path.to_path_buf() }),
    }
}

/// Returns the directory with the highest name, among those in this one but for one of them, that
/// holds a finished backup of the store.
#[cfg(feature = "server")]
pub(crate) fn newest_backup(
    directory: &Path,
    but: &str,
    store: StoreId,
) -> Result<Option<PathBuf>> {
    let file_system: Arc<dyn FileSystem> = Arc::new(RealFileSystem);
    let opened = file_system.open_directory(directory, FileAccess::ReadOnly);
    let handle = opened.map_err(|e| Error::io("open the directory", directory, e))?;
    let mut names = handle.list().map_err(|e| Error::io("list", directory, e))?;
    names.sort_unstable();
    let others = names.iter().rev().filter(|name| *name != but);
    // Whatever else lies there does not matter.
    let mut paths = others.map(|name| directory.join(name));
    Ok(paths.find(|path| open_base(path, store, &file_system).is_ok()))
}

/// Returns the error of a backup of an engine whose files cannot be copied.
pub(crate) fn unsupported(kind: EngineKind) -> Error {
    Error::Unsupported { engine: kind.name(), feature: "backups" }
}

/// Opens an earlier backup of the same store.
fn open_base(
    path: &Path,
    store: StoreId,
    file_system: &Arc<dyn FileSystem>,
) -> Result<DataDirectory> {
    let base = open_to_read(path, file_system)?;
    if base.store == store {
        return Ok(base);
    }
    let path = path.display();
    Err(Error::InvalidOption(format!(
        "{path} is no backup of this store; name an earlier one of it, or none"
    )))
}

/// A directory that a backup is made in.
struct UnfinishedBackup {
    environment: LogEnvironment,
    _lock: DirectoryLock,
}

impl UnfinishedBackup {
    /// Opens the directory, which must be missing, empty, or hold an unfinished backup of this
    /// store.
    fn open(
        path: &Path,
        store: StoreId,
        options: &BackupOptions,
        file_system: &dyn FileSystem,
    ) -> Result<Self> {
        let handle = open_or_create(&Options::new(path), file_system)?;
        if !options.trust_directory {
            check_ownership(&*handle, path)?;
        }
        let lock = handle.lock(Sharing::Exclusive).map_err(|e| Error::io("lock", path, e))?;
        let Some(lock) = lock else {
            return Err(Error::Locked { path: path.to_path_buf(), holder: None });
        };
        let marker = Marker { kind: EngineKind::Kvs, store };
        match Marker::read_as(file_name::BACKUP, &*handle, path)? {
            Some(found) if found == marker && !has_marker(&*handle, path)? => {}
            Some(_) => return Err(not_empty(path)),
            None => {
                refuse_files(&*handle, path)?;
                marker.place(file_name::BACKUP, &*handle, path)?;
            }
        }
        let environment = LogEnvironment::reading(handle, path.to_path_buf(), store);
        Ok(Self { environment, _lock: DirectoryLock::of_directory(lock) })
    }

    /// Reads every byte. Damaged files are removed, so that another attempt brings them again.
    fn verify(
        &self,
        point: &BackupPoint,
        options: &BackupOptions,
        bytes_total: u64,
    ) -> Result<VerifyReport> {
        let callback = options.on_progress.clone().map(|BackupCallback(callback)| {
            ProgressCallback(Arc::new(move |now: OpenProgress| {
                let (phase, bytes_done) = (BackupPhase::Verifying, now.bytes_read);
                callback(BackupProgress { phase, bytes_done, bytes_total });
            }))
        });
        let cancellation = options.cancellation.clone();
        let progress = RecoveryProgress::new(callback).with_cancellation(cancellation);
        let report = verify_log(&self.environment, &progress)?;
        for damage in &report.damages {
            if let Some(name) = damage.path.file_name().and_then(|name| name.to_str()) {
                // A file that is missing is damage, too, and there is nothing to remove then.
                let _ = self.environment.remove(name);
            }
        }
        match report.damages.first().cloned() {
            None => Ok(report),
            Some(Finding { path, offset, reason, .. }) => {
                let source = point.environment.path.display();
                let reason =
                    format!("{reason}; it was brought from {source}, which may be damaged");
                Err(Error::Corrupt { path, offset, reason })
            }
        }
    }

    /// Makes it a store.
    fn finish(&self) -> Result<()> {
        self.environment.rename(file_name::BACKUP, file_name::ENGINE)?;
        self.environment.sync_directory()
    }
}

fn has_marker(directory: &dyn Directory, path: &Path) -> Result<bool> {
    Ok(Marker::read(directory, path)?.is_some())
}

fn not_empty(path: &Path) -> Error {
    Error::NotEmpty { path: path.to_path_buf() }
}

/// Returns an error unless the directory is empty, but for what an interrupted attempt leaves
/// before it has a marker.
fn refuse_files(directory: &dyn Directory, path: &Path) -> Result<()> {
    let names = directory.list().map_err(|e| Error::io("list", path, e))?;
    let is_allowed =
        |name: &String| [file_name::ENGINE_UNFINISHED, LOST_AND_FOUND].contains(&name.as_str());
    if names.iter().all(is_allowed) { Ok(()) } else { Err(not_empty(path)) }
}
