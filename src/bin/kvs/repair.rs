//! The verb `repair`: makes a damaged store one that opens, and tells what is lost.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use clap::Args;
use kvs::{RepairReport, RepairedFile, Store};

use crate::common::failure::{ToolExit, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::verb::Verb;
use crate::finding_answer::FindingAnswer;
use crate::local_store::LocalStore;

/// The arguments of `repair`.
#[derive(Args)]
pub struct RepairVerb {
    /// Print what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// A file that is replaced or removed.
struct FileAnswer<'a>(&'a RepairedFile);

/// Versions that are missing.
struct MissingAnswer<'a>(&'a RangeInclusive<u64>);

/// The numbers at the end of the answer.
struct RepairSummary<'a>(&'a RepairReport);

impl Verb<LocalStore> for RepairVerb {
    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let options = target.options();
        let report =
            if self.dry_run { Store::plan_repair(options)? } else { Store::repair(options)? };
        for damage in &report.damages {
            output.print(&FindingAnswer { kind: "damage", finding: damage })?;
        }
        report.files.iter().try_for_each(|file| output.print(&FileAnswer(file)))?;
        let mut missing = report.missing_versions.iter();
        missing.try_for_each(|versions| output.print(&MissingAnswer(versions)))?;
        output.print(&RepairSummary(&report))?;
        let is_left = self.dry_run && !report.is_whole();
        Ok(if is_left { ToolExit::Damaged } else { ToolExit::Done })
    }
}

impl ToolAnswer for FileAnswer<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "file: {}", self.0)
    }

    fn json(&self) -> Option<JsonObject> {
        let RepairedFile { path, kept_at, replaced_by, bytes, .. } = self.0;
        let object = JsonObject::new().field("kind", "file");
        let paths = [("file", Some(path)), ("kept_at", kept_at.as_ref())];
        let paths = paths.into_iter().chain([("replaced_by", replaced_by.as_ref())]);
        let object = paths.fold(object, |object, (name, path)| match path {
            Some(path) => object.bytes(name, path.as_os_str().as_encoded_bytes()),
            None => object,
        });
        let object = object.field("bytes", *bytes).field("saved_records", self.0.saved_records);
        Some(object.field("saved_bytes", self.0.saved_bytes))
    }
}

impl ToolAnswer for MissingAnswer<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "missing: versions {} to {}", self.0.start(), self.0.end())
    }

    fn json(&self) -> Option<JsonObject> {
        let object = JsonObject::new().field("kind", "missing");
        Some(object.field("first", *self.0.start()).field("last", *self.0.end()))
    }
}

impl ToolAnswer for RepairSummary<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.0.is_whole() {
            writeln!(out, "note: {}", RepairReport::MEANING)?;
        }
        self.0.figures().iter().try_for_each(|(name, number)| writeln!(out, "{name}: {number}"))
    }

    fn json(&self) -> Option<JsonObject> {
        let object = JsonObject::new().field("kind", "summary");
        let figures = self.0.figures();
        let object = figures
            .iter()
            .fold(object, |object, (name, number)| object.field(&name.replace(' ', "_"), *number));
        Some(object.field("changed", self.0.is_changed))
    }
}
