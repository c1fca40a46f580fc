//! Targets: what the verbs of a tool work on.

use kvs::Expiry;

use super::failure::ToolFailure;

/// A value of a store, and the time at which it expires, in milliseconds since the Unix epoch.
pub struct FoundValue {
    pub value: Vec<u8>,
    pub expires_at: Option<u64>,
}

/// A keyspace of a store, in a directory or at a server, as the verbs of both tools use it.
///
/// Only [`set`](Self::set) makes a store or a keyspace that is not there.
pub trait ToolTarget {
    /// True if the removal of a missing key is told on standard error.
    const MISSING_IS_ERROR: bool;

    /// Returns the value of a key.
    fn get(&mut self, key: &[u8]) -> Result<Option<FoundValue>, ToolFailure>;

    /// Sets a key to a value; it expires if an expiry is given.
    fn set(&mut self, key: &[u8], value: &[u8], expiry: Option<Expiry>) -> Result<(), ToolFailure>;

    /// Removes a key; returns true if it was there.
    fn remove(&mut self, key: &[u8]) -> Result<bool, ToolFailure>;

    /// Returns the figures of the store, a line `name: value` for each.
    fn figures(&mut self) -> Result<String, ToolFailure>;
}
