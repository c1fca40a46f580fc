//! The store: a cheap, clonable handle on an engine, and the actors behind it.
//!
//! A write is a message to the [`writer`] and an answer from it. A read is done by the calling thread
//! on its read half, without a lock. The actors end, and the directory is let go, when the last handle
//! is dropped.

mod batch;
pub(crate) mod clock;
mod expiry_schedule;
pub(crate) mod health;
mod integer;
mod limits;
mod maintenance;
mod operation;
mod outcome;
mod precondition;
pub(crate) mod read;
pub(crate) mod reader;
mod request;
pub(crate) mod resolve;
pub(crate) mod scan;
#[cfg(test)]
mod tests;
mod text;
mod update;
mod write_batch;
mod writer;

#[cfg(feature = "sled")]
pub use text::SledKvsEngine;
pub use text::{KvStore, KvsEngine};
pub use write_batch::WriteBatch;

pub(crate) use batch::{Batch, WriteOperations};
pub(crate) use integer::parse_integer;
pub(crate) use limits::SizeLimits;
pub(crate) use operation::WriteOperation;
pub(crate) use outcome::{Applied, BatchOutcome, WriteAnswer, WriteAnswers};
pub(crate) use precondition::Precondition;
#[cfg(any(test, fuzzing))]
pub(crate) use update::KeyChange;
#[cfg(test)]
pub(crate) use update::Probe;
pub(crate) use update::{ExpiryConditions, NewExpiry, Update, UpdateRefusal};

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::actor::{ActorThread, Address, Reply, mailbox, spawn};
use crate::engine::{self, Capabilities, Engine, ReadHalf};
use crate::sync::Arc;
use crate::{Durability, EngineKind, Error, Options, Result};
use clock::Clock;
use health::Health;
use maintenance::Maintenance;
use writer::{Writer, WriterMessage, WriterParts};

/// A handle on an open store of byte keys and values.
///
/// Cloning is cheap, and every clone may be used from its own thread. The last one to be dropped waits
/// until everything is written and synced, marks a clean close and lets the directory go.
///
/// Writes are serialized by one thread and acknowledged as the [`Durability`] says; writes of many
/// threads that wait at the same time share one disk access. Reads take no lock and see every write
/// that was acknowledged before they began.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { kind, directory, .. } = &*self.shared;
        formatter.debug_struct("Store").field("engine", kind).field("directory", directory).finish()
    }
}

/// Dropped in the order of its fields: closing the writer's mailbox ends the writer, which ends
/// maintenance; only then is the directory let go.
struct Shared {
    writer: Address<WriterMessage>,
    _writer_thread: ActorThread,
    _maintenance_thread: ActorThread,
    reader: Arc<dyn ReadHalf>,
    clock: Clock,
    limits: SizeLimits,
    health: Arc<Health>,
    kind: EngineKind,
    capabilities: Capabilities,
    directory: PathBuf,
    durability: Durability,
    is_read_only: bool,
    _lock: Option<engine::DirectoryLock>,
}

/// The time from one look at syncs and compactions to the next, unless a shorter one is asked for.
const TICK: Duration = Duration::from_secs(1);

impl Store {
    /// Opens the store, making it if the directory holds none, and the directory if only the last
    /// component of its path is missing.
    ///
    /// The path is resolved once: the store goes on in its directory if that is renamed later, and if
    /// the current directory changes.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is none and [`Options::create`] is off;
    /// [`Error::UntrustedDirectory`] if other users may change the directory;
    /// [`Error::Locked`] if another handle keeps the directory for longer than
    /// [`Options::lock_wait`]; [`Error::WrongEngine`] if it belongs to another engine than the one asked
    /// for; [`Error::Corrupt`] if its files do not hold what was written; [`Error::Io`].
    pub fn open(mut options: Options) -> Result<Self> {
        // Named in messages for as long as the store is open, whatever the current directory is then.
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
        let (writer, writer_inbox) = mailbox(writer::MAILBOX_MESSAGES);
        let (jobs, jobs_inbox) = mailbox(maintenance::MAILBOX_JOBS);
        let interval = match options.durability {
            Durability::Interval(interval) => interval.min(TICK),
            Durability::Always | Durability::Never => TICK,
        };
        let maintenance = Maintenance::new(writer.downgrade(), interval);
        let actor = Writer::new(WriterParts {
            engine: opened.writer,
            reader: Arc::clone(&opened.reader),
            jobs,
            clock,
            limits,
            durability: options.durability,
            health: Arc::clone(&health),
        });
        let directory = options.directory;
        let no_thread = |error| Error::io("start a thread for", &directory, error);
        let maintenance_thread =
            spawn("kvs-maintenance", maintenance, jobs_inbox).map_err(no_thread)?;
        let writer_thread = spawn("kvs-writer", actor, writer_inbox).map_err(no_thread)?;
        let shared = Shared {
            writer,
            _writer_thread: writer_thread,
            _maintenance_thread: maintenance_thread,
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

    /// The value of the key, or `None` if the key is not there or has expired.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Io`] if the value cannot be read; never for an absent key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(self.get_entry(key.as_ref())?.map(|entry| entry.value))
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] and [`Error::ValueTooLarge`]; [`Error::Io`] if it could not be written, in
    /// which case nothing changed; [`Error::UnknownOutcome`] and [`Error::Poisoned`] after a failed sync.
    pub fn set(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<()> {
        let operation =
            WriteOperation::Put { key: key.into(), value: value.into(), expires_at: None };
        self.apply(Batch::single(operation)).map(|_| ())
    }

    /// Removes the key; false if it was not there.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn remove(&self, key: impl Into<Vec<u8>>) -> Result<bool> {
        let applied = self.apply(Batch::single(WriteOperation::Remove { key: key.into() }))?;
        Ok(applied.answers.first() == Some(&WriteAnswer::Flag(true)))
    }

    /// Waits until every write acknowledged before survives power loss, whatever the [`Durability`].
    ///
    /// # Errors
    /// [`Error::UnknownOutcome`] if the disk failed: the store then takes no more writes.
    pub fn sync(&self) -> Result<()> {
        let (reply, answer) = Reply::channel();
        self.tell(WriterMessage::Sync { reply })?;
        answer.wait().map_err(|_| self.gone())?
    }

    /// The engine behind this store.
    #[must_use]
    pub fn engine(&self) -> EngineKind {
        self.shared.kind
    }

    /// The directory it was opened on.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// When acknowledged writes survive power loss.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.shared.durability
    }

    /// Applies a batch and waits for it.
    pub(crate) fn apply(&self, batch: Batch) -> Result<Applied> {
        self.check(&batch)?;
        let (reply, answer) = Reply::channel();
        self.tell(WriterMessage::Write { batches: vec![batch], reply })?;
        let outcomes = answer.wait().map_err(|_| self.gone())?;
        // One batch has one outcome.
        outcomes.into_iter().next().unwrap_or_else(|| Err(self.gone()))
    }

    /// Hands batches to the writer without waiting; gives them back if its mailbox is full.
    ///
    /// The reply must not block. Every batch must have passed [`check`](Self::check).
    pub(crate) fn submit(
        &self,
        batches: Vec<Batch>,
        reply: Reply<Vec<BatchOutcome>>,
    ) -> std::result::Result<(), Submission> {
        let message = WriterMessage::Write { batches, reply };
        self.shared.writer.try_send(message).map_err(|message| match message {
            WriterMessage::Write { batches, reply } => Submission { batches, reply },
            _ => unreachable!("a mailbox gives back what it was given"),
        })
    }

    /// Asks for a sync without waiting; gives the reply back if the writer's mailbox is full.
    pub(crate) fn submit_sync(
        &self,
        reply: Reply<Result<()>>,
    ) -> std::result::Result<(), Reply<Result<()>>> {
        self.shared.writer.try_send(WriterMessage::Sync { reply }).map_err(
            |message| match message {
                WriterMessage::Sync { reply } => reply,
                _ => unreachable!("a mailbox gives back what it was given"),
            },
        )
    }

    /// Whether the writer ended, so that what [`submit`](Self::submit) gives back has nowhere to go.
    pub(crate) fn is_writer_gone(&self) -> bool {
        self.shared.writer.is_gone()
    }

    /// Returns an error unless this store takes the batch: it takes writes, within its limits.
    pub(crate) fn check(&self, batch: &Batch) -> Result<()> {
        if self.shared.is_read_only {
            return Err(Error::ReadOnly);
        }
        self.shared.limits.check(batch)
    }

    /// Returns the error that stopped the store from taking writes, if one did.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.shared.health.failure()
    }

    /// Returns true if a write would fail, as far as is known.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.health.is_failing()
    }

    fn tell(&self, message: WriterMessage) -> Result<()> {
        self.shared.writer.send(message).map_err(|_| self.gone())
    }

    /// While a handle exists the writer ends only by a panic.
    fn gone(&self) -> Error {
        let panicked = || Error::Poisoned("the writer actor panicked".to_owned());
        self.shared.health.fail(panicked).poisoned()
    }
}

/// Batches that found the writer's mailbox full.
pub(crate) struct Submission {
    /// The batches.
    pub(crate) batches: Vec<Batch>,
    /// Who waits for them.
    pub(crate) reply: Reply<Vec<BatchOutcome>>,
}
