//! Sets, gets and removes keys on a server.

mod common;
#[path = "common/passwords.rs"]
mod passwords;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::{KeyCommand, NOT_FOUND, bytes, print_line};
use kvs::option_table::ADDRESS;
use kvs::protocol::native::FailureKind;
use kvs::{ClientError, ClientOptions, Endpoint, Error, KvsClient};

/// Talks to a kvs server
#[derive(Parser)]
#[command(name = "kvs-client", version)]
struct CommandLine {
    #[command(subcommand)]
    command: KeyCommand,
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
    let mut keyspace = match arguments.command {
        KeyCommand::Set { .. } => client.keyspace(name)?,
        KeyCommand::Get { .. } | KeyCommand::Rm { .. } => {
            let found = client.find_keyspace(&name)?;
            found.ok_or(Error::NoSuchKeyspace { name })?
        }
    };
    match arguments.command {
        KeyCommand::Set { key, value } => keyspace.set(bytes(key), bytes(value))?,
        KeyCommand::Get { key } => {
            let value = keyspace.get(bytes(key))?;
            print_line(value.as_deref().unwrap_or(NOT_FOUND)).map_err(describe)?;
        }
        KeyCommand::Rm { key } => {
            if !keyspace.remove(bytes(key))? {
                return Err(Error::KeyNotFound.into());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
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
