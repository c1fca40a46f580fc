//! Sets, gets and removes keys in a directory.

mod common;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::{Command, NOT_FOUND, bytes, print_line};
use kvs::{Options, Store};

/// Works on a kvs store in a directory
#[derive(Parser)]
#[command(name = "kvs", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The directory of the store
    #[arg(long, global = true, value_name = "PATH", default_value = ".")]
    dir: PathBuf,
}

fn main() -> ExitCode {
    common::exit(run(Arguments::parse()))
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let store = Store::open(Options::new(arguments.dir))?;
    match arguments.command {
        Command::Set { key, value } => store.set(bytes(key), bytes(value))?,
        Command::Get { key } => {
            let value = store.get(bytes(key))?;
            print_line(value.as_deref().unwrap_or(NOT_FOUND)).map_err(describe)?;
        }
        Command::Rm { key } => {
            if !store.remove(bytes(key))? {
                print_line(NOT_FOUND).map_err(describe)?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(error: io::Error) -> String {
    format!("cannot print the result: {error}")
}
