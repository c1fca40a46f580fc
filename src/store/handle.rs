//! The handle of a program on an open store.

use std::fmt;
use std::ops::Deref;
use std::path::Path;

use super::batch::Batch;
use super::catalogue::DEFAULT_NAME;
use super::catalogue_version::CatalogueVersion;
use super::clock::Clock;
use super::health::Health;
use super::keyspace::Keyspace;
use super::keyspace_view::KeyspaceView;
use super::limits::SizeLimits;
use super::memory_limit::{self, MemoryLimit, MemorySettings};
use super::open_store::OpenStore;
#[cfg(test)]
use super::outcome::Applied;
use super::outcome::BatchOutcome;
use super::removal_counts::RemovalCounts;
use super::write_actors::WriteActors;
use super::write_path::{Submission, SyncReply, WriteReply};
use super::writer::WriterParts;
use crate::engine::{self, Engine, KeyspaceId};
use crate::sync::{Arc, random_seed};
use crate::{Durability, EngineKind, Error, Options, Result};

/// A handle on an open store of byte keys and values.
///
/// It is the handle of the keyspace called `default`, too: it dereferences to a [`Keyspace`], whose
/// methods write, and by that to a [`KeyspaceView`], whose methods read.
///
/// Cloning is cheap, and every clone may be used from its own thread. The last one to be dropped
/// waits until everything is written and synced, marks a clean close and lets the directory go.
///
/// Writes are serialized by one thread and acknowledged as the [`Durability`] says; writes of many
/// threads that wait at the same time share one disk access. Reads take no lock and see every write
/// that was acknowledged before they began.
#[derive(Clone)]
pub struct Store {
    default: Keyspace,
}

impl Deref for Store {
    type Target = Keyspace;

    fn deref(&self) -> &Keyspace {
        &self.default
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OpenStore { kind, directory, .. } = &*self.shared;
        formatter.debug_struct("Store").field("engine", kind).field("directory", directory).finish()
    }
}

impl Store {
    /// Opens the store, making it if the directory holds none, and the directory if only the last
    /// component of its path is missing.
    ///
    /// The path is resolved once: the store goes on in its directory if that is renamed later, and
    /// if the current directory changes.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is none and [`Options::create`] is off;
    /// [`Error::UntrustedDirectory`] if other users may change the directory; [`Error::Locked`] if
    /// another handle keeps the directory for longer than [`Options::lock_wait`];
    /// [`Error::WrongEngine`] if it belongs to another engine than the one asked for;
    /// [`Error::Unsupported`] if [`Options::memory_max`] is set and the engine is `sled`;
    /// [`Error::Corrupt`] if its files do not hold what was written; [`Error::Io`].
    pub fn open(mut options: Options) -> Result<Self> {
        // Named in messages for as long as the store is open, whatever the current directory is
        // then.
        if let Ok(absolute) = std::path::absolute(&options.directory) {
            options.directory = absolute;
        }
        let opened = engine::open(&options)?;
        memory_limit::check(options.memory_max, opened.kind, opened.capabilities)?;
        Self::start(opened, options)
    }

    /// Starts the actors of an engine that the options opened.
    pub(crate) fn start(opened: Engine, options: Options) -> Result<Self> {
        let clock = Clock::system();
        let limits = SizeLimits::new(&options);
        let health = Arc::new(Health::default());
        let memory = Arc::new(MemoryLimit::new(&options, clock.instant()));
        let removed = Arc::new(RemovalCounts::default());
        let catalogue_version = Arc::new(CatalogueVersion::default());
        let directory = options.directory;
        let actors = WriteActors::start(WriterParts {
            engine: opened.writer,
            reader: Arc::clone(&opened.reader),
            clock,
            limits,
            durability: options.durability,
            health: Arc::clone(&health),
            memory: Arc::clone(&memory),
            removed: Arc::clone(&removed),
            seed: random_seed(),
            catalogue_version: Arc::clone(&catalogue_version),
            watch_bytes: options.watch_bytes,
        });
        let actors = actors.map_err(|e| Error::io("start a thread for", &directory, e))?;
        let shared = Arc::new(OpenStore {
            writes: Box::new(actors),
            reader: Arc::clone(&opened.reader),
            clock,
            limits,
            health,
            memory,
            removed,
            catalogue_version,
            kind: opened.kind,
            capabilities: opened.capabilities,
            directory,
            durability: options.durability,
            is_read_only: options.read_only,
            _lock: opened.lock,
        });
        let view = KeyspaceView { shared, reader: opened.reader, moment: None };
        Ok(Self { default: Keyspace::new(view, KeyspaceId::DEFAULT, DEFAULT_NAME) })
    }

    /// Blocks until every write acknowledged before survives power loss, whatever the
    /// [`Durability`].
    ///
    /// # Errors
    /// [`Error::UnknownOutcome`] if the disk failed: the store then takes no more writes.
    pub fn sync(&self) -> Result<()> {
        self.shared.writes.sync().map_err(|_| self.shared.gone())?
    }

    /// Returns the engine behind this store.
    #[must_use]
    pub fn engine(&self) -> EngineKind {
        self.shared.kind
    }

    /// Returns the directory that the store was opened on, as an absolute path.
    ///
    /// The `memory` engine keeps nothing in it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// Returns the durability that the store was opened with.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.shared.durability
    }

    /// Applies a batch and blocks until its outcome is known.
    #[cfg(test)]
    pub(crate) fn apply(&self, batch: Batch) -> Result<Applied> {
        self.shared.apply(batch)
    }

    /// Applies batches, each by itself, in order, if that can be done at once; else gives them
    /// back.
    ///
    /// Every batch must have passed [`check`](Self::check). It blocks no longer than the disk, if it
    /// [waits for it](Self::waits_for_disk).
    pub(crate) fn try_apply(
        &self,
        batches: Vec<Batch>,
    ) -> std::result::Result<Result<Vec<BatchOutcome>>, Vec<Batch>> {
        Ok(self.shared.writes.try_apply(batches)?.map_err(|_| self.shared.gone()))
    }

    /// Returns true if every write waits for the disk.
    pub(crate) fn waits_for_disk(&self) -> bool {
        self.shared.writes.waits_for_disk()
    }

    /// Hands batches to the writer without blocking; gives them back if its mailbox is full.
    ///
    /// The reply must not block. Every batch must have passed [`check`](Self::check).
    pub(crate) fn submit_batches(
        &self,
        batches: Vec<Batch>,
        reply: WriteReply,
    ) -> std::result::Result<(), Submission> {
        self.shared.writes.submit(Submission { batches, reply })
    }

    /// Asks for a sync without blocking; gives the reply back if the writer's mailbox is full.
    pub(crate) fn submit_sync(&self, reply: SyncReply) -> std::result::Result<(), SyncReply> {
        self.shared.writes.submit_sync(reply)
    }

    /// Returns true if the writer ended, so that what [`submit_batches`](Self::submit_batches) gives
    /// back has nowhere to go.
    pub(crate) fn is_writer_gone(&self) -> bool {
        self.shared.writes.is_gone()
    }

    /// Returns an error unless this store takes the batch: it takes writes, within its limits.
    pub(crate) fn check(&self, batch: &Batch) -> Result<()> {
        self.shared.check(batch)
    }

    /// Returns an error unless this store takes removals of all these keys.
    pub(crate) fn check_removals(&self, keys: &[Vec<u8>]) -> Result<()> {
        self.shared.check_writable()?;
        keys.iter().try_for_each(|key| self.shared.limits.check_key(key))
    }

    /// Returns an error unless this store takes a put of this entry.
    pub(crate) fn check_entry(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.shared.check_writable()?;
        self.shared.limits.check_key(key)?;
        self.shared.limits.check_value(key, value)
    }

    /// Returns an error unless this store takes a value of so many bytes.
    pub(crate) fn check_value_length(&self, key: &[u8], bytes: usize) -> Result<()> {
        self.shared.limits.check_value_bytes(key, bytes)
    }

    /// Returns the most operations of one batch.
    pub(crate) fn batch_operations_max(&self) -> usize {
        self.shared.limits.batch_operations_max()
    }

    /// Returns the limit on the memory of the keys.
    pub(crate) fn memory(&self) -> &MemoryLimit {
        &self.shared.memory
    }

    /// Returns the numbers of the keys that the store removed by itself.
    pub(crate) fn removed(&self) -> &RemovalCounts {
        &self.shared.removed
    }

    /// Returns an error if the engine cannot have such a limit on the memory of the keys.
    pub(crate) fn check_memory_max(&self, bytes: u64) -> Result<()> {
        memory_limit::check(bytes, self.shared.kind, self.shared.capabilities)
    }

    /// Changes the limit on the memory of the keys. The writer evicts what is over it.
    pub(crate) fn change_memory_limit(&self, change: impl FnOnce(&mut MemorySettings)) {
        self.shared.memory.change(self.shared.clock.instant(), change);
        self.shared.writes.wake();
    }

    /// Returns true unless the key is longer than any that may be stored.
    pub(crate) fn may_hold(&self, key: &[u8]) -> bool {
        self.shared.limits.check_key(key).is_ok()
    }

    /// Returns a number that grows when a keyspace is made, renamed, swapped or dropped: what was
    /// looked up by a name after this call holds as long as the number stays.
    pub(crate) fn catalogue_version(&self) -> u64 {
        self.shared.catalogue_version.get()
    }

    /// Returns the error that stopped the store from taking writes, if one did.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.shared.health.failure()
    }

    /// Returns true if a write would fail, as far as is known.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.health.is_failing()
    }
}
