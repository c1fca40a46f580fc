//! The verb `stats`: the figures of a store.

use std::io::{self, Write};

use clap::Args;

use super::failure::{ToolExit, ToolResult};
use super::json::JsonObject;
use super::output::{ToolAnswer, ToolOutput};
use super::target::ToolTarget;
use super::verb::Verb;

/// The arguments of `stats`.
#[derive(Args)]
pub struct StatsVerb {}

/// The figures of a store, a line `name: value` for each.
struct StatsAnswer {
    lines: String,
}

impl<T: ToolTarget> Verb<T> for StatsVerb {
    fn run(self, target: &mut T, output: &mut ToolOutput) -> ToolResult {
        output.print(&StatsAnswer { lines: target.figures()? })?;
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for StatsAnswer {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.lines.as_bytes())
    }

    fn json(&self) -> Option<JsonObject> {
        let mut object = JsonObject::new();
        for line in self.lines.lines() {
            // The name of a keyspace may have a colon, and so may a text.
            let number = line
                .rsplit_once(": ")
                .and_then(|(name, value)| value.parse::<u64>().ok().map(|value| (name, value)));
            object = match (number, line.split_once(": ")) {
                (Some((name, value)), _) => object.field(name, value),
                (None, Some((name, value))) => object.field(name, value),
                (None, None) => object,
            };
        }
        Some(object)
    }
}
