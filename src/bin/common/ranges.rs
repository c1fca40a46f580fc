//! The verbs about a range of keys: `scan` and `count`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::ops::Bound;

use clap::Args;
use kvs::{KeyBounds, KeyPrefix};

use super::escape::write_escaped;
use super::failure::{ToolExit, ToolResult};
use super::json::JsonObject;
use super::output::{ToolAnswer, ToolOutput};
use super::target::{ScanRequest, ToolTarget};
use super::verb::Verb;

/// The options that name a range of keys; all keys without any.
#[derive(Args)]
struct RangeOptions {
    /// Only keys that begin with this
    #[arg(
        long,
        value_name = "PREFIX",
        allow_negative_numbers = true,
        conflicts_with_all = ["start", "end"]
    )]
    prefix: Option<OsString>,
    /// Only this key and those behind it, in the order of their bytes
    #[arg(long, value_name = "KEY", allow_negative_numbers = true)]
    start: Option<OsString>,
    /// Only keys before this one
    #[arg(long, value_name = "KEY", allow_negative_numbers = true)]
    end: Option<OsString>,
}

impl RangeOptions {
    fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        if let Some(prefix) = self.prefix {
            return KeyPrefix(prefix.as_encoded_bytes()).into_bounds();
        }
        let bytes = OsString::into_encoded_bytes;
        let start = self.start.map(bytes).map_or(Bound::Unbounded, Bound::Included);
        let end = self.end.map(bytes).map_or(Bound::Unbounded, Bound::Excluded);
        (start, end)
    }
}

/// The arguments of `scan`.
#[derive(Args)]
pub struct ScanVerb {
    #[command(flatten)]
    range: RangeOptions,
    /// Begin with the last key
    #[arg(long)]
    reverse: bool,
    /// Print at most so many keys
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Print the keys alone; no value is read
    #[arg(long)]
    keys_only: bool,
}

/// A key that a scan found, with its value unless keys alone are asked for.
struct EntryAnswer<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<T: ToolTarget> Verb<T> for ScanVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        let (start, end) = self.range.into_bounds();
        let Self { reverse, limit, keys_only, .. } = self;
        let limit = limit.unwrap_or(u64::MAX);
        let request = ScanRequest { start, end, reverse, keys_only, limit };
        target.scan(request, &mut |key, value| {
            output.print(&EntryAnswer { key, value: (!keys_only).then_some(value) })
        })?;
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for EntryAnswer<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write_escaped(self.key, out)?;
        if let Some(value) = self.value {
            out.write_all(b"\t")?;
            write_escaped(value, out)?;
        }
        out.write_all(b"\n")
    }

    fn json(&self) -> Option<JsonObject> {
        let object = JsonObject::new().bytes("key", self.key);
        Some(match self.value {
            Some(value) => object.bytes("value", value),
            None => object,
        })
    }
}

/// The arguments of `count`.
#[derive(Args)]
pub struct CountVerb {
    #[command(flatten)]
    range: RangeOptions,
}

/// The answer of `count`.
struct CountAnswer {
    keys: u64,
}

impl<T: ToolTarget> Verb<T> for CountVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        let (start, end) = self.range.into_bounds();
        output.print(&CountAnswer { keys: target.count(start, end)? })?;
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for CountAnswer {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.keys)
    }

    fn json(&self) -> Option<JsonObject> {
        Some(JsonObject::new().field("keys", self.keys))
    }
}
