//! Sets, gets and removes keys in a directory, and shows its figures.

mod common;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use common::{KeyCommand, NOT_FOUND, bytes, print_line};
use kvs::{Error, Options, Store};

/// Works on a kvs store in a directory
#[derive(Parser)]
#[command(name = "kvs", version)]
struct CommandLine {
    #[command(subcommand)]
    command: LocalCommand,
    /// The directory of the store
    #[arg(long, global = true, value_name = "PATH", default_value = ".")]
    dir: PathBuf,
    /// Open the store for reading only and change nothing in its directory; set and rm fail
    #[arg(long, global = true)]
    read_only: bool,
    /// Work on a directory of another user, or one that every user may change
    #[arg(long, global = true)]
    trust_dir: bool,
}

/// A command about a local store.
#[derive(Subcommand)]
enum LocalCommand {
    #[command(flatten)]
    Key(KeyCommand),
    /// Print the figures of the store, a line "name: value" for each
    Stats,
}

fn main() -> ExitCode {
    common::exit(run(CommandLine::parse()))
}

fn run(arguments: CommandLine) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let CommandLine { command, dir, read_only, trust_dir } = arguments;
    let sets = matches!(command, LocalCommand::Key(KeyCommand::Set { .. }));
    let options = Options::new(dir).create(sets).read_only(read_only).trust_directory(trust_dir);
    let store = match Store::open(options) {
        // There is no key where there is no store.
        Err(Error::NoStore { .. }) if !sets => None,
        opened => Some(opened?),
    };
    let command = match command {
        LocalCommand::Key(command) => command,
        LocalCommand::Stats => {
            let store = store.ok_or("there is no store in the directory")?;
            let text = store.stats().to_string();
            print_line(text.trim_end().as_bytes()).map_err(describe)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    match (command, store) {
        (KeyCommand::Set { key, value }, Some(store)) => store.set(bytes(key), bytes(value))?,
        (KeyCommand::Get { key }, store) => {
            let value = store.map_or(Ok(None), |store| store.get(bytes(key)))?;
            print_line(value.as_deref().unwrap_or(NOT_FOUND)).map_err(describe)?;
        }
        (KeyCommand::Rm { key }, store) => {
            if !store.map_or(Ok(false), |store| store.remove(bytes(key)))? {
                print_line(NOT_FOUND).map_err(describe)?;
                return Ok(ExitCode::FAILURE);
            }
        }
        (KeyCommand::Set { .. }, None) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(error: io::Error) -> String {
    format!("cannot print the result: {error}")
}
