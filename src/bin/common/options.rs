//! The options that every verb of both tools has.

use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::failure::{ToolFailure, ToolResult};
use super::output::{OutputFormat, ToolOutput};

/// The options that every verb of both tools has.
#[derive(Args)]
pub struct ToolOptions {
    /// Form of the answers: text for people, or json for programs
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORM",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    output: OutputFormat,
    /// Keyspace of the keys [default: default]
    #[arg(long, global = true, value_name = "NAME")]
    pub keyspace: Option<String>,
}

impl ToolOptions {
    /// Runs a verb, flushes what it printed, and returns the exit code. A verb that has no keyspace
    /// is not run if one is named.
    pub fn run(
        &self,
        has_keyspace: bool,
        verb: impl FnOnce(&mut ToolOutput) -> ToolResult,
    ) -> ExitCode {
        if self.keyspace.is_some() && !has_keyspace {
            let message = "--keyspace is for verbs about keys; leave it out here";
            return exit(Err(ToolFailure::arguments(message)));
        }
        let mut output = ToolOutput::new(self.output);
        let result = verb(&mut output);
        // Answers that came before a failure are shown before it.
        let flushed = output.flush();
        exit(result.and_then(|exit| flushed.map(|()| exit)))
    }
}
