//! The environment of a log: its directory and its settings.

use std::io;
use std::path::{Path, PathBuf};

use crate::storage::format::store_id::StoreId;
use crate::storage::fs::{Directory, File};
use crate::sync::Arc;
use crate::{Error, Result};

/// The directory and the settings of a log, fixed for as long as it is open.
#[derive(Clone)]
pub(crate) struct LogEnvironment {
    /// The open directory. Everything is done through its handle.
    pub(crate) directory: Arc<dyn Directory>,
    /// The path the directory was opened by, for messages alone.
    pub(crate) path: PathBuf,
    pub(crate) store: StoreId,
    pub(crate) segment_bytes_max: u64,
    /// The bytes that the active segment is preallocated by; `None` where it grows with each write.
    pub(crate) preallocate_bytes: Option<u64>,
    /// Nothing in the directory is changed.
    pub(crate) read_only: bool,
}

impl LogEnvironment {
    /// Returns the environment of a log whose files are only looked into.
    pub(crate) fn reading(directory: Arc<dyn Directory>, path: PathBuf, store: StoreId) -> Self {
        let (segment_bytes_max, preallocate_bytes, read_only) = (0, None, true);
        Self { directory, path, store, segment_bytes_max, preallocate_bytes, read_only }
    }

    /// Returns the environment of a log on a simulated disk, without preallocation.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn simulated(
        disk: &crate::storage::fs::simulated::SimulatedDisk,
        store: StoreId,
        segment_bytes_max: u64,
    ) -> Self {
        Self {
            directory: Arc::new(disk.clone()),
            path: "data".into(),
            store,
            segment_bytes_max,
            preallocate_bytes: None,
            read_only: false,
        }
    }

    /// Returns the path of a file, for messages alone.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a file that must not exist yet.
    pub(crate) fn create(&self, name: &str) -> Result<Arc<dyn File>> {
        self.directory.create(name).map_err(|e| Error::io("create", &self.path_of(name), e))
    }

    /// Opens a file.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<dyn File>> {
        self.directory.open(name).map_err(|e| Error::io("open", &self.path_of(name), e))
    }

    /// Gives a file another name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let renamed = self.directory.rename(from, to);
        renamed.map_err(|e| Error::io("rename", &self.path_of(from), e))
    }

    /// Removes a file's name.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.directory.remove(name).map_err(|e| Error::io("remove", &self.path_of(name), e))
    }

    /// Makes the names in the directory survive power loss. After a failure it is not known which
    /// do.
    pub(crate) fn sync_directory(&self) -> Result<()> {
        self.directory
            .sync()
            .map_err(|error| Error::UnknownOutcome(Arc::new(Error::io("sync", &self.path, error))))
    }
}

/// Returns an error if an open file or directory has no name any more.
pub(crate) fn check_linked(path: &Path, links: io::Result<u64>) -> Result<()> {
    match links.map_err(|error| Error::io("count the links of", path, error))? {
        0 => Err(Error::Removed { path: path.to_path_buf() }),
        _ => Ok(()),
    }
}
