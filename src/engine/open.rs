//! Opening an engine: the one place that knows all of them.

use super::data_directory::DataDirectory;
use super::halves::Engine;
#[cfg(feature = "sled")]
use super::sled;
use super::{kvs, memory};
#[cfg(not(feature = "sled"))]
use crate::Error;
use crate::storage::fs::{FileSystem, RealFileSystem};
use crate::storage::recovery::progress::RecoveryProgress;
use crate::sync::Arc;
use crate::{EngineKind, Options, Result};

/// Opens the engine that the options or the directory name.
pub(crate) fn open(options: &Options) -> Result<Engine> {
    open_in(options, Arc::new(RealFileSystem))
}

/// Opens an engine on any file system; `sled` has its own.
pub(crate) fn open_in(options: &Options, file_system: Arc<dyn FileSystem>) -> Result<Engine> {
    options.engine.map(EngineKind::require).transpose()?;
    let Some(directory) = DataDirectory::open(options, file_system)? else {
        return Ok(told(options, memory::open()));
    };
    match directory.kind {
        EngineKind::Kvs => kvs::open(options, directory),
        #[cfg(feature = "sled")]
        EngineKind::Sled => sled::open(options, directory).map(|opened| told(options, opened)),
        #[cfg(not(feature = "sled"))]
        EngineKind::Sled => Err(Error::UnsupportedEngine {
            path: directory.path,
            engine: directory.kind.to_string(),
        }),
        EngineKind::Memory => Ok(told(options, memory::open())),
    }
}

/// Returns an engine that tells of no progress, once it was told that it is open.
fn told(options: &Options, opened: Engine) -> Engine {
    RecoveryProgress::new(options.on_open_progress.clone()).finish();
    opened
}
