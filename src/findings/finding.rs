//! A place in a file, and what is to be said of it.

use std::fmt;
use std::path::PathBuf;

use crate::Error;

/// A place in a file of a store, and what was found there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file, or the directory where it is not known which of its files it is.
    pub path: PathBuf,
    /// The distance from the start of the file in bytes, if it is known.
    pub offset: Option<u64>,
    /// The number of bytes, if it is known. Something that is missing has none.
    pub bytes: Option<u64>,
    /// The description in words.
    pub reason: String,
}

impl Finding {
    /// Returns a finding about a place in a file.
    pub(crate) fn new(
        path: impl Into<PathBuf>,
        offset: Option<u64>,
        bytes: Option<u64>,
        reason: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), offset, bytes, reason: reason.into() }
    }

    /// Returns the finding that an error is about; `None` if it is about no damage of a file.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Corrupt { path, offset, reason } => {
                Some(Self::new(path, *offset, None, reason.clone()))
            }
            Error::UnsupportedFormat { path, found, supported } => {
                let reason =
                    format!("its format version is {found}, this build reads version {supported}");
                Some(Self::new(path, None, None, reason))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        if let Some(offset) = self.offset {
            write!(formatter, " at offset {offset}")?;
        }
        if let Some(bytes) = self.bytes {
            write!(formatter, ", {bytes} bytes")?;
        }
        write!(formatter, ": {}", self.reason)
    }
}
