//! Talks to a server: reads, writes and watches keys.

#[path = "../common/mod.rs"]
mod common;
mod remote_store;
mod server_backup;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use common::export::ExportVerb;
use common::import::ImportVerb;
use common::keys::{GetVerb, RmVerb, SetVerb};
use common::keyspaces::KeyspacesVerb;
use common::options::ToolOptions;
use common::ranges::{CountVerb, ScanVerb};
use common::stats::StatsVerb;
use common::verb::verbs;
use remote_store::{RemoteStore, ServerPlace};
use server_backup::ServerBackupVerb;
use watch::WatchVerb;

/// Talks to a kvs server
#[derive(Parser)]
#[command(name = "kvs-client", version)]
struct CommandLine {
    #[command(subcommand)]
    verb: ToolVerb,
    #[command(flatten)]
    server: ServerPlace,
    #[command(flatten)]
    tool: ToolOptions,
}

verbs! { RemoteStore:
    /// Set a key to a value; makes the keyspace if there is none of that name
    Set(SetVerb),
    /// Print the value of a key
    Get(GetVerb),
    /// Remove a key
    Rm(RmVerb),
    /// Print keys and their values in the order of the keys, one a line
    Scan(ScanVerb),
    /// Print the number of keys
    Count(CountVerb),
    /// Print the keyspaces and the numbers of their keys, or change them
    Keyspaces(KeyspacesVerb),
    /// Write every key of the server to a file, or to standard output
    Export(ExportVerb),
    /// Read every key of an export into the server
    Import(ImportVerb),
    /// Print the figures of the server and its store, a line "name: value" for each
    Stats(StatsVerb),
    /// Have the server make a backup, and wait for it
    Backup(ServerBackupVerb),
    /// Print changes as they are committed, one a line behind its version, until interrupted
    Watch(WatchVerb),
}

fn main() -> ExitCode {
    let CommandLine { verb, server, tool } = CommandLine::parse();
    let mut target = RemoteStore::new(server, tool.keyspace.clone());
    tool.run(verb.has_keyspace(), |output| verb.run(&mut target, output))
}
