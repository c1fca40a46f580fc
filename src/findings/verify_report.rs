//! The report of a verification.

use std::fmt;

use super::finding::Finding;

/// The facts that a verification of a store found; see [`Store::verify`](crate::Store::verify).
///
/// [`Display`](std::fmt::Display) shows a line for each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Every damage: bytes that are wrong or missing although they had survived.
    pub damages: Vec<Finding>,
    /// The end of the log that a crash cut. None of it was known to survive, so it is no damage,
    /// and the next open cuts it off.
    pub torn_end: Option<Finding>,
    /// Oddities that are no damage, and that the next open or close puts right.
    pub notes: Vec<Finding>,
    /// The number of segments.
    pub segments: u64,
    /// The number of hints that were compared with their segment.
    pub hints: u64,
    /// The bytes of the segments, all of which were read.
    pub bytes: u64,
    /// The number of valid records, dead ones included.
    pub records: u64,
    /// The number of keys that these records hold, in all keyspaces, expired ones included. Where
    /// there is damage, keys may be missing from it or be of an older version.
    pub keys: u64,
    /// The newest version: that of the last batch of the log; 0 if there is none.
    pub version: u64,
}

impl VerifyReport {
    /// Returns the numbers by their names.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, u64); 7] {
        [
            ("segments", self.segments),
            ("hints", self.hints),
            ("bytes", self.bytes),
            ("records", self.records),
            ("keys", self.keys),
            ("version", self.version),
            ("damages", self.damages.len() as u64),
        ]
    }

    /// Returns true if there is no damage.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damages.is_empty()
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for damage in &self.damages {
            writeln!(formatter, "damage: {damage}")?;
        }
        if let Some(torn) = &self.torn_end {
            writeln!(formatter, "torn: {torn}")?;
        }
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        let figures = self.figures().map(|(name, number)| format!("{name}: {number}"));
        formatter.write_str(&figures.join("\n"))
    }
}
