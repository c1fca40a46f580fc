//! The errors of a store, and of a server over it.
//!
//! A client has errors of its own: it knows its server only by the answers.

use std::io;
use std::path::{Path, PathBuf};

use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::sync::Arc;

mod for_clients;
#[cfg(test)]
mod tests;

/// The result of every fallible operation of a store or a server.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a store or a server, with the file and offset or the key in its message.
///
/// Cloneable, because one failed group commit is the answer to every caller of that group.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key to remove is not in the store.
    #[error("Key not found")]
    KeyNotFound,

    /// A file operation failed.
    #[error(
        "cannot {action} {}{}{}: {source}",
        path.display(),
        at(*offset),
        of_key(key.as_deref())
    )]
    Io {
        /// The operation, as a verb with its preposition.
        action: &'static str,
        /// The file or directory it was done to.
        path: PathBuf,
        /// The place in the file, in bytes from its start, if that matters.
        offset: Option<u64>,
        /// The first key of the batch that was not written for it, escaped and shortened.
        key: Option<String>,
        /// The error of the operating system.
        #[source]
        source: Arc<io::Error>,
    },

    /// A file does not hold what was written to it.
    #[error(
        "{} is damaged{}: {reason}; restore it from a backup or another copy, or `kvs repair` it",
        path.display(),
        offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default()
    )]
    Corrupt {
        /// The damaged file, or the directory of an engine that does not name the file.
        path: PathBuf,
        /// The distance from the start of the file in bytes, if it is known.
        offset: Option<u64>,
        /// The damage.
        reason: String,
    },

    /// A file has a format version this build does not read.
    #[error(
        "{} has format version {found}, and this build reads version {supported} only; serve the \
         store with the build that wrote it and copy its keys to a new one, or choose an empty \
         directory",
        path.display()
    )]
    UnsupportedFormat {
        /// The file.
        path: PathBuf,
        /// The version it states.
        found: u32,
        /// The version this build reads and writes.
        supported: u32,
    },

    /// A key is longer than the store allows.
    #[error("key of {bytes} bytes is longer than the limit of {bytes_max}")]
    KeyTooLarge {
        /// Length of the key.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },

    /// A value is longer than the store allows.
    #[error("value of {bytes} bytes for key \"{key}\" is longer than the limit of {bytes_max}")]
    ValueTooLarge {
        /// The key, escaped and shortened.
        key: String,
        /// Length of the value.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },

    /// A batch is larger than one record of the log may be.
    #[error("batch of {bytes} bytes is larger than the limit of {bytes_max}; split it")]
    BatchTooLarge {
        /// Size of the batch.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },

    /// The memory for keys is used up, and no key may be evicted; nothing was written.
    #[error(
        "the memory for keys is used up ({used} of {max} bytes), so nothing can be added; remove \
         keys, let some be evicted (`Options::eviction`) or raise `Options::memory_max`"
    )]
    MemoryFull {
        /// The bytes that are used.
        used: u64,
        /// The limit.
        max: u64,
    },

    /// A batch has more operations than the store applies as one unit.
    #[error("batch of {operations} operations is over the limit of {operations_max}; split it")]
    TooManyOperations {
        /// The operations of the batch.
        operations: usize,
        /// The limit.
        operations_max: usize,
    },

    /// A condition of a batch did not hold; nothing of the batch was applied.
    #[error("condition on key \"{key}\" does not hold, nothing was applied")]
    ConditionFailed {
        /// The key, escaped and shortened.
        key: String,
    },

    /// Something that a transaction has read was changed meanwhile; nothing was written.
    #[error(
        "another write changed what the transaction had read, so nothing of it was written; run it \
         again"
    )]
    TransactionConflict,

    /// A transaction reads more keys than the writer checks at once; nothing was written.
    #[error(
        "a transaction reads at most {reads_max} keys; read less in it, or raise \
         `Options::transaction_reads_max`"
    )]
    TransactionTooLarge {
        /// The limit.
        reads_max: usize,
    },

    /// The value of a key that was to be added to is no integer; nothing of the batch was applied.
    #[error(
        "the value of key \"{key}\" is no decimal integer of 64 bits, so nothing can be added to it"
    )]
    NotAnInteger {
        /// The key, escaped and shortened.
        key: String,
    },

    /// A sum does not fit 64 bits; nothing of the batch was applied.
    #[error("adding {amount} to the integer of key \"{key}\" would overflow 64 bits")]
    IntegerOverflow {
        /// The key, escaped and shortened.
        key: String,
        /// The number that was to be added.
        amount: i64,
    },

    /// The value of a key that was to be added to is no number; nothing of the batch was applied.
    #[error("the value of key \"{key}\" is no number, so nothing can be added to it")]
    NotAFloat {
        /// The key, escaped and shortened.
        key: String,
    },

    /// A sum is infinite; nothing of the batch was applied.
    #[error("adding to the number of key \"{key}\" would make it infinite")]
    FloatOverflow {
        /// The key, escaped and shortened.
        key: String,
    },

    /// The value of a key has another type than the operation is for; nothing was changed.
    #[error("Operation against a key holding the wrong kind of value")]
    WrongType,

    /// A keyspace has the name already.
    #[error("a keyspace is called \"{name}\" already")]
    KeyspaceExists {
        /// The name.
        name: String,
    },

    /// No keyspace has the name.
    #[error("no keyspace is called \"{name}\"")]
    NoSuchKeyspace {
        /// The name.
        name: String,
    },

    /// The default keyspace was to be dropped, renamed or swapped.
    #[error("the default keyspace can be neither dropped nor renamed nor swapped")]
    DefaultKeyspace,

    /// The keyspace of a write was dropped after its handle was opened; nothing was written.
    #[error(
        "keyspace {} was dropped; open a new one of that name to write to it",
        if name.is_empty() { format!("number {number}") } else { format!("\"{name}\"") }
    )]
    KeyspaceDropped {
        /// The number that it had in the catalogue.
        number: u32,
        /// The name that the handle was opened by; empty for a write without a handle.
        name: String,
    },

    /// A keyspace of one open store was used with another one.
    #[error("keyspace \"{name}\" was opened from another store; open it from this one")]
    ForeignKeyspace {
        /// The name that the handle was opened by.
        name: String,
    },

    /// The name of a keyspace is empty or too long.
    #[error("the name of a keyspace has 1 to 255 bytes, not {bytes}")]
    InvalidKeyspaceName {
        /// The length of the name.
        bytes: usize,
    },

    /// The directory belongs to another engine.
    #[error("{} holds a store of engine {found}, it cannot be opened as {wanted}", path.display())]
    WrongEngine {
        /// The directory.
        path: PathBuf,
        /// The engine it was made with.
        found: String,
        /// The engine asked for.
        wanted: String,
    },

    /// The directory holds no store, and none was to be made.
    #[error("{} holds no store", path.display())]
    NoStore {
        /// The directory.
        path: PathBuf,
    },

    /// The directory that a backup was to be made in holds something already.
    #[error("{} is not empty; name a new directory, or an empty one", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },

    /// The directory holds a backup that was not finished, so it is no store.
    #[error("{} holds an unfinished backup; make it again, or remove it", path.display())]
    UnfinishedBackup {
        /// The directory.
        path: PathBuf,
    },

    /// The directory belongs to another user, or every user may change it.
    #[error(
        "{} is not safe to keep a store in: {reason}; change its owner or its mode, run as its \
         owner, or trust it (`--trust-dir`, `Options::trust_directory`)",
        path.display()
    )]
    UntrustedDirectory {
        /// The directory.
        path: PathBuf,
        /// The users that may change it.
        reason: String,
    },

    /// The store was opened to read it only.
    #[error("the store is open for reading only")]
    ReadOnly,

    /// The directory or a file of the store was removed or replaced while it was open.
    #[error(
        "{} was removed or replaced while the store was open, so what was written last may be \
         lost; the store takes no more writes",
        path.display()
    )]
    Removed {
        /// The directory or the file.
        path: PathBuf,
    },

    /// The directory belongs to an engine that this build does not have.
    #[error(
        "{} holds a store of engine {engine}, and this build has no {engine} engine; \
         build kvs with its Cargo feature {engine}",
        path.display()
    )]
    UnsupportedEngine {
        /// The directory.
        path: PathBuf,
        /// The engine it was made with.
        engine: String,
    },

    /// The name of an engine, a durability mode, an address or another option is not known.
    #[error("{0}")]
    InvalidOption(String),

    /// Another process, or another handle in this one, has the directory open.
    #[error(
        "{} is in use by {}; stop it or choose another directory",
        path.display(), holder.as_deref().unwrap_or("another process")
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, if the lock file says so.
        holder: Option<String>,
    },

    /// The outcome of a write is not known, because making it durable failed.
    #[error("the write may or may not survive a crash: {0}; the store takes no more writes")]
    UnknownOutcome(#[source] Arc<Error>),

    /// An earlier failure stopped the store from taking writes.
    #[error("the store takes no more writes after an earlier failure: {0}; close and reopen it")]
    Poisoned(String),

    /// The store or the server was closed before it answered.
    #[error("the store is closed")]
    Closed,

    /// The engine cannot do this.
    #[error("engine {engine} does not support {feature}")]
    Unsupported {
        /// The engine's name.
        engine: &'static str,
        /// The missing ability.
        feature: &'static str,
    },

    /// A key or value read through a text view is not UTF-8.
    #[error("the value of key \"{key}\" is not UTF-8")]
    NotText {
        /// The key, escaped and shortened.
        key: String,
    },

    /// The `sled` engine failed.
    #[cfg(feature = "sled")]
    #[error("sled failed: {0}")]
    Sled(#[source] sled::Error),

    /// The server cannot use its address.
    #[error("cannot {action} {address}: {source}")]
    Network {
        /// The operation, as a verb with its preposition.
        action: &'static str,
        /// The address of the server.
        address: Endpoint,
        /// The error of the operating system.
        #[source]
        source: Arc<io::Error>,
    },

    /// The operating system does not give a thread.
    #[error("cannot start a thread: {source}")]
    NoThread {
        /// The error of the operating system.
        #[source]
        source: Arc<io::Error>,
    },
}

impl Error {
    /// Wraps an error of the operating system about a file.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let (path, source) = (path.to_path_buf(), Arc::new(source));
        Self::Io { action, path, offset: None, key: None, source }
    }

    /// Names the place in the file.
    pub(crate) fn at_offset(self, offset: u64) -> Self {
        match self {
            Self::Io { action, path, key, source, .. } => {
                Self::Io { action, path, offset: Some(offset), key, source }
            }
            other => other,
        }
    }

    /// Names the key that was not written for the failure of a file.
    pub(crate) fn with_key(self, key: String) -> Self {
        match self {
            Self::Io { action, path, offset, source, .. } => {
                Self::Io { action, path, offset, key: Some(key), source }
            }
            Self::UnknownOutcome(error) => {
                Self::UnknownOutcome(Arc::new((*error).clone().with_key(key)))
            }
            other => other,
        }
    }

    /// Returns true if files of the open store were removed or replaced. Its directory no longer
    /// holds what was written, so a program had better end.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        matches!(self, Self::Removed { .. })
    }

    /// Returns true if a file does not hold what was written to it.
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::UnknownOutcome(error) => error.is_corruption(),
            _ => false,
        }
    }

    /// Returns true if there is no such key, or no store in the directory.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::KeyNotFound | Self::NoStore { .. })
    }

    /// Returns true if nothing was done, and the same call may succeed later: the directory is in
    /// use, the disk or the memory for keys is full, or a transaction met a conflict.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::TransactionConflict | Self::MemoryFull { .. })
            || self.is_disk_full()
    }

    /// Returns the error of writes that come after this failure.
    pub(crate) fn poisoned(&self) -> Self {
        match self {
            Self::Poisoned(reason) => Self::Poisoned(reason.clone()),
            failure => Self::Poisoned(failure.to_string()),
        }
    }

    /// Wraps an error of the operating system about the address of a server.
    pub(crate) fn network(action: &'static str, address: &Endpoint, source: io::Error) -> Self {
        let address = address.clone();
        Self::Network { action, address, source: Arc::new(source) }
    }

    /// Wraps an error of the operating system about a thread.
    pub(crate) fn no_thread(source: io::Error) -> Self {
        Self::NoThread { source: Arc::new(source) }
    }

    /// Names damage by file and offset.
    pub(crate) fn corrupt(path: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_path_buf(), offset: Some(offset), reason: reason.into() }
    }

    /// Returns true if the disk or a quota has no space left.
    pub(crate) fn is_out_of_space(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Returns true if the disk had no room: nothing was written, the store stays readable, and it
    /// takes writes again once there is space.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if self.is_out_of_space() || source.kind() == io::ErrorKind::FileTooLarge)
    }
}

impl From<InvalidEndpoint> for Error {
    fn from(error: InvalidEndpoint) -> Self {
        Self::InvalidOption(error.to_string())
    }
}

fn at(offset: Option<u64>) -> String {
    offset.map_or_else(String::new, |offset| format!(" at offset {offset}"))
}

fn of_key(key: Option<&str>) -> String {
    key.map_or_else(String::new, |key| format!(" for key \"{key}\""))
}

/// Returns a key as it stands in messages: escaped, and cut after 64 bytes.
pub(crate) fn printable(key: &[u8]) -> String {
    const SHOWN: usize = 64;
    let shown = key.get(..SHOWN).unwrap_or(key).escape_ascii();
    if key.len() > SHOWN { format!("{shown}...") } else { shown.to_string() }
}
