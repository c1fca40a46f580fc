//! The formats of exports.

use std::fmt;
use std::io;
use std::str::FromStr;

use super::entry::ExportedEntry;
use super::{json_line, set_command};
use crate::Error;

/// The format of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferFormat {
    /// A line of JSON for each key, between a first line that names the format and a last one that
    /// says how many keys there are. It holds every keyspace.
    #[default]
    JsonLines,
    /// A `SET` command of Redis for each key, as `redis-cli --pipe` takes them. It holds one
    /// keyspace, and does not tell where it is cut between two commands.
    Resp,
}

impl TransferFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::JsonLines, Self::Resp];

    /// Returns the name that the tools have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Resp => "resp",
        }
    }

    /// Appends what comes before the first entry, given the names of the keyspaces.
    pub(crate) fn encode_start(self, keyspaces: &[String], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::JsonLines => json_line::encode_header(keyspaces, out),
            Self::Resp => Ok(()),
        }
    }

    /// Appends an entry.
    pub(crate) fn encode_entry(
        self,
        entry: ExportedEntry<'_>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        match self {
            Self::JsonLines => json_line::encode_entry(entry, out),
            Self::Resp => {
                set_command::encode(entry, out);
                Ok(())
            }
        }
    }

    /// Appends what comes behind the last entry, given their number.
    pub(crate) fn encode_end(self, keys: u64, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::JsonLines => json_line::encode_footer(keys, out),
            Self::Resp => Ok(()),
        }
    }
}

impl fmt::Display for TransferFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for TransferFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| {
            let name = name.escape_debug();
            Error::InvalidOption(format!("there is no format \"{name}\": jsonl, resp"))
        })
    }
}
