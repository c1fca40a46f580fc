//! The verb `watch`: the changes of a keyspace as they are committed.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::Args;
use kvs::{Change, WatchEvent};

use crate::common::failure::{ToolExit, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::verb::Verb;
use crate::remote_store::RemoteStore;

/// The arguments of `watch`.
#[derive(Args)]
pub struct WatchVerb {
    /// Prefix of the keys to watch; all keys without one
    #[arg(allow_negative_numbers = true)]
    prefix: Option<OsString>,
}

/// A change of a key or a range, with the version of the batch that it belongs to.
struct ChangeAnswer<'a> {
    version: u64,
    change: Change<'a>,
}

/// The changes from one version to another that came too fast to be told.
struct MissedAnswer {
    first: u64,
    last: u64,
}

impl Verb<RemoteStore> for WatchVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut RemoteStore, output: &mut ToolOutput) -> ToolResult {
        let prefix = self.prefix.map(OsString::into_encoded_bytes).unwrap_or_default();
        let mut client = target.connect()?;
        for event in target.find_keyspace(&mut client)?.watch_prefix(prefix)? {
            match event? {
                WatchEvent::Committed(batch) => {
                    let version = batch.version();
                    for change in batch.changes() {
                        output.print(&ChangeAnswer { version, change })?;
                    }
                }
                WatchEvent::Missed { first, last } => {
                    output.print(&MissedAnswer { first, last })?;
                }
            }
            output.flush()?;
        }
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for ChangeAnswer<'_> {
    /// Writes a line. Keys and values are escaped, so that each is one word.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let word = |bytes: &[u8]| format!("\"{}\"", bytes.escape_ascii());
        write!(out, "{} ", self.version)?;
        match self.change {
            Change::Set { key, value, expires_at: None } => {
                writeln!(out, "set {} {}", word(key), word(value))
            }
            Change::Set { key, value, expires_at: Some(time) } => {
                writeln!(out, "set {} {} until {time}", word(key), word(value))
            }
            Change::Removed { key } => writeln!(out, "removed {}", word(key)),
            Change::Expired { key } => writeln!(out, "expired {}", word(key)),
            Change::RangeRemoved { start, end: None } => {
                writeln!(out, "removed from {}", word(start))
            }
            Change::RangeRemoved { start, end: Some(end) } => {
                writeln!(out, "removed from {} to {}", word(start), word(end))
            }
            Change::Cleared => writeln!(out, "cleared"),
            Change::Dropped => writeln!(out, "dropped"),
            other => writeln!(out, "{other:?}"),
        }
    }

    fn json(&self) -> Option<JsonObject> {
        let object = JsonObject::new().field("version", self.version);
        Some(match self.change {
            Change::Set { key, value, expires_at } => {
                let object = object.field("change", "set").bytes("key", key).bytes("value", value);
                match expires_at {
                    Some(time) => object.field("expires_at", time),
                    None => object,
                }
            }
            Change::Removed { key } => object.field("change", "removed").bytes("key", key),
            Change::Expired { key } => object.field("change", "expired").bytes("key", key),
            Change::RangeRemoved { start, end } => {
                let object = object.field("change", "range_removed").bytes("start", start);
                match end {
                    Some(end) => object.bytes("end", end),
                    None => object,
                }
            }
            Change::Cleared => object.field("change", "cleared"),
            Change::Dropped => object.field("change", "dropped"),
            other => object.field("change", format!("{other:?}")),
        })
    }
}

impl ToolAnswer for MissedAnswer {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} missed up to {}", self.first, self.last)
    }

    fn json(&self) -> Option<JsonObject> {
        let object = JsonObject::new().field("version", self.first).field("change", "missed");
        Some(object.field("last", self.last))
    }
}
