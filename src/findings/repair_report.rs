//! The report of a repair.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::finding::Finding;

/// A file that a repair replaces or removes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairedFile {
    /// The file.
    pub path: PathBuf,
    /// The place at which it is kept as it was; `None` if it was missing.
    pub kept_at: Option<PathBuf>,
    /// The new file that has its place; `None` if there was nothing to be taken from it.
    pub replaced_by: Option<PathBuf>,
    /// The length of the file.
    pub bytes: u64,
    /// The number of records that were taken from it.
    pub saved_records: u64,
    /// The bytes of their batches.
    pub saved_bytes: u64,
}

/// The facts of a repair, or of the plan of one; see [`Store::repair`](crate::Store::repair).
///
/// [`Display`](std::fmt::Display) shows a line for each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RepairReport {
    /// Every damage that there was, as a verification finds it.
    pub damages: Vec<Finding>,
    /// The files that are replaced or removed.
    pub files: Vec<RepairedFile>,
    /// The versions of batches that are known to be missing. Of a segment that a compaction has
    /// made, it is not known which versions were in its damaged bytes: those are not among them.
    pub missing_versions: Vec<RangeInclusive<u64>>,
    /// The highest version that anything in the directory knew of: those of new writes are above
    /// it, also above those that are lost.
    pub version: u64,
    /// False for a plan, by which nothing was changed, and if there was no damage.
    pub is_changed: bool,
}

impl RepairReport {
    /// The meaning of what a repair could not save.
    pub const MEANING: &'static str = "what is lost may have been newer than what is left: a key \
                                       may have an older value, a removed key may be back, and a \
                                       key may be missing";

    /// Returns the numbers by their names.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, u64); 6] {
        let sum = |number: fn(&RepairedFile) -> u64| self.files.iter().map(number).sum();
        let missing = self.missing_versions.iter().map(|range| range.end() - range.start() + 1);
        [
            ("damages", self.damages.len() as u64),
            ("files", self.files.len() as u64),
            ("saved records", sum(|file| file.saved_records)),
            ("saved bytes", sum(|file| file.saved_bytes)),
            ("missing versions", missing.sum()),
            ("version", self.version),
        ]
    }

    /// Returns true if nothing is damaged.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damages.is_empty()
    }
}

impl fmt::Display for RepairedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, kept_at, replaced_by, bytes, saved_records, saved_bytes } = self;
        write!(formatter, "{}: {bytes} bytes", path.display())?;
        if let Some(kept_at) = kept_at {
            write!(formatter, ", kept at {}", kept_at.display())?;
        }
        match replaced_by {
            Some(new) => write!(
                formatter,
                ", replaced by {} with {saved_records} records of {saved_bytes} bytes",
                new.display()
            ),
            None => formatter.write_str(", nothing of it is taken over"),
        }
    }
}

impl fmt::Display for RepairReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for damage in &self.damages {
            writeln!(formatter, "damage: {damage}")?;
        }
        for file in &self.files {
            writeln!(formatter, "file: {file}")?;
        }
        for range in &self.missing_versions {
            writeln!(formatter, "missing: versions {} to {}", range.start(), range.end())?;
        }
        if !self.is_whole() {
            writeln!(formatter, "note: {}", Self::MEANING)?;
        }
        let figures = self.figures().map(|(name, number)| format!("{name}: {number}"));
        formatter.write_str(&figures.join("\n"))
    }
}
