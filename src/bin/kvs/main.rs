//! Works on a store in a directory: reads and writes keys, and shows what the store holds.

mod backup;
#[path = "../common/mod.rs"]
mod common;
mod compact;
mod finding_answer;
mod inspect;
mod local_import;
mod local_store;
mod plan;
mod planned_count;
mod repair;
mod verify;

use std::process::ExitCode;

use backup::{BackupVerb, RestoreVerb};
use clap::Parser;
use common::export::ExportVerb;
use common::keys::{GetVerb, RmVerb, SetVerb};
use common::keyspaces::KeyspacesVerb;
use common::options::ToolOptions;
use common::ranges::{CountVerb, ScanVerb};
use common::stats::StatsVerb;
use common::verb::verbs;
use compact::CompactVerb;
use inspect::InspectVerb;
use local_import::LocalImportVerb;
use local_store::{LocalStore, StoreOptions};
use plan::PlanVerb;
use repair::RepairVerb;
use verify::VerifyVerb;

/// Works on a kvs store in a directory
#[derive(Parser)]
#[command(name = "kvs", version)]
struct CommandLine {
    #[command(subcommand)]
    verb: ToolVerb,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    tool: ToolOptions,
}

verbs! { LocalStore:
    /// Set a key to a value; makes the store if the directory holds none
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
    /// Write every key to a file, or to standard output
    Export(ExportVerb),
    /// Read every key of an export, of Redis or of sled; makes the store if there is none
    Import(LocalImportVerb),
    /// Print the figures of the store, a line "name: value" for each
    Stats(StatsVerb),
    /// Read everything in the directory, and print what is damaged
    Verify(VerifyVerb),
    /// Print everything in a segment file, damaged or not
    Inspect(InspectVerb),
    /// Give the space back that overwritten and removed keys take
    Compact(CompactVerb),
    /// Make a damaged store one that opens again, and print what is lost
    Repair(RepairVerb),
    /// Make a backup of the store in another directory, and verify it
    Backup(BackupVerb),
    /// Print what data will take in memory and on the disk; works on no store
    Plan(PlanVerb),
    /// Copy a backup to the directory, which has to be missing or empty, and verify it
    Restore(RestoreVerb),
}

fn main() -> ExitCode {
    let CommandLine { verb, store, tool } = CommandLine::parse();
    let mut target = LocalStore::new(store, tool.keyspace.clone());
    tool.run(verb.has_keyspace(), |output| verb.run(&mut target, output))
}
