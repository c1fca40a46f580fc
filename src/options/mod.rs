//! The options with which a store is opened.

mod backup;
mod byte_size;
mod cancellation;
mod compact;
mod eviction_policy;
mod open_progress;
mod plan;
pub mod table;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) use backup::BackupCallback;
pub use backup::{BackupOptions, BackupPhase, BackupProgress, BackupReport};
pub(crate) use cancellation::Cancellation;
pub use compact::{CompactProgress, CompactReport};
pub use eviction_policy::EvictionPolicy;
pub(crate) use open_progress::ProgressCallback;
pub use open_progress::{OpenPhase, OpenProgress};
pub use plan::{PlannedData, StoragePlan};

use crate::sync::Arc;
use crate::{EngineKind, Error, Result};

/// When an acknowledged write survives power loss. A killed process loses nothing in any mode.
///
/// The `sled` engine writes in the same way in every mode, and promises nothing of a power loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Before it is acknowledged: every group of writes is followed by one `fdatasync`.
    Always,
    /// This long after it was acknowledged, and as long as the disk takes to sync; what is lost is
    /// always a suffix.
    Interval(Duration),
    /// Whenever the operating system writes it back; what is lost is always a suffix.
    Never,
}

impl Default for Durability {
    fn default() -> Self {
        Self::Interval(Duration::from_millis(table::DURABILITY_INTERVAL_MILLISECONDS))
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => formatter.write_str("always"),
            Self::Interval(interval) => write!(formatter, "interval={}", interval.as_millis()),
            Self::Never => formatter.write_str("never"),
        }
    }
}

impl FromStr for Durability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || {
            Error::InvalidOption(format!(
                "unknown durability {text:?}: choose always, interval, interval=MILLISECONDS or \
                 never"
            ))
        };
        match text.split_once('=') {
            None if text == "always" => Ok(Self::Always),
            None if text == "never" => Ok(Self::Never),
            None if text == "interval" => Ok(Self::default()),
            Some(("interval", milliseconds)) => match milliseconds.parse() {
                Ok(milliseconds) if milliseconds > 0 => {
                    Ok(Self::Interval(Duration::from_millis(milliseconds)))
                }
                _ => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

/// The options of a store; each but the directory has a default.
///
/// ```
/// use kvs::{Durability, Options, Store};
///
/// # let directory = tempfile::tempdir()?;
/// let store = Store::open(Options::new(directory.path()).durability(Durability::Always))?;
/// store.set("key", "value")?;
/// assert_eq!(store.get("key")?.as_deref(), Some(&b"value"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) directory: PathBuf,
    pub(crate) engine: Option<EngineKind>,
    pub(crate) durability: Durability,
    pub(crate) lock_wait: Duration,
    pub(crate) key_bytes_max: usize,
    pub(crate) value_bytes_max: usize,
    pub(crate) batch_operations_max: usize,
    pub(crate) transaction_reads_max: usize,
    pub(crate) segment_bytes_max: u64,
    pub(crate) compaction_bytes_min: u64,
    pub(crate) cache_bytes: usize,
    pub(crate) memory_max: u64,
    pub(crate) eviction: EvictionPolicy,
    pub(crate) eviction_samples: usize,
    pub(crate) watch_bytes: usize,
    pub(crate) create: bool,
    pub(crate) read_only: bool,
    pub(crate) trust_directory: bool,
    pub(crate) on_open_progress: Option<ProgressCallback>,
}

impl Options {
    /// Returns the default options for a store in this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            engine: None,
            durability: Durability::default(),
            lock_wait: Duration::from_millis(table::LOCK_WAIT_MILLISECONDS),
            key_bytes_max: table::KEY_BYTES_MAX,
            value_bytes_max: table::VALUE_BYTES_MAX,
            batch_operations_max: table::BATCH_OPERATIONS_MAX,
            transaction_reads_max: table::TRANSACTION_READS_MAX,
            segment_bytes_max: table::SEGMENT_BYTES_MAX,
            compaction_bytes_min: table::COMPACTION_BYTES_MIN,
            cache_bytes: table::CACHE_BYTES,
            memory_max: 0,
            eviction: EvictionPolicy::NoEviction,
            eviction_samples: table::EVICTION_SAMPLES,
            watch_bytes: table::WATCH_BYTES,
            create: true,
            read_only: false,
            trust_directory: false,
            on_open_progress: None,
        }
    }

    /// Sets the engine; the default is the one that the directory was made with, or else `kvs`.
    #[must_use]
    pub fn engine(mut self, engine: EngineKind) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Sets when acknowledged writes survive power loss; the default is an interval of one second,
    /// less than one millisecond is taken as one.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = match durability {
            Durability::Interval(interval) => {
                Durability::Interval(interval.max(Duration::from_millis(1)))
            }
            Durability::Always | Durability::Never => durability,
        };
        self
    }

    /// Sets how long opening waits for another handle to let go of the directory; the default is
    /// one second.
    #[must_use]
    pub fn lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// Sets the longest key in bytes; the default is 64 KiB, more than 64 KiB is taken as 64 KiB.
    #[must_use]
    pub fn key_bytes_max(mut self, bytes: usize) -> Self {
        self.key_bytes_max = bytes.min(table::KEY_BYTES_MAX);
        self
    }

    /// Sets the longest value in bytes; the default is 64 MiB, more than 512 MiB is taken as 512
    /// MiB.
    #[must_use]
    pub fn value_bytes_max(mut self, bytes: usize) -> Self {
        self.value_bytes_max = bytes.min(512 << 20);
        self
    }

    /// Sets the most operations of one batch; the default is 65,536, less than one is taken as one.
    ///
    /// All other writes wait while a batch is applied, about 0.15 s for 65,536 operations. A server
    /// removes more keys than this, as `DEL` may name, in several batches.
    #[must_use]
    pub fn batch_operations_max(mut self, operations: usize) -> Self {
        self.batch_operations_max = operations.max(1);
        self
    }

    /// Sets the most keys that one [`Transaction`](crate::Transaction) reads, those that its scans
    /// return included; the default is 10,000.
    ///
    /// All other writes wait while the writer looks each of them up: some 10 ms for 10,000, less
    /// than 1 ms if one scan returned all of them.
    #[must_use]
    pub fn transaction_reads_max(mut self, keys: usize) -> Self {
        self.transaction_reads_max = keys;
        self
    }

    /// Sets the size at which the `kvs` engine starts a new segment file, between 4 KiB and 1 GiB;
    /// the default is 64 MiB.
    ///
    /// A batch is never split, so a segment may be longer than this by one group of writes. On a
    /// small file system a segment is full earlier: at a 32nd of it, but not for that below 256
    /// KiB, so that a full segment can be rewritten where the disk is nearly full.
    #[must_use]
    pub fn segment_bytes_max(mut self, bytes: u64) -> Self {
        self.segment_bytes_max = bytes.clamp(4 << 10, 1 << 30);
        self
    }

    /// Sets the bytes of garbage that the `kvs` engine collects before it compacts; the default is
    /// 4 MiB.
    ///
    /// It also waits until the log holds as much garbage as live records, and then rewrites the
    /// segments that hold the most, so that little has to be copied. A store takes at most about
    /// twice the space of its live data, or this much more than its live data if that is more; and
    /// while it compacts as much again as is live of the segments it rewrites. Without that space
    /// it gets what is reserved for a full disk, and compacts the emptiest segments whatever
    /// garbage there is.
    #[must_use]
    pub fn compaction_bytes_min(mut self, bytes: u64) -> Self {
        self.compaction_bytes_min = bytes;
        self
    }

    /// Sets the most bytes of memory for records that were read; the default is 256 MiB, 0 keeps
    /// none.
    ///
    /// The `kvs` engine fills it as values are read, with none that is longer, with its key, than a
    /// 1024th of it; once it is full, one in eight of the values that are not in it replaces
    /// others. A key that is in it is read without a look at the index and without a system call.
    /// For the `sled` engine it is the size of its own cache. The `memory` engine has no use for
    /// one.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Sets the most bytes of memory for the keys, the cache and what a server holds for its
    /// clients together; the default is 0, for no limit.
    ///
    /// Keys are in memory, values on the disk: so it is the number of keys and their length that
    /// counts, and in the `memory` engine the values, too. At the limit the cache gives way, down
    /// to a sixteenth of it; then keys are evicted as [`eviction`](Self::eviction) says, before
    /// the next write. Where nothing may be evicted, writes that may add something are
    /// [`Error::MemoryFull`](crate::Error::MemoryFull), and reads and removals go on. What only
    /// snapshots see does not count. The `sled` engine has no keys in memory, and refuses a limit.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// use kvs::{EvictionPolicy, Options, Store};
    ///
    /// let options = Options::new(directory.path());
    /// let store = Store::open(options.memory_max(1 << 20).eviction(EvictionPolicy::AllKeysLru))?;
    /// for number in 0..20_000 {
    ///     store.set(format!("key:{number}"), "value")?;
    /// }
    /// assert!(store.len()? < 20_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.memory_max = bytes;
        self
    }

    /// Sets which keys are evicted at the limit of [`memory_max`](Self::memory_max); the default is
    /// none.
    ///
    /// An eviction is a removal like any other: it is in the log, and watches are told of it. For
    /// the policies that look at the use of keys, a table keeps the last use of each key and
    /// their number, from the opening on. It takes a sixteenth to an eighth of the limit.
    #[must_use]
    pub fn eviction(mut self, policy: EvictionPolicy) -> Self {
        self.eviction = policy;
        self
    }

    /// Sets the number of keys at random among which the one to evict is chosen, at least 1; the
    /// default is 5. With more the choice is better, and takes longer.
    #[must_use]
    pub fn eviction_samples(mut self, samples: usize) -> Self {
        self.eviction_samples = samples.max(1);
        self
    }

    /// Sets the most bytes of memory for the latest changes, which [watches](crate::Keyspace::watch)
    /// read; the default is 16 MiB.
    ///
    /// They are kept from the first watch of a store on. Beside its keys and values a batch takes
    /// about 110 bytes, and 50 for each of its changes if it has several. A watch that is later
    /// than the oldest batch that is kept is told which versions it missed, as it is of a batch
    /// that is larger than this.
    #[must_use]
    pub fn watch_bytes(mut self, bytes: usize) -> Self {
        self.watch_bytes = bytes;
        self
    }

    /// Lets opening make a store where there is none, and the last component of the directory's
    /// path; the default is true.
    ///
    /// Without it, opening a directory that holds no store is
    /// [`Error::NoStore`](crate::Error::NoStore) and changes nothing.
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Opens the store to read it only; the default is false.
    ///
    /// It changes nothing in the directory, so it works on a read-only file system and without the
    /// permission to write. Any number of readers may have the store open, but none beside a
    /// writer. After a crash a reader sees every batch that is whole, even those that a power loss
    /// could still undo. Writes are [`Error::ReadOnly`](crate::Error::ReadOnly). The `sled` engine
    /// cannot be opened so.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Accepts a directory that belongs to another user, or that every user may change; the default
    /// is false.
    ///
    /// Such a directory is refused with
    /// [`Error::UntrustedDirectory`](crate::Error::UntrustedDirectory): its other users may change
    /// what is stored, and files that this program makes in it may be closed to its owner.
    #[must_use]
    pub fn trust_directory(mut self, trust: bool) -> Self {
        self.trust_directory = trust;
        self
    }

    /// Sets a function that is told of the progress of opening; by default there is none.
    ///
    /// It is called before anything is read, again and again meanwhile, and a last time with
    /// [`OpenPhase::Finished`] when the engine is open, all with numbers that never go back. In the
    /// `kvs` engine that is for each mebibyte of a segment and for each segment or hint that is
    /// read, and for each 16,384 or so records that are put into the index; the other engines have
    /// only the last call. An opening that fails has no last call.
    ///
    /// Several threads call it, one at a time: opening waits for it, so it should be fast. If it
    /// panics, it is not called again, and opening goes on.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// kvs::Store::open(kvs::Options::new(directory.path()))?.set("key", "value")?;
    /// let told = Arc::new(Mutex::new(Vec::new()));
    /// let all = Arc::clone(&told);
    /// let options = kvs::Options::new(directory.path())
    ///     .on_open_progress(move |progress| all.lock().unwrap().push(progress));
    /// kvs::Store::open(options)?;
    /// let told = told.lock().unwrap();
    /// assert_eq!(told[0].bytes_read, 0);
    /// let last = told.last().unwrap();
    /// assert_eq!(last.phase, kvs::OpenPhase::Finished);
    /// assert_eq!((last.bytes_read, last.records_indexed), (last.bytes_total, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on_open_progress(
        mut self,
        callback: impl Fn(OpenProgress) + Send + Sync + 'static,
    ) -> Self {
        self.on_open_progress = Some(ProgressCallback(Arc::new(callback)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_never_zero() {
        let options = Options::new("unused").durability(Durability::Interval(Duration::ZERO));
        assert_eq!(options.durability, Durability::Interval(Duration::from_millis(1)));
    }

    #[test]
    fn durability_reads_what_it_prints() {
        for text in ["always", "never", "interval=250"] {
            assert_eq!(text.parse::<Durability>().unwrap().to_string(), text);
        }
        assert_eq!("interval".parse::<Durability>().unwrap(), Durability::default());
        for text in ["", "sometimes", "interval=", "interval=0", "interval=1s", "always=1"] {
            assert!(text.parse::<Durability>().is_err(), "{text:?} is no durability");
        }
    }
}
