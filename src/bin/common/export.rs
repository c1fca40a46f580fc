//! The verb `export`: every key, to a file or to standard output.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use kvs::{ExportOptions, Exported, TransferFormat};

use super::failure::{ToolExit, ToolFailure, ToolResult};
use super::json::JsonObject;
use super::output::{ToolAnswer, ToolOutput};
use super::progress::{ProgressUnit, ToolProgress};
use super::verb::Verb;

/// The path that stands for standard output and input.
pub const STANDARD: &str = "-";

/// The arguments of `export`.
#[derive(Args)]
pub struct ExportVerb {
    /// File to make, or - for standard output
    #[arg(value_name = "FILE", default_value = STANDARD)]
    file: PathBuf,
    /// Format: jsonl, a line of JSON for each key; resp, SET commands as Redis takes them
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: TransferFormat,
}

/// A target that can be exported.
pub trait ToolExport {
    /// Exports to a file, or to standard output if there is none. `--keyspace` chooses a keyspace.
    fn export(
        &mut self,
        file: Option<&Path>,
        options: ExportOptions,
    ) -> Result<Exported, ToolFailure>;
}

impl<T: ToolExport> Verb<T> for ExportVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        let file = (self.file != Path::new(STANDARD)).then_some(self.file.as_path());
        let exported = target.export(file, ExportOptions::default().format(self.format))?;
        // Standard output has the export, and nothing else.
        if file.is_some() {
            output.print(&exported)?;
        }
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for Exported {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "keys exported: {}", self.keys)
    }

    fn json(&self) -> Option<JsonObject> {
        Some(JsonObject::new().field("keys", self.keys).field("bytes", self.bytes))
    }
}

/// Returns the options with a progress bar of so many keys.
pub fn show_export(options: ExportOptions, keys: u64) -> ExportOptions {
    let progress = ToolProgress::new(Instant::now(), "exporting", ProgressUnit::Keys, keys);
    options.on_progress(move |exported| progress.set(exported, keys.max(exported)))
}
