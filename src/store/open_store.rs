//! An open store, as its handles share it.

use std::path::PathBuf;

use super::batch::Batch;
use super::catalogue_version::CatalogueVersion;
use super::clock::Clock;
use super::health::Health;
use super::limits::SizeLimits;
use super::memory_limit::MemoryLimit;
use super::outcome::Applied;
use super::removal_counts::RemovalCounts;
use super::write_path::WritePath;
use crate::engine::{Capabilities, DirectoryLock, ReadHalf};
use crate::sync::Arc;
use crate::{Durability, EngineKind, Error, Result};

/// An open store, shared by its handles.
///
/// Dropped in the order of its fields: the write path ends what applies the writes, and only then
/// is the directory let go.
pub(super) struct OpenStore {
    pub(super) writes: Box<dyn WritePath>,
    /// Of the default keyspace.
    pub(super) reader: Arc<dyn ReadHalf>,
    pub(super) capabilities: Capabilities,
    pub(super) clock: Clock,
    pub(super) limits: SizeLimits,
    pub(super) health: Arc<Health>,
    pub(super) memory: Arc<MemoryLimit>,
    pub(super) removed: Arc<RemovalCounts>,
    pub(super) catalogue_version: Arc<CatalogueVersion>,
    pub(super) kind: EngineKind,
    /// The directory of the options, for messages; the `memory` engine keeps nothing in it.
    pub(super) directory: PathBuf,
    pub(super) durability: Durability,
    pub(super) is_read_only: bool,
    pub(super) _lock: Option<DirectoryLock>,
}

impl OpenStore {
    /// Applies a batch and blocks until its outcome is known.
    pub(super) fn apply(&self, batch: Batch) -> Result<Applied> {
        self.check(&batch)?;
        self.writes.apply(batch).map_err(|_| self.gone())?
    }

    /// Returns an error unless this store takes the batch: it takes writes, within its limits.
    pub(super) fn check(&self, batch: &Batch) -> Result<()> {
        self.check_writable()?;
        self.limits.check(batch)
    }

    /// Notes that a key that is there was read.
    pub(super) fn note_use(&self, key: &[u8]) {
        self.memory.with_uses(|uses| uses.note_use(key, self.clock.instant()));
    }

    /// Returns [`Error::ReadOnly`] from a store that takes no writes.
    pub(super) fn check_writable(&self) -> Result<()> {
        if self.is_read_only { Err(Error::ReadOnly) } else { Ok(()) }
    }

    /// Returns the error of a write that nobody answers: while a handle exists, the writer ends
    /// only by a panic.
    pub(super) fn gone(&self) -> Error {
        let panicked = || Error::Poisoned("the writer actor panicked".to_owned());
        self.health.fail(panicked).poisoned()
    }
}
