//! The errors of exports and imports.

use std::io;
use std::path::{Path, PathBuf};

use super::imported::Imported;
use crate::{ClientError, Endpoint, Error};

/// An error of an export, or the reason why an import ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The store failed, or refused an entry.
    #[error(transparent)]
    Store(#[from] Error),

    /// The server failed, or refused an entry, or it cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),

    /// The reader or the writer that the program gave failed.
    #[error("cannot {action}: {source}")]
    Stream {
        /// The operation, as a verb with its object.
        action: &'static str,
        /// The error of the reader or writer.
        #[source]
        source: io::Error,
    },

    /// A file failed.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },

    /// There is a file of the name that an export was to have.
    #[error("{} exists already, and is not replaced; choose another name", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },

    /// Another export writes to the same file.
    #[error("another export is writing {}", path.display())]
    FileBusy {
        /// The file.
        path: PathBuf,
    },

    /// RESP has no keyspaces, and keys would be left out.
    #[error(
        "a stream of SET commands holds one keyspace, and these have keys as well: {}; choose one",
        names.join(", ")
    )]
    SeveralKeyspaces {
        /// The keyspaces with keys, but for the default one.
        names: Vec<String>,
    },

    /// The store has keys, and an import was not told to merge with them.
    #[error(
        "there are keys already; tell the import to merge (--merge), and what it reads replaces \
         them: also to run one again that did not end"
    )]
    NotEmpty,

    /// The input is not what the format says.
    #[error("{place}: {reason}")]
    Malformed {
        /// The place, such as `line 7`.
        place: String,
        /// The violation of the format.
        reason: String,
    },

    /// The input ends too early.
    #[error("{place} is the last, and the end is missing: {missing}")]
    Truncated {
        /// The last place, such as `line 7`.
        place: String,
        /// The missing end.
        missing: &'static str,
    },

    /// The store or the server refused the entry at a place of the input.
    #[error("{place}: {source}")]
    Refused {
        /// The place, such as `line 7`.
        place: String,
        /// The refusal.
        #[source]
        source: Box<Self>,
    },

    /// The Redis server refused a command.
    #[error("the Redis server at {address} refused {command}: {message}{}", advice(message))]
    Redis {
        /// The address of the server.
        address: Endpoint,
        /// The name of the command.
        command: String,
        /// The answer of the server.
        message: String,
    },

    /// The Redis server is one of a cluster, and so has a part of the keys.
    #[error(
        "the Redis server at {address} is one of a cluster and has only a part of the keys; import \
         from each of the masters, and tell the import to merge (--merge)"
    )]
    RedisCluster {
        /// The address of the server.
        address: Endpoint,
    },

    /// The source is no database of sled, or one that cannot be imported as it is.
    #[error("{}: {reason}", path.display())]
    Sled {
        /// The directory.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// Returns the end of a message about a refused command.
fn advice(message: &str) -> &'static str {
    match message.split(' ').next() {
        Some("NOAUTH" | "WRONGPASS") => "; give its password",
        _ => "",
    }
}

impl TransferError {
    /// Wraps an error of a file.
    pub(super) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_path_buf(), source }
    }

    /// Wraps an error of the writer of an export.
    pub(super) fn writing(source: io::Error) -> Self {
        Self::Stream { action: "write the export", source }
    }

    /// Wraps an error of the reader of an import.
    pub(super) fn reading(source: io::Error) -> Self {
        Self::Stream { action: "read the import", source }
    }

    /// Names the place in the input whose entry was refused.
    pub(super) fn refused_at(self, place: Option<String>) -> Self {
        match place {
            Some(place) => Self::Refused { place, source: Box::new(self) },
            None => self,
        }
    }

    /// Returns true if whoever read the export does not read on, as `head` does.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stream { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// The error that ended an import, with what had been imported until then.
#[derive(Debug, thiserror::Error)]
#[error("{error}; {}", done(imported))]
pub struct ImportError {
    /// The reason.
    #[source]
    pub error: Box<TransferError>,
    /// The entries that are in the store.
    pub imported: Imported,
}

impl ImportError {
    /// Returns the error that ended an import which had come so far.
    pub(super) fn new(error: TransferError, imported: Imported) -> Self {
        Self { error: Box::new(error), imported }
    }

    /// Returns the error of an import that did not begin.
    pub(super) fn at_start(error: TransferError) -> Self {
        Self::new(error, Imported::default())
    }
}

fn done(imported: &Imported) -> String {
    match imported.keys {
        0 => "nothing was imported".to_owned(),
        1 => "1 key was imported before that".to_owned(),
        keys => format!("{keys} keys were imported before that"),
    }
}
