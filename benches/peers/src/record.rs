//! Results as lines of JSON: what the parts measure, and what the report reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// The unit of a number, which decides whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unit {
    /// Thousand operations a second.
    Rate,
    /// Milliseconds until something is done.
    Milliseconds,
    /// Microseconds of latency.
    Microseconds,
    /// Microseconds by which the generator of a load was late: no figure of who was asked.
    Lateness,
    /// Seconds of processor time per million operations.
    ProcessorSeconds,
    /// MiB of disk or memory.
    Mebibytes,
    /// Bytes for each key.
    BytesPerKey,
    /// KiB read from the disk for each operation.
    KibibytesPerOperation,
}

impl Unit {
    /// Returns true if more is better.
    pub fn is_gain(self) -> bool {
        self == Self::Rate
    }

    /// Returns the number of times that one number is worse than another.
    pub fn times_worse(self, own: f64, other: f64) -> Option<f64> {
        let (larger, smaller) = if self.is_gain() { (other, own) } else { (own, other) };
        (smaller > 0.0).then(|| larger / smaller)
    }

    /// Returns true if it says who is better.
    pub fn is_compared(self) -> bool {
        self != Self::Lateness
    }

    /// Returns its name in tables and on axes.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rate => "thousand operations/s",
            Self::Milliseconds => "ms",
            Self::Microseconds | Self::Lateness => "µs",
            Self::ProcessorSeconds => "s of server CPU per million operations",
            Self::Mebibytes => "MiB",
            Self::BytesPerKey => "bytes per key",
            Self::KibibytesPerOperation => "KiB read per operation",
        }
    }
}

/// One number of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measurement {
    /// The table it belongs to.
    pub table: String,
    /// The row of the table.
    pub row: String,
    /// Whose number it is: the column.
    pub subject: String,
    /// The unit of the number.
    pub unit: Unit,
    /// The number.
    pub value: f64,
}

/// The description of a run: the programs, the machine and the settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Setup {
    /// Name and value, in the order of the report.
    pub facts: Vec<(String, String)>,
    /// Of each subject: version, settings, what may be lost.
    pub subjects: Vec<Subject>,
    /// The cases that could not be measured, with the reasons.
    pub omissions: Vec<String>,
    /// The seconds that all of it took; zero while it runs.
    pub seconds: u64,
}

/// The description of one store or server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Subject {
    /// Its name in the tables.
    pub name: String,
    /// The version that ran.
    pub version: String,
    /// Its settings.
    pub settings: String,
    /// The writes that may be lost where a write does not wait for the disk.
    pub deferred: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Setup(Setup),
    Measurement(Measurement),
}

/// A file of results that is being written.
#[derive(Debug)]
pub struct Recorder {
    file: File,
}

impl Recorder {
    /// Begins a new file in place of an older one.
    pub fn create(path: &Path) -> Outcome<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        Ok(Self { file: File::create(path)? })
    }

    /// Adds one measurement.
    pub fn add(&mut self, measurement: Measurement) -> Outcome<()> {
        self.write(&Line::Measurement(measurement))
    }

    /// Adds a setup; the last one in the file counts.
    pub fn describe(&mut self, setup: &Setup) -> Outcome<()> {
        self.write(&Line::Setup(setup.clone()))
    }

    fn write(&mut self, line: &Line) -> Outcome<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        Ok(self.file.write_all(text.as_bytes())?)
    }
}

/// All that a part measured.
#[derive(Debug, Default)]
pub struct Results {
    /// The description of the run.
    pub setup: Setup,
    /// The tables in the order in which they first appeared.
    pub tables: Vec<Table>,
}

/// One table: rows of cells by subject.
#[derive(Debug, Default)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows in the order in which they first appeared.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The unit of the number.
    pub unit: Unit,
    /// Every run's number of every subject.
    pub cells: BTreeMap<String, Vec<f64>>,
}

impl Row {
    /// Returns the middle of a subject's runs.
    pub fn median(&self, subject: &str) -> Option<f64> {
        let mut values = self.cells.get(subject)?.clone();
        values.sort_by(f64::total_cmp);
        let upper = *values.get(values.len() / 2)?;
        let lower = *values.get(values.len().saturating_sub(1) / 2)?;
        Some(f64::midpoint(lower, upper))
    }

    /// Returns the best median of all subjects.
    pub fn best(&self) -> Option<f64> {
        self.best_of(|_| true).map(|(_, median)| median)
    }

    /// Returns the best median of some subjects, and whose it is.
    pub fn best_of(&self, is_candidate: impl Fn(&str) -> bool) -> Option<(&str, f64)> {
        let candidates = self.cells.keys().filter(|subject| is_candidate(subject));
        let medians =
            candidates.filter_map(|subject| Some((subject.as_str(), self.median(subject)?)));
        let is_better = |a: f64, b: f64| if self.unit.is_gain() { a > b } else { a < b };
        medians.reduce(|best, next| if is_better(next.1, best.1) { next } else { best })
    }

    /// Returns the number of times that a subject is worse than the best; 1 is the best.
    pub fn ratio(&self, subject: &str) -> Option<f64> {
        self.unit.is_compared().then_some(())?;
        self.unit.times_worse(self.median(subject)?, self.best()?)
    }

    /// Returns the fewest runs behind a cell of this row.
    pub fn runs(&self) -> usize {
        self.cells.values().map(Vec::len).min().unwrap_or(0)
    }
}

impl Results {
    /// Reads what a [`Recorder`] wrote.
    pub fn read(path: &Path) -> Outcome<Self> {
        let mut results = Self::default();
        for line in BufReader::new(File::open(path)?).lines() {
            match serde_json::from_str(&line?)? {
                Line::Setup(setup) => results.setup = setup,
                Line::Measurement(measurement) => results.add(measurement),
            }
        }
        Ok(results)
    }

    fn add(&mut self, measurement: Measurement) {
        let Measurement { table, row, subject, unit, value } = measurement;
        let table = find_or_push(
            &mut self.tables,
            |known| known.name == table,
            || Table { name: table.clone(), rows: Vec::new() },
        );
        let row = find_or_push(
            &mut table.rows,
            |known| known.name == row && known.unit == unit,
            || Row { name: row.clone(), unit, cells: BTreeMap::new() },
        );
        row.cells.entry(subject).or_default().push(value);
    }
}

fn find_or_push<T>(
    list: &mut Vec<T>,
    is_it: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) -> &mut T {
    let position = list.iter().position(is_it).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    });
    &mut list[position]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(unit: Unit, cells: &[(&str, &[f64])]) -> Row {
        let cells = cells.iter().map(|(name, values)| ((*name).to_owned(), values.to_vec()));
        Row { name: "row".to_owned(), unit, cells: cells.collect() }
    }

    #[test]
    fn the_ratio_says_how_many_times_worse() {
        let rate = row(Unit::Rate, &[("a", &[10.0, 30.0, 20.0]), ("b", &[40.0])]);
        assert_eq!(rate.median("a"), Some(20.0));
        assert_eq!(rate.ratio("a"), Some(2.0));
        assert_eq!(rate.ratio("b"), Some(1.0));
        let time = row(Unit::Milliseconds, &[("a", &[10.0, 20.0]), ("b", &[30.0])]);
        assert_eq!(time.median("a"), Some(15.0));
        assert_eq!(time.ratio("b"), Some(2.0));
        assert_eq!(time.ratio("c"), None);
        assert_eq!(time.runs(), 1);
    }

    #[test]
    fn a_recorded_result_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/results.jsonl");
        let mut recorder = Recorder::create(&path).unwrap();
        for value in [1.0, 2.0, 3.0] {
            let measurement = Measurement {
                table: "gets".to_owned(),
                row: "one".to_owned(),
                subject: "kvs".to_owned(),
                unit: Unit::Rate,
                value,
            };
            recorder.add(measurement).unwrap();
        }
        recorder.describe(&Setup { seconds: 7, ..Setup::default() }).unwrap();
        let results = Results::read(&path).unwrap();
        assert_eq!(results.setup.seconds, 7);
        assert_eq!(results.tables[0].rows[0].median("kvs"), Some(2.0));
    }
}
