//! Engines: one write half, many read halves.
//!
//! An engine is two trait objects over the same data. The [`WriteHalf`] is owned by the writer actor
//! and is plain single-threaded code: it applies groups of batches, makes them durable, and hands out
//! background [`Job`]s whose results it takes back. The [`ReadHalf`] is shared by readers, connection
//! workers and embedding programs.
//!
//! The contract every engine keeps:
//! - Each batch of a group gets the next sequence number; that number is the version of every key it
//!   writes. A batch is applied whole or not at all, to readers and on disk.
//! - When [`WriteHalf::commit`] returns, every read sees the group; if it returned an error, none does,
//!   and none will unless the error is [`Error::UnknownOutcome`](crate::Error::UnknownOutcome).
//! - A group survives a crash once `commit` with `durable` or a later [`Delivery::Synced`] said so.
//! - A read error is an error, never an absence.
//! - Engines know no clock: they return entries whose expiry has passed, and tell which are due.
//!
//! `sled` keeps less of it: nothing survives power loss for sure, though a group survives the
//! process once `commit` returned; a group is visible before that; a clear, and the group it is in,
//! may be applied in part; and a read of several keys may see a part of a batch, as there are no
//! snapshots.
//!
//! | engine | on disk | snapshots | opening costs |
//! |---|---|---|---|
//! | [`kvs`] | the log of [`crate::storage`] | yes | a scan of the keys |
//! | `sled` (feature `sled`) | sled's own files | no | a scan of all keys |
//! | [`memory`] | nothing | yes | nothing |

mod directory;
mod jobs;
pub(crate) mod kvs;
mod marker;
mod memory;
mod read_only;
mod scan;
#[cfg(feature = "sled")]
mod sled;
#[cfg(test)]
mod tests;
mod threads;

pub(crate) use directory::DirectoryLock;

use std::fmt;
use std::str::FromStr;

pub(crate) use crate::storage::index::Snapshot;
pub(crate) use crate::storage::key_range::KeyRange;
pub(crate) use crate::storage::log::group::{Group, Mutation};
pub(crate) use crate::storage::segment::Access;
use directory::Directory;

use crate::storage::compaction::CompactionDelivery;
use crate::storage::fs::{FileSystem, RealFileSystem};
use crate::storage::log::reserve::Made;
use crate::storage::log::standby::Standby;
use crate::sync::Arc;
use crate::{Error, Options, Result};

/// The engines a store can be made with; the directory remembers which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineKind {
    /// This crate's own log-structured engine.
    Kvs,
    /// The `sled` embedded database, in builds with the Cargo feature `sled`, which is a default
    /// one.
    Sled,
    /// An in-memory store: nothing survives the process.
    Memory,
}

impl EngineKind {
    /// Returns the engines of this build.
    #[must_use]
    pub fn available() -> &'static [Self] {
        match cfg!(feature = "sled") {
            true => &[Self::Kvs, Self::Sled, Self::Memory],
            false => &[Self::Kvs, Self::Memory],
        }
    }

    /// Returns the engine of this name, which another build may have made a directory with.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Kvs, Self::Sled, Self::Memory].into_iter().find(|kind| kind.name() == name)
    }

    /// Refuses an engine that this build does not have.
    fn require(self) -> Result<Self> {
        if Self::available().contains(&self) {
            return Ok(self);
        }
        let missing = format!("this build has no {self} engine");
        let advice = format!("choose {Choices}, or build kvs with its Cargo feature {self}");
        Err(Error::InvalidOption(format!("{missing}: {advice}")))
    }

    /// The name used on command lines and in the data directory.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvs => "kvs",
            Self::Sled => "sled",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::InvalidOption(format!("unknown engine {name:?}: choose {Choices}"));
        Self::named(name).ok_or_else(unknown)?.require()
    }
}

/// The engines of this build, as a sentence lists them.
struct Choices;

impl fmt::Display for Choices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = EngineKind::available().iter().map(|kind| kind.name()).collect();
        let (last, others) = names.split_last().expect("every build has an engine");
        write!(formatter, "{} or {last}", others.join(", "))
    }
}

/// A value with the version that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value's bytes.
    pub value: Vec<u8>,
    /// The sequence number of the commit that wrote it; grows with every change of the key. Numbers of
    /// writes that a power loss took are given again.
    pub version: u64,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<u64>,
}

/// What is known of an entry without reading its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The sequence number of the commit that wrote it.
    pub(crate) version: u64,
    /// When it expires, in milliseconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
}

/// The answer of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// The entry, its expiry not looked at.
    Found(Entry),
    /// The key is not there.
    Absent,
    /// Answering would touch the disk.
    Cold,
}

/// One key of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The value; empty in a scan of keys alone.
    pub(crate) entry: Entry,
}

/// What a page of a scan covers.
#[derive(Clone, Copy)]
pub(crate) struct ScanPage<'a> {
    /// The keys to visit.
    pub(crate) range: &'a KeyRange,
    /// The point in time; `None` reads what is newest page by page.
    pub(crate) snapshot: Option<&'a Snapshot>,
    /// The most keys to visit; fewer than this many results, removed keys counted, end the scan.
    pub(crate) limit: usize,
    /// Leave the values out.
    pub(crate) keys_only: bool,
}

/// The result of a page: live entries, and where to go on.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// In the order of the scan.
    pub(crate) entries: Vec<Scanned>,
    /// The last key that was visited, if the range may hold more.
    pub(crate) resume_after: Option<Vec<u8>>,
}

/// The half that reads; see the [module](self) for the contract.
pub(crate) trait ReadHalf: Send + Sync + 'static {
    /// The newest entry of the key.
    fn get(&self, key: &[u8], access: Access) -> Result<Lookup>;

    /// The entry of the key that the snapshot sees.
    fn get_at(&self, key: &[u8], snapshot: &Snapshot, access: Access) -> Result<Lookup>;

    /// The newest entry's stamp; never touches the disk in engines that index in memory.
    fn peek(&self, key: &[u8]) -> Result<Option<Stamp>>;

    /// The stamp of the entry that the snapshot sees.
    fn peek_at(&self, key: &[u8], snapshot: &Snapshot) -> Result<Option<Stamp>>;

    /// Whether [`peek`](Self::peek) may wait for the disk.
    fn peek_may_wait(&self) -> bool {
        false
    }

    /// Entries in key order.
    fn scan(&self, page: &ScanPage<'_>) -> Result<Page>;

    /// Registers the present; [`Error::Unsupported`] where the engine cannot.
    fn snapshot(&self) -> Result<Snapshot>;

    /// How many keys there are.
    fn count(&self) -> u64;

    /// How many of them have an expiry.
    fn expiring(&self) -> u64;
}

/// What kind of background work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobKind {
    /// Makes what was written durable; a failure stops the store from taking writes.
    Sync,
    /// Reclaims space; a failure leaves everything as it was.
    Compaction,
    /// Makes what the next writes need; a failure leaves everything as it was.
    Preparation,
    /// Makes the next open faster; a failure leaves everything as it was.
    Hint,
}

/// Background work that the write half hands out; it runs on the maintenance actor.
pub(crate) trait Job: Send {
    /// What a failure means.
    fn kind(&self) -> JobKind;

    /// Does a bounded amount of work.
    fn step(&mut self) -> Result<Step>;
}

/// How a step of a job ended.
pub(crate) enum Step {
    /// There is more to do.
    Continue,
    /// There is more to do once the write half has taken this.
    Deliver(Delivery),
    /// The job is done, and this is for the write half.
    Done(Delivery),
}

/// What a job hands back to the write half.
pub(crate) enum Delivery {
    /// Everything up to this sequence number is durable.
    Synced(u64),
    /// Part of a compaction.
    Compaction(CompactionDelivery),
    /// The file of the next segment.
    Standby(Standby),
    /// The outcome of making the reserve for a full disk.
    Reserved(Made),
    /// The job that makes the next open faster is done.
    Hinted,
    /// The job failed.
    Failed(JobKind, Error),
}

/// The half that writes; see the [module](self) for the contract.
pub(crate) trait WriteHalf: Send {
    /// The sequence number the next batch gets.
    fn next_sequence(&self) -> u64;

    /// Applies every batch of the group in order; with `durable`, waits until it survives power
    /// loss. A group that failed stays as it is, and what is left of one that was applied is of no
    /// use.
    fn commit(&mut self, group: &mut Group, durable: bool) -> Result<()>;

    /// Returns what a write met that found the disk full, while only batches are taken that free
    /// space.
    fn full(&self) -> Option<&Error> {
        None
    }

    /// Takes note that time has passed; an error where nothing may be written any more.
    fn tick(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes everything committed survive power loss before it returns.
    fn sync(&mut self) -> Result<()>;

    /// A job that makes everything committed durable in the background, if something is not.
    fn offer_sync(&mut self) -> Option<Box<dyn Job>>;

    /// A job that reclaims space, if one is worth it and none runs.
    fn offer_compaction(&mut self) -> Option<Box<dyn Job>>;

    /// A job that makes what later commits will need, if there is something to make and none runs.
    fn offer_preparation(&mut self) -> Option<Box<dyn Job>> {
        None
    }

    /// A job that makes the next open faster, if there is one and no other job but a sync runs.
    fn offer_hint(&mut self) -> Option<Box<dyn Job>> {
        None
    }

    /// Takes back what a job brought.
    fn take(&mut self, delivery: Delivery) -> Result<()>;

    /// Up to `limit` keys whose expiry is at or before `now` (milliseconds since the Unix epoch).
    fn due(&self, now: u64, limit: usize) -> Vec<Vec<u8>>;

    /// Returns the soonest expiry of any key.
    fn next_deadline(&self) -> Option<u64>;

    /// Returns [`Error::Removed`](crate::Error::Removed) if the directory or a file of the store was
    /// removed or replaced, so that nothing more is acknowledged that nobody would find again.
    fn check_files(&mut self) -> Result<()> {
        Ok(())
    }

    /// Syncs and marks a clean close; nothing is committed after it.
    fn close(&mut self) -> Result<()>;
}

/// Both halves of an open engine.
pub(crate) struct Engine {
    /// For the writer actor.
    pub(crate) writer: Box<dyn WriteHalf>,
    /// For everybody else.
    pub(crate) reader: Arc<dyn ReadHalf>,
    /// Which engine it is.
    pub(crate) kind: EngineKind,
    /// Keeps other processes out of the directory, if there is one.
    pub(crate) lock: Option<DirectoryLock>,
}

/// Opens the engine that the options or the directory name.
pub(crate) fn open(options: &Options) -> Result<Engine> {
    open_in(options, Arc::new(RealFileSystem))
}

/// As [`open`], on any file system; `sled` has its own.
pub(crate) fn open_in(options: &Options, file_system: Arc<dyn FileSystem>) -> Result<Engine> {
    options.engine.map(EngineKind::require).transpose()?;
    let Some(directory) = Directory::open(options, file_system)? else {
        return Ok(memory::open());
    };
    match directory.kind {
        EngineKind::Kvs => kvs::open(options, directory),
        #[cfg(feature = "sled")]
        EngineKind::Sled => sled::open(options, directory),
        #[cfg(not(feature = "sled"))]
        EngineKind::Sled => {
            Err(Error::UnsupportedEngine { path: directory.path, engine: directory.kind })
        }
        EngineKind::Memory => Ok(memory::open()),
    }
}
