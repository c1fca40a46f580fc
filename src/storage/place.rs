//! Where a log lives.

use std::path::PathBuf;

use super::fs::{Directory, FileSystem};
use crate::sync::Arc;
use crate::{Error, Result};

/// Where the log lives and how it grows; the same for as long as it is open.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) file_system: Arc<dyn FileSystem>,
    pub(crate) directory: PathBuf,
    pub(crate) directory_handle: Arc<dyn Directory>,
    /// Drawn when the directory was made.
    pub(crate) store: u128,
    pub(crate) segment_bytes_max: u64,
    /// The active segment's file is made longer ahead by up to this; `None` where it grows with each write.
    pub(crate) room_bytes: Option<u64>,
}

impl Place {
    /// Makes the names in the directory survive power loss; a failure leaves in doubt which of them do.
    pub(crate) fn sync_directory(&self) -> Result<()> {
        self.directory_handle.sync().map_err(|error| {
            Error::UnknownOutcome(Arc::new(Error::io("sync", &self.directory, error)))
        })
    }
}
