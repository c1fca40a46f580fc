//! The number of a segment.

use std::fmt;

/// The number that names a segment. Ids grow and are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentId(pub(crate) u64);

impl SegmentId {
    /// The highest id: the index keeps the type of a value in the bits above it.
    pub(crate) const MAX: Self = Self((1 << 48) - 1);
}

impl fmt::Display for SegmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:020}", self.0)
    }
}
