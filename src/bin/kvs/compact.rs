//! The verb `compact`: gives the space back that dead records take.

use std::io::{self, Write};
use std::time::Instant;

use clap::Args;
use kvs::CompactReport;

use crate::common::failure::{ToolExit, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::progress::{ProgressUnit, ToolProgress};
use crate::common::verb::Verb;
use crate::local_store::LocalStore;

/// The arguments of `compact`.
#[derive(Args)]
pub struct CompactVerb {}

/// The result of a compaction.
struct CompactAnswer(CompactReport);

impl Verb<LocalStore> for CompactVerb {
    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let store = target.open()?;
        let progress = ToolProgress::new(Instant::now(), "compacting", ProgressUnit::Bytes, 0);
        let report =
            store.compact_with_progress(|now| progress.set(now.bytes_done, now.bytes_total))?;
        drop(progress);
        output.print(&CompactAnswer(report))?;
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for CompactAnswer {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let CompactReport { segments_before, segments_after, bytes_before, bytes_after, .. } =
            self.0;
        writeln!(out, "segments: {segments_after}, before: {segments_before}")?;
        writeln!(out, "bytes: {bytes_after}, before: {bytes_before}")
    }

    fn json(&self) -> Option<JsonObject> {
        let CompactReport { segments_before, segments_after, bytes_before, .. } = self.0;
        let object = JsonObject::new().field("segments_before", segments_before);
        let object = object.field("segments_after", segments_after);
        let object = object.field("bytes_before", bytes_before);
        let object = object.field("bytes_after", self.0.bytes_after);
        Some(object.field("bytes_freed", self.0.bytes_freed()))
    }
}
