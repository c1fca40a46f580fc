//! The verbs about one key: `get`, `set` and `rm`.
//!
//! Keys and values are the bytes of the arguments. Negative numbers and `-` are values. Another
//! word that begins with a dash may be a mistyped option, so it is a key or a value only after
//! `--`.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::time::Duration;

use clap::Args;
use kvs::Expiry;
use kvs::option_table::VALUE_BYTES_MAX;

use super::duration::duration;
use super::failure::{ToolExit, ToolFailure, ToolResult};
use super::json::JsonObject;
use super::output::{ToolAnswer, ToolOutput};
use super::target::{FoundValue, ToolTarget};
use super::verb::Verb;

/// The answer of a tool where the key is not there.
const NOT_FOUND: &str = "Key not found";

/// The arguments of `get`.
#[derive(Args)]
pub struct GetVerb {
    /// The key
    #[arg(allow_negative_numbers = true)]
    key: OsString,
    /// Print the bytes of the value alone, without the end of a line
    #[arg(long)]
    raw: bool,
    /// Exit with 3 if the key is not there
    #[arg(long)]
    exit_code: bool,
}

/// The answer of `get`.
struct GetAnswer<'a> {
    key: &'a [u8],
    found: Option<&'a FoundValue>,
}

impl<T: ToolTarget> Verb<T> for GetVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        if self.raw && output.is_json() {
            return Err(ToolFailure::arguments("--raw is for -o text; leave one of them out"));
        }
        let key = self.key.into_encoded_bytes();
        let found = target.get(&key)?;
        match &found {
            Some(found) if self.raw => output.print_bytes(&found.value)?,
            None if self.raw => tell_missing(),
            found => output.print(&GetAnswer { key: &key, found: found.as_ref() })?,
        }
        Ok(if found.is_none() && self.exit_code { ToolExit::NotFound } else { ToolExit::Done })
    }
}

impl ToolAnswer for GetAnswer<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.found.map_or(NOT_FOUND.as_bytes(), |found| &found.value))?;
        out.write_all(b"\n")
    }

    fn json(&self) -> Option<JsonObject> {
        let object = JsonObject::new().bytes("key", self.key);
        let Some(found) = self.found else {
            return Some(object.field("value", None::<&str>));
        };
        let object = object.bytes("value", &found.value);
        Some(match found.expires_at {
            Some(time) => object.field("expires_at", time),
            None => object,
        })
    }
}

/// The arguments of `set`.
#[derive(Args)]
pub struct SetVerb {
    /// The key
    #[arg(allow_negative_numbers = true)]
    key: OsString,
    /// Its value
    #[arg(
        allow_negative_numbers = true,
        required_unless_present = "stdin",
        conflicts_with = "stdin"
    )]
    value: Option<OsString>,
    /// Take the value from standard input, every byte of it
    #[arg(long)]
    stdin: bool,
    /// Time after which the key expires, such as 90 or 90s, 15m, 12h, 7d, 500ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ttl: Option<Duration>,
}

impl<T: ToolTarget> Verb<T> for SetVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut T, _: &mut ToolOutput) -> ToolResult {
        let value = match self.value {
            Some(value) => value.into_encoded_bytes(),
            // Before the store is opened, which nobody else can use meanwhile.
            None => read_value(&mut io::stdin().lock())?,
        };
        target.set(&self.key.into_encoded_bytes(), &value, self.ttl.map(Expiry::After))?;
        Ok(ToolExit::Done)
    }
}

/// Returns everything that there is to be read, unless it is longer than a value may be.
fn read_value(input: &mut dyn Read) -> Result<Vec<u8>, ToolFailure> {
    let mut value = Vec::new();
    input
        .take(VALUE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut value)
        .map_err(|error| ToolFailure::new(format!("cannot read standard input: {error}")))?;
    if value.len() > VALUE_BYTES_MAX {
        return Err(ToolFailure::new(format!(
            "the value on standard input is longer than the limit of {VALUE_BYTES_MAX} bytes"
        )));
    }
    Ok(value)
}

/// The arguments of `rm`.
#[derive(Args)]
pub struct RmVerb {
    /// The key
    #[arg(allow_negative_numbers = true)]
    key: OsString,
    /// Exit with 3, and not with 1, if the key is not there
    #[arg(long)]
    exit_code: bool,
}

/// The answer of `rm`.
struct RmAnswer<'a> {
    key: &'a [u8],
    is_removed: bool,
    /// A missing key is told elsewhere.
    is_silent: bool,
}

impl<T: ToolTarget> Verb<T> for RmVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        let key = self.key.into_encoded_bytes();
        let is_removed = target.remove(&key)?;
        output.print(&RmAnswer { key: &key, is_removed, is_silent: T::MISSING_IS_ERROR })?;
        if !is_removed && T::MISSING_IS_ERROR && !output.is_json() {
            tell_missing();
        }
        Ok(match (is_removed, self.exit_code) {
            (true, _) => ToolExit::Done,
            (false, true) => ToolExit::NotFound,
            (false, false) => ToolExit::Failed,
        })
    }
}

impl ToolAnswer for RmAnswer<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.is_removed || self.is_silent { Ok(()) } else { writeln!(out, "{NOT_FOUND}") }
    }

    fn json(&self) -> Option<JsonObject> {
        Some(JsonObject::new().bytes("key", self.key).field("removed", self.is_removed))
    }
}

/// Tells on standard error that the key is not there.
fn tell_missing() {
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{NOT_FOUND}");
}
