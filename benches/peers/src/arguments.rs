//! The command line.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::Outcome;
use crate::embedded::case::Task;

/// Measures kvs against other stores
#[derive(Debug, Parser)]
#[command(name = "kvs-peers")]
pub struct Arguments {
    /// The task of the program.
    #[command(subcommand)]
    pub command: Command,
}

/// The task of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure everything and write the report
    All(Scope),
    /// Measure the stores that are libraries
    Embedded(Scope),
    /// Measure the stores that are servers
    Servers(Scope),
    /// Write the report of what was measured
    Report(Paths),
    /// Run one case of one store, for this program itself
    #[command(hide = true)]
    Child(Task),
}

/// The amount to measure.
#[derive(Debug, Clone, Args)]
pub struct Scope {
    /// About ten minutes on two cores: fewer and shorter runs
    #[arg(long, conflicts_with = "smoke")]
    pub quick: bool,
    /// Some seconds: only to see that everything works
    #[arg(long)]
    pub smoke: bool,
    /// Measure only this many keys, for example 10000000
    #[arg(long, value_name = "N")]
    pub keys: Option<u64>,
    /// With --keys: how long values are
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    pub value_bytes: usize,
    /// Number of times that each short case runs
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Only these stores or servers, with commas between them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The directories of results and reports.
    #[command(flatten)]
    pub paths: Paths,
}

/// The directories of results and reports.
#[derive(Debug, Clone, Args)]
pub struct Paths {
    /// Directory of the results and of the stores' data
    #[arg(long, value_name = "PATH", default_value = "target/peers")]
    pub results: PathBuf,
    /// Directory of the report
    #[arg(long, value_name = "PATH", default_value = "docs")]
    pub docs: PathBuf,
}

impl Scope {
    /// Returns the file for the results of the stores that are libraries.
    pub fn embedded(&self) -> PathBuf {
        self.paths.embedded(self.keys.map(|keys| (keys, self.value_bytes)))
    }

    /// Returns true if a store or server is to be measured.
    pub fn includes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(name))
    }
}

impl Paths {
    /// Returns the results of the stores that are libraries; a number of keys that was asked for
    /// has a file of its own, so that it stays when others are measured.
    pub fn embedded(&self, asked_for: Option<(u64, usize)>) -> PathBuf {
        let name = match asked_for {
            Some((keys, value_bytes)) => format!("embedded-{keys}x{value_bytes}.jsonl"),
            None => "embedded.jsonl".to_owned(),
        };
        self.results.join(name)
    }

    /// Returns all of these that exist, that of the usual numbers of keys first.
    pub fn all_embedded(&self) -> Outcome<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.results)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("embedded") && name.ends_with(".jsonl") {
                files.push(path);
            }
        }
        files.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
        Ok(files)
    }

    /// Returns the results of the stores that are servers.
    pub fn servers(&self) -> PathBuf {
        self.results.join("servers.jsonl")
    }
}
