//! The verb `verify`: reads everything in a store's directory, and tells what is wrong.

use std::io::{self, Write};

use clap::Args;
use kvs::{Store, VerifyReport};

use crate::common::failure::{ToolExit, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::verb::Verb;
use crate::finding_answer::FindingAnswer;
use crate::local_store::LocalStore;

/// The arguments of `verify`.
#[derive(Args)]
pub struct VerifyVerb {}

/// The numbers at the end of the answer.
struct VerifySummary<'a>(&'a VerifyReport);

impl Verb<LocalStore> for VerifyVerb {
    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let report = Store::verify(target.options())?;
        for damage in &report.damages {
            output.print(&FindingAnswer { kind: "damage", finding: damage })?;
        }
        if let Some(torn) = &report.torn_end {
            output.print(&FindingAnswer { kind: "torn", finding: torn })?;
        }
        for note in &report.notes {
            output.print(&FindingAnswer { kind: "note", finding: note })?;
        }
        output.print(&VerifySummary(&report))?;
        Ok(if report.is_whole() { ToolExit::Done } else { ToolExit::Damaged })
    }
}

impl ToolAnswer for VerifySummary<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        self.0.figures().iter().try_for_each(|(name, number)| writeln!(out, "{name}: {number}"))
    }

    fn json(&self) -> Option<JsonObject> {
        let object = JsonObject::new().field("kind", "summary");
        let figures = self.0.figures();
        Some(figures.iter().fold(object, |object, (name, number)| object.field(name, *number)))
    }
}
