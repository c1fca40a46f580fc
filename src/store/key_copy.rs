//! Copies of keys: within a keyspace or from one into another, with or without the source.

use crate::engine::KeyspaceId;

/// A copy of a key into the keyspace of its operation, with the value, its type and its expiry.
///
/// The value is read and written once more, as long as it is: an entry of the log has one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyCopy {
    /// The keyspace of the source.
    pub(crate) source_keyspace: KeyspaceId,
    /// The key that is copied.
    pub(crate) source: Vec<u8>,
    /// The key that becomes what the source is.
    pub(crate) target: Vec<u8>,
    /// True if a target that is there is replaced.
    pub(crate) replaces: bool,
    /// True if the source is removed.
    pub(crate) removes_source: bool,
}
