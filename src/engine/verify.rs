//! The verification of a data directory.

use super::data_directory::DataDirectory;
use super::threads::Threads;
use crate::findings::{Finding, VerifyReport};
use crate::storage::environment::LogEnvironment;
use crate::storage::fs::{FileSystem, RealFileSystem};
use crate::storage::recovery;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::sync::Arc;
use crate::{EngineKind, Error, Options, Result};

/// Reads everything in the directory of a store, and returns what is wrong.
pub(crate) fn verify(options: &Options) -> Result<VerifyReport> {
    verify_in(options, &RealFileSystem)
}

/// Verifies a store of any file system.
pub(crate) fn verify_in(options: &Options, file_system: &dyn FileSystem) -> Result<VerifyReport> {
    let options = options.clone().read_only(true);
    let (directory, damage) = DataDirectory::open_damaged(&options, file_system)?;
    let mut report = match directory {
        Some(directory) => {
            let environment = environment_of(&directory)?;
            let progress = RecoveryProgress::new(options.on_open_progress.clone());
            verify_log(&environment, &progress)?
        }
        None => VerifyReport::default(),
    };
    if let Some(marker) = damage.as_ref().and_then(Finding::of) {
        report.damages.insert(0, marker);
    }
    Ok(report)
}

/// Verifies the log of an environment, whose directory the caller keeps from being changed. It
/// needs no file but those of the log: neither `ENGINE` nor `LOCK`.
pub(crate) fn verify_log(
    environment: &LogEnvironment,
    progress: &RecoveryProgress,
) -> Result<VerifyReport> {
    recovery::verify(environment, &Threads::new(), progress)
}

/// Returns the environment of the log in a directory, to look into its files.
fn environment_of(directory: &DataDirectory) -> Result<LogEnvironment> {
    if directory.kind != EngineKind::Kvs {
        let (engine, feature) = (directory.kind.name(), "verification of its files");
        return Err(Error::Unsupported { engine, feature });
    }
    let DataDirectory { handle, path, store, .. } = directory;
    Ok(LogEnvironment::reading(Arc::clone(handle), path.clone(), *store))
}
