//! Conditions on the entry of a key.

use crate::Entry;

/// A condition on the entry of a key, without which a write is not done.
///
/// The writer decides it in the order of all writes, so that nobody comes between the condition and
/// the write. A key that has expired is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precondition {
    /// The key is not there.
    Absent,
    /// The key is there.
    Present,
    /// The key has this value.
    Value(Vec<u8>),
    /// The key was last changed by the commit with this sequence number: the version of its
    /// [`Metadata`](crate::Metadata) or [`Entry`].
    Version(u64),
}

impl Precondition {
    /// Returns the condition that the key has this value.
    pub fn value(value: impl Into<Vec<u8>>) -> Self {
        Self::Value(value.into())
    }

    /// Returns true if the condition holds of the entry.
    pub(crate) fn holds(&self, entry: Option<&Entry>) -> bool {
        match (self, entry) {
            (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Value(value), Some(entry)) => *value == entry.value,
            (Self::Version(version), Some(entry)) => *version == entry.version,
            _ => false,
        }
    }

    /// Returns true if deciding the condition takes the value, and not only its metadata.
    pub(crate) fn needs_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }
}
