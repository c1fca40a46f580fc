//! The handle of a program on an open store.

use std::fmt;
use std::path::{Path, PathBuf};

use super::batch::Batch;
use super::clock::Clock;
use super::health::Health;
use super::limits::SizeLimits;
use super::operation::WriteOperation;
use super::outcome::{Applied, BatchOutcome, WriteAnswer};
use super::write_actors::WriteActors;
use super::write_path::{Submission, SyncReply, WritePath, WriteReply};
use super::writer::WriterParts;
use crate::engine::{self, Capabilities, Engine, ReadHalf};
use crate::sync::Arc;
use crate::{Durability, EngineKind, Error, Options, Result};

/// A handle on an open store of byte keys and values.
///
/// Cloning is cheap, and every clone may be used from its own thread. The last one to be dropped
/// waits until everything is written and synced, marks a clean close and lets the directory go.
///
/// Writes are serialized by one thread and acknowledged as the [`Durability`] says; writes of many
/// threads that wait at the same time share one disk access. Reads take no lock and see every write
/// that was acknowledged before they began.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<OpenStore>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OpenStore { kind, directory, .. } = &*self.shared;
        formatter.debug_struct("Store").field("engine", kind).field("directory", directory).finish()
    }
}

/// An open store, shared by its handles.
///
/// Dropped in the order of its fields: the write path ends what applies the writes, and only then
/// is the directory let go.
pub(super) struct OpenStore {
    writes: Box<dyn WritePath>,
    pub(super) reader: Arc<dyn ReadHalf>,
    pub(super) capabilities: Capabilities,
    pub(super) clock: Clock,
    pub(super) limits: SizeLimits,
    health: Arc<Health>,
    kind: EngineKind,
    /// The directory of the options, for messages; the `memory` engine keeps nothing in it.
    directory: PathBuf,
    durability: Durability,
    is_read_only: bool,
    _lock: Option<engine::DirectoryLock>,
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
    /// [`Error::Corrupt`] if its files do not hold what was written; [`Error::Io`].
    pub fn open(mut options: Options) -> Result<Self> {
        // Named in messages for as long as the store is open, whatever the current directory is
        // then.
        if let Ok(absolute) = std::path::absolute(&options.directory) {
            options.directory = absolute;
        }
        let opened = engine::open(&options)?;
        Self::start(opened, options)
    }

    /// Starts the actors of an engine that the options opened.
    pub(crate) fn start(opened: Engine, options: Options) -> Result<Self> {
        let clock = Clock::system();
        let limits = SizeLimits::new(&options);
        let health = Arc::new(Health::default());
        let directory = options.directory;
        let actors = WriteActors::start(WriterParts {
            engine: opened.writer,
            reader: Arc::clone(&opened.reader),
            clock,
            limits,
            durability: options.durability,
            health: Arc::clone(&health),
        });
        let actors = actors.map_err(|e| Error::io("start a thread for", &directory, e))?;
        let shared = OpenStore {
            writes: Box::new(actors),
            reader: opened.reader,
            clock,
            limits,
            health,
            kind: opened.kind,
            capabilities: opened.capabilities,
            directory,
            durability: options.durability,
            is_read_only: options.read_only,
            _lock: opened.lock,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns the value of the key, or `None` if the key is not there or has expired.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Io`] if the value cannot be read; never for an absent key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(self.get_entry(key.as_ref())?.map(|entry| entry.value))
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] and [`Error::ValueTooLarge`]; [`Error::Io`] if it could not be
    /// written, in which case nothing changed; [`Error::UnknownOutcome`] and [`Error::Poisoned`]
    /// after a failed sync.
    pub fn set(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<()> {
        let operation =
            WriteOperation::Put { key: key.into(), value: value.into(), expires_at: None };
        self.apply(Batch::single(operation)).map(|_| ())
    }

    /// Removes the key; returns false if it was not there.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn remove(&self, key: impl Into<Vec<u8>>) -> Result<bool> {
        let applied = self.apply(Batch::single(WriteOperation::Remove { key: key.into() }))?;
        Ok(applied.answers.first() == Some(&WriteAnswer::Flag(true)))
    }

    /// Blocks until every write acknowledged before survives power loss, whatever the
    /// [`Durability`].
    ///
    /// # Errors
    /// [`Error::UnknownOutcome`] if the disk failed: the store then takes no more writes.
    pub fn sync(&self) -> Result<()> {
        self.shared.writes.sync().map_err(|_| self.gone())?
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
    pub(crate) fn apply(&self, batch: Batch) -> Result<Applied> {
        self.check(&batch)?;
        self.shared.writes.apply(batch).map_err(|_| self.gone())?
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
        Ok(self.shared.writes.try_apply(batches)?.map_err(|_| self.gone()))
    }

    /// Returns true if every write waits for the disk.
    pub(crate) fn waits_for_disk(&self) -> bool {
        self.shared.writes.waits_for_disk()
    }

    /// Hands batches to the writer without blocking; gives them back if its mailbox is full.
    ///
    /// The reply must not block. Every batch must have passed [`check`](Self::check).
    pub(crate) fn submit(
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

    /// Returns true if the writer ended, so that what [`submit`](Self::submit) gives back has
    /// nowhere to go.
    pub(crate) fn is_writer_gone(&self) -> bool {
        self.shared.writes.is_gone()
    }

    /// Returns an error unless this store takes the batch: it takes writes, within its limits.
    pub(crate) fn check(&self, batch: &Batch) -> Result<()> {
        if self.shared.is_read_only {
            return Err(Error::ReadOnly);
        }
        self.shared.limits.check(batch)
    }

    /// Returns an error unless this store takes removals of all these keys.
    pub(crate) fn check_removals(&self, keys: &[Vec<u8>]) -> Result<()> {
        if self.shared.is_read_only {
            return Err(Error::ReadOnly);
        }
        keys.iter().try_for_each(|key| self.shared.limits.check_key(key))
    }

    /// Returns the most operations of one batch.
    pub(crate) fn batch_operations_max(&self) -> usize {
        self.shared.limits.batch_operations_max()
    }

    /// Returns the error that stopped the store from taking writes, if one did.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.shared.health.failure()
    }

    /// Returns true if a write would fail, as far as is known.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.health.is_failing()
    }

    /// Returns the error of a write that nobody answers: while a handle exists, the writer ends
    /// only by a panic.
    fn gone(&self) -> Error {
        let panicked = || Error::Poisoned("the writer actor panicked".to_owned());
        self.shared.health.fail(panicked).poisoned()
    }
}
