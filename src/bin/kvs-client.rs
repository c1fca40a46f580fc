//! Sets, gets, removes and watches keys on a server.

mod common;
#[path = "common/passwords.rs"]
mod passwords;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use common::{KeyCommand, NOT_FOUND, bytes, print_line};
use kvs::option_table::ADDRESS;
use kvs::protocol::native::FailureKind;
use kvs::{
    Change, ClientError, ClientOptions, ClientWatch, Endpoint, Error, KvsClient, WatchEvent,
};

/// Talks to a kvs server
#[derive(Parser)]
#[command(name = "kvs-client", version)]
struct CommandLine {
    #[command(subcommand)]
    command: ClientCommand,
    /// Address of the server: host:port, or unix:path
    #[arg(long, global = true, value_name = "ADDRESS", default_value = ADDRESS)]
    addr: Endpoint,
    /// File whose first line is the password [default: KVS_PASSWORD in the environment]
    #[arg(long, global = true, value_name = "PATH")]
    password_file: Option<PathBuf>,
    /// Keyspace of the key, which set makes if there is none of that name
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    keyspace: String,
}

/// A command of this program.
#[derive(Subcommand)]
enum ClientCommand {
    #[command(flatten)]
    Key(KeyCommand),
    /// Print changes as they are committed, one a line behind its version, until interrupted
    Watch {
        /// Prefix of the keys to watch; all keys without one
        #[arg(allow_negative_numbers = true)]
        prefix: Option<OsString>,
    },
}

fn main() -> ExitCode {
    common::exit(run(CommandLine::parse()).map_err(advise))
}

fn run(arguments: CommandLine) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut options = ClientOptions::default();
    if let Some(password) = passwords::given(arguments.password_file.as_deref())?.into_iter().next()
    {
        options = options.password(password);
    }
    let mut client = KvsClient::connect_with(arguments.addr, &options)?;
    let name = arguments.keyspace;
    let mut keyspace = match &arguments.command {
        ClientCommand::Key(KeyCommand::Set { .. }) => client.keyspace(name)?,
        _ => {
            let found = client.find_keyspace(&name)?;
            found.ok_or(Error::NoSuchKeyspace { name })?
        }
    };
    match arguments.command {
        ClientCommand::Key(KeyCommand::Set { key, value }) => {
            keyspace.set(bytes(key), bytes(value))?;
        }
        ClientCommand::Key(KeyCommand::Get { key }) => {
            let value = keyspace.get(bytes(key))?;
            print_line(value.as_deref().unwrap_or(NOT_FOUND)).map_err(describe)?;
        }
        ClientCommand::Key(KeyCommand::Rm { key }) => {
            if !keyspace.remove(bytes(key))? {
                return Err(Error::KeyNotFound.into());
            }
        }
        ClientCommand::Watch { prefix } => {
            let watch = keyspace.watch_prefix(prefix.map(bytes).unwrap_or_default())?;
            print_changes(watch)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what a watch tells until it ends, or nobody reads it any more.
fn print_changes(watch: ClientWatch) -> Result<(), Box<dyn std::error::Error>> {
    for event in watch {
        let lines = match event? {
            WatchEvent::Committed(batch) => {
                batch.changes().map(|change| line(batch.version(), change)).collect()
            }
            WatchEvent::Missed { first, last } => format!("{first} missed up to {last}\n"),
        };
        let mut output = io::stdout().lock();
        match output.write_all(lines.as_bytes()).and_then(|()| output.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            printed => printed.map_err(describe)?,
        }
    }
    Ok(())
}

/// Returns the line of a change. Keys and values are escaped, so that each has one word.
fn line(version: u64, change: Change<'_>) -> String {
    let word = |bytes: &[u8]| format!("\"{}\"", bytes.escape_ascii());
    let text = match change {
        Change::Set { key, value, expires_at: None } => {
            format!("set {} {}", word(key), word(value))
        }
        Change::Set { key, value, expires_at: Some(time) } => {
            format!("set {} {} until {time}", word(key), word(value))
        }
        Change::Removed { key } => format!("removed {}", word(key)),
        Change::Expired { key } => format!("expired {}", word(key)),
        Change::RangeRemoved { start, end: None } => format!("removed from {}", word(start)),
        Change::RangeRemoved { start, end: Some(end) } => {
            format!("removed from {} to {}", word(start), word(end))
        }
        Change::Cleared => "cleared".to_owned(),
        Change::Dropped => "dropped".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{version} {text}\n")
}

/// Returns the error with what the user of this program can do about it.
fn advise(error: Box<dyn std::error::Error>) -> String {
    let kind = error.downcast_ref::<ClientError>().and_then(ClientError::failure_kind);
    match kind {
        Some(FailureKind::NotAuthenticated) => {
            format!("{error}: set KVS_PASSWORD or --password-file")
        }
        _ => error.to_string(),
    }
}

fn describe(error: io::Error) -> String {
    format!("cannot print the value: {error}")
}
