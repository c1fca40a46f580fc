//! The options of a backup, its progress and its result.

use std::fmt;
use std::path::PathBuf;

use super::cancellation::Cancellation;
use crate::sync::Arc;

/// The options of a backup or a restore; see [`Store::backup`](crate::Store::backup) and
/// [`Store::restore`](crate::Store::restore).
#[derive(Debug, Clone, Default)]
pub struct BackupOptions {
    pub(crate) base: Option<PathBuf>,
    pub(crate) copy_all: bool,
    pub(crate) trust_directory: bool,
    pub(crate) on_progress: Option<BackupCallback>,
    pub(crate) cancellation: Cancellation,
}

impl BackupOptions {
    /// Returns the default options: no earlier backup, and hard links where they are possible.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names an earlier finished backup of the same store. Segments that are in it already are
    /// linked from there instead of being copied; where that is not possible, they are copied.
    #[must_use]
    pub fn base(mut self, backup: impl Into<PathBuf>) -> Self {
        self.base = Some(backup.into());
        self
    }

    /// Copies every file, also where a hard link would do (default: off).
    ///
    /// A linked file is the same file as in the store: it costs no space and no time, but damage to
    /// it, by a failing disk, say, is damage to both. A restore copies always.
    #[must_use]
    pub fn copy_all(mut self, copy_all: bool) -> Self {
        self.copy_all = copy_all;
        self
    }

    /// Takes directories that belong to another user, or that every user may change (default: off);
    /// as [`Options::trust_directory`](crate::Options::trust_directory).
    #[must_use]
    pub fn trust_directory(mut self, trust: bool) -> Self {
        self.trust_directory = trust;
        self
    }

    /// Calls the function with the progress, for each mebibyte and each segment that is copied or
    /// verified. Several threads verify, and call it one at a time; the backup waits for it, so it
    /// should be fast.
    #[must_use]
    pub fn on_progress(
        mut self,
        function: impl Fn(BackupProgress) + Send + Sync + 'static,
    ) -> Self {
        self.on_progress = Some(BackupCallback(Arc::new(function)));
        self
    }

    /// Lets the backup fail with [`Error::Closed`](crate::Error::Closed) once that is asked for. It
    /// is looked at for each mebibyte that is copied, and for each segment that is verified.
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn cancellation(mut self, cancellation: Cancellation) -> Self {
        self.cancellation = cancellation;
        self
    }
}

/// The part of a backup that is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BackupPhase {
    /// Segments are linked or copied.
    Copying,
    /// Every byte of the backup is read and checked.
    Verifying,
}

/// The progress of a backup or a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupProgress {
    /// The part that is being done.
    pub phase: BackupPhase,
    /// The bytes of the segments that are done in this phase.
    pub bytes_done: u64,
    /// The bytes of all segments.
    pub bytes_total: u64,
}

/// The result of a backup or a restore: where the bytes of its segments came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BackupReport {
    /// The segments.
    pub segments: u64,
    /// The keys of all keyspaces, expired ones that were not removed yet included.
    pub keys: u64,
    /// The newest version that is in it: that of the last batch.
    pub version: u64,
    /// The bytes of segments that were copied.
    pub bytes_copied: u64,
    /// The bytes of segments that are hard links to files of the store or of the base.
    pub bytes_linked: u64,
    /// The bytes of segments that an interrupted attempt had brought there.
    pub bytes_kept: u64,
}

impl BackupReport {
    /// Returns the bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes_copied + self.bytes_linked + self.bytes_kept
    }
}

/// A function that is told of the progress of a backup.
#[derive(Clone)]
pub(crate) struct BackupCallback(pub(crate) Arc<dyn Fn(BackupProgress) + Send + Sync>);

impl fmt::Debug for BackupCallback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a function")
    }
}
