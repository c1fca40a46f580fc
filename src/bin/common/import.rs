//! The verb `import`: every key of an export, from a file or from standard input.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use kvs::{ImportOptions, Imported, TransferFormat};
use serde_json::Value;

use super::export::STANDARD;
use super::failure::{ToolExit, ToolFailure, ToolResult};
use super::json::JsonObject;
use super::output::{ToolAnswer, ToolOutput};
use super::progress::{ProgressUnit, ToolProgress};
use super::verb::Verb;

/// The arguments of `import` that say how it is done.
#[derive(Args)]
pub struct ImportArguments {
    /// Format of the file: jsonl or resp, as export writes them
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: TransferFormat,
    /// Import to a store that has keys already, and replace those that are in both; also to run an
    /// import again that did not end
    #[arg(long)]
    merge: bool,
}

/// The arguments of an `import` of files alone.
#[derive(Args)]
pub struct ImportVerb {
    /// File to read, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    arguments: ImportArguments,
}

/// A target that can be imported to.
pub trait ToolImport {
    /// Imports an export. `--keyspace` names the keyspace of entries that have none.
    fn import(
        &mut self,
        input: &mut dyn Read,
        options: ImportOptions,
    ) -> Result<Imported, ToolFailure>;
}

impl ImportArguments {
    /// Returns the options of the import.
    pub fn options(&self) -> ImportOptions {
        ImportOptions::default().format(self.format).merge(self.merge)
    }

    /// Imports a file to the target, and prints the result.
    pub fn import_file(
        &self,
        file: &Path,
        target: &mut impl ToolImport,
        output: &mut ToolOutput,
    ) -> ToolResult {
        // Before a store is made.
        let mut input = open(file)?;
        let imported = target.import(&mut *input, self.options())?;
        drop(input);
        output.print(&imported)?;
        Ok(ToolExit::Done)
    }
}

impl<T: ToolImport> Verb<T> for ImportVerb {
    const HAS_KEYSPACE: bool = true;

    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        self.arguments.import_file(&self.file, target, output)
    }
}

/// A file that shows how much of it was read.
struct ShownFile {
    file: File,
    progress: ToolProgress,
    position: u64,
    total: u64,
}

impl Read for ShownFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        self.position += bytes as u64;
        self.progress.set(self.position, self.total.max(self.position));
        Ok(bytes)
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, ToolFailure> {
    if path == Path::new(STANDARD) {
        return Ok(Box::new(io::stdin()));
    }
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let failed = |e| ToolFailure::new(format!("cannot open {}: {e}", path.display()));
    let (metadata, file) = opened.map_err(failed)?;
    if !metadata.is_file() {
        // A pipe has no length.
        return Ok(Box::new(file));
    }
    let total = metadata.len();
    let progress = ToolProgress::new(Instant::now(), "importing", ProgressUnit::Bytes, total);
    Ok(Box::new(ShownFile { file, progress, position: 0, total }))
}

impl ToolAnswer for Imported {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{self}")
    }

    fn json(&self) -> Option<JsonObject> {
        let types = self.other_types.iter().map(|(name, count)| (name.clone(), (*count).into()));
        let types: serde_json::Map<String, Value> = types.collect();
        let object = JsonObject::new().field("keys", self.keys).field("expired", self.expired);
        Some(object.field("other_types", types))
    }
}
