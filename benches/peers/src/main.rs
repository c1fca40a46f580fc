//! Measures kvs against other stores and servers, and writes `docs/benchmarks.md` with its
//! pictures.
//!
//! ```sh
//! cargo build --release && cargo run --release -p kvs-peers -- all --quick
//! ```
//!
//! `embedded` and `servers` measure and leave lines of JSON below `target/peers`; `report` makes
//! tables and pictures of them. Every store runs each case in a process of its own, which this
//! program starts as `child`, and the stores take turns, so that a slow minute of the machine meets
//! all of them.

mod arguments;
mod data;
mod embedded;
mod load;
mod machine;
mod memory_limit;
mod peers;
mod process;
mod record;
mod report;
mod servers;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use clap::Parser;

use crate::arguments::{Arguments, Command};

/// The result of this program's functions: an error ends it and is shown as it is.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Outcome<()> {
    match command {
        Command::All(scope) => {
            embedded::run(&scope)?;
            servers::run(&scope)?;
            report::run(&scope.paths)
        }
        Command::Embedded(scope) => embedded::run(&scope),
        Command::Servers(scope) => servers::run(&scope),
        Command::Report(paths) => report::run(&paths),
        Command::Child(task) => embedded::child::run(&task),
    }
}

/// Tells how far it is and after how many seconds; standard output belongs to children's results.
pub fn say(text: &str) {
    static START: OnceLock<Instant> = OnceLock::new();
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs();
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{seconds:5} s  {text}");
}
