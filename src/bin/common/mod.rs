//! The parts that the command-line tools share: `kvs`, which works on a directory, and
//! `kvs-client`, which talks to a server. `docs/tool.md` describes the tools for their users.
//!
//! | file | contents |
//! |---|---|
//! | [`verb`] | the convention of a verb, and the table of the verbs of a tool |
//! | [`target`] | what a verb works on: a directory or a server |
//! | [`options`] | the options of every verb |
//! | [`output`] | answers on standard output, as text or JSON |
//! | [`json`] | objects of JSON, and the form of bytes in them |
//! | [`failure`] | failures, and the exit codes |
//! | [`keys`] | the verbs about one key: `get`, `set`, `rm` |
//! | [`ranges`] | the verbs about a range of keys: `scan`, `count` |
//! | [`keyspaces`] | the verb `keyspaces` |
//! | [`stats`] | the verb `stats` |
//! | [`export`], [`import`] | the verbs `export` and `import` of files |
//! | [`duration`] | times on the command line |
//! | [`escape`] | bytes as one word of a line |
//! | [`passwords`] | the passwords that the user gives |
//! | [`progress`], [`phase_progress`] | progress bars on standard error, and those of work in phases |
//!
//! # How a verb is added
//!
//! 1. Write a file for the verb or its family: in the folder of the tool, or here if both tools
//!    have it. It holds a struct of arguments, made with `clap::Args`, that implements
//!    [`Verb`](verb::Verb) for the tool's [target](target::ToolTarget), or for all of them.
//!    Whatever it prints on standard output is a [`ToolAnswer`](output::ToolAnswer), so that there
//!    is a text and a JSON of it.
//! 2. Declare the file with `mod`, and add a row to the table [`verbs!`](verb) in the `main.rs` of
//!    the tool. The comment above the row is the help.
//! 3. Describe the verb in `docs/tool.md`, which a test compares with `--help`, and test it through
//!    the program in `tests/cli`.
//!
//! Errors become a [`ToolFailure`](failure::ToolFailure) by `?`, which knows their exit codes. What
//! may take longer than a second has a [`ToolProgress`](progress::ToolProgress).

pub mod duration;
mod escape;
pub mod export;
pub mod failure;
pub mod import;
pub mod json;
pub mod keys;
pub mod keyspaces;
pub mod options;
pub mod output;
pub mod passwords;
pub mod phase_progress;
pub mod progress;
pub mod ranges;
pub mod stats;
pub mod target;
pub mod verb;

use std::io::{self, Write};
use std::process::ExitCode;

use failure::ToolResult;

/// Returns the exit code of a tool that ended so, and tells of a failure on standard error.
pub fn exit(result: ToolResult) -> ExitCode {
    let exit = result.unwrap_or_else(|failure| {
        if let Some(message) = failure.message() {
            // Without standard error there is nobody to tell.
            let _ = writeln!(io::stderr(), "{message}");
        }
        failure.exit()
    });
    exit.into()
}
