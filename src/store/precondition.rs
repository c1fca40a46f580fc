//! Conditions on the entry of a key.

use crate::engine::{Entry, Sequence};

/// A condition on the entry of a key; a batch that it fails for is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The key is not there.
    Absent,
    /// The key is there.
    Present,
    /// The key has this value.
    Value(Vec<u8>),
    /// The key was last changed by the commit with this sequence number.
    Version(Sequence),
}

impl Precondition {
    /// Returns true if the condition holds of the entry.
    pub(crate) fn holds(&self, entry: Option<&Entry>) -> bool {
        match (self, entry) {
            (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Value(value), Some(entry)) => *value == entry.value,
            (Self::Version(version), Some(entry)) => version.0 == entry.version,
            _ => false,
        }
    }

    /// Returns true if deciding the condition takes the value, and not only its metadata.
    pub(crate) fn needs_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }
}
