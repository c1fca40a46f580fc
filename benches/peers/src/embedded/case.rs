//! The cases of a store that are measured, and the message from this program to the child that does
//! it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::record::Unit;

/// One case: each runs in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// All keys in key order into an empty store.
    LoadSorted,
    /// All keys in another order into an empty store.
    LoadRandom,
    /// Open after a clean close, until the first value was read.
    Open,
    /// Random reads.
    Get,
    /// Ranges of 100 entries from random keys.
    Scan,
    /// Random writes that do not wait for the disk.
    Overwrite,
    /// Transactions of many random writes that do not wait for the disk.
    Batch,
    /// Random writes that wait for the disk.
    Synced,
    /// Random writes that are waited for later.
    Deferred,
    /// Transactions that read and write two keys.
    Transactions,
    /// Reads of snapshots beside random writes.
    Snapshots,
    /// Random writes that many watches are told of.
    Watches,
    /// Writes until it is killed.
    Killed,
    /// Open after a kill, until the first value was read.
    OpenKilled,
    /// Random reads in less memory than the data takes.
    Limited,
}

impl Case {
    /// Returns the table that shows it.
    pub fn table(self) -> &'static str {
        match self {
            Self::LoadSorted | Self::LoadRandom => "Loading",
            Self::Open | Self::Killed | Self::OpenKilled => "Opening",
            Self::Get | Self::Scan => "Reading",
            Self::Overwrite | Self::Batch | Self::Synced | Self::Deferred => "Writing",
            Self::Transactions => "Transactions",
            Self::Snapshots => "Snapshots",
            Self::Watches => "Watches",
            Self::Limited => "Reading more than fits into memory",
        }
    }

    /// Returns its name on the command line of a child.
    pub fn argument(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// The task of a child.
#[derive(Debug, Clone, Args)]
pub struct Task {
    /// The store.
    #[arg(long)]
    pub store: String,
    /// The case that it measures.
    #[arg(long, value_enum)]
    pub case: Case,
    /// The directory of the store, which exists.
    #[arg(long)]
    pub directory: PathBuf,
    /// The number of keys that it holds.
    #[arg(long)]
    pub keys: u64,
    /// The length of values.
    #[arg(long)]
    pub value_bytes: usize,
    /// The most bytes that the store may cache.
    #[arg(long)]
    pub cache_bytes: u64,
    /// The time for which each point is measured.
    #[arg(long)]
    pub seconds: f64,
    /// The seed of the random numbers.
    #[arg(long)]
    pub seed: u64,
    /// A control group to join.
    #[arg(long)]
    pub group: Option<PathBuf>,
}

impl Task {
    /// Returns the command line of a child for it.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "child".to_owned(),
            format!("--store={}", self.store),
            format!("--case={}", self.case.argument()),
            format!("--directory={}", self.directory.display()),
            format!("--keys={}", self.keys),
            format!("--value-bytes={}", self.value_bytes),
            format!("--cache-bytes={}", self.cache_bytes),
            format!("--seconds={}", self.seconds),
            format!("--seed={}", self.seed),
        ];
        arguments.extend(self.group.iter().map(|group| format!("--group={}", group.display())));
        arguments
    }
}

/// A measurement, which a child prints as a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Point {
    /// The table, where it is not the one of the case.
    pub table: Option<String>,
    /// The row of the table.
    pub row: String,
    /// The unit of the number.
    pub unit: Unit,
    /// The number.
    pub value: f64,
}

impl Point {
    /// Returns a point of the table of its case.
    pub fn new(row: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self { table: None, row: row.into(), unit, value }
    }

    /// Returns the same in another table.
    pub fn in_table(self, table: &str) -> Self {
        Self { table: Some(table.to_owned()), ..self }
    }
}

/// The table of disk and memory.
pub const SIZE: &str = "Size";
