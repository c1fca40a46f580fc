//! Targets: what the verbs of a tool work on.

use std::ops::Bound;

use kvs::Expiry;

use super::failure::ToolFailure;

/// A value of a store, and the time at which it expires, in milliseconds since the Unix epoch.
pub struct FoundValue {
    pub value: Vec<u8>,
    pub expires_at: Option<u64>,
}

/// A range of keys to be scanned.
pub struct ScanRequest {
    pub start: Bound<Vec<u8>>,
    pub end: Bound<Vec<u8>>,
    /// From the last key to the first.
    pub reverse: bool,
    /// Without values, which are then shown empty.
    pub keys_only: bool,
    /// The most keys.
    pub limit: u64,
}

/// A function that is shown keys with their values, in order.
pub type ToolVisitor<'v> = dyn FnMut(&[u8], &[u8]) -> Result<(), ToolFailure> + 'v;

/// The name of a keyspace and the number of its keys.
pub struct CountedKeyspace {
    pub name: String,
    pub keys: u64,
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

    /// Shows the keys of a range, with few of them in memory at a time.
    fn scan(
        &mut self,
        request: ScanRequest,
        visit: &mut ToolVisitor<'_>,
    ) -> Result<(), ToolFailure>;

    /// Returns the number of keys of a range.
    fn count(&mut self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>) -> Result<u64, ToolFailure>;

    /// Returns all keyspaces of the store, by their names.
    fn keyspaces(&mut self) -> Result<Vec<CountedKeyspace>, ToolFailure>;

    /// Makes an empty keyspace, of which there must be none of that name.
    fn create_keyspace(&mut self, name: &str) -> Result<(), ToolFailure>;

    /// Gives a keyspace another name.
    fn rename_keyspace(&mut self, from: &str, to: &str) -> Result<(), ToolFailure>;

    /// Removes a keyspace and its keys.
    fn drop_keyspace(&mut self, name: &str) -> Result<(), ToolFailure>;

    /// Gives each of two keyspaces the name of the other one.
    fn swap_keyspaces(&mut self, first: &str, second: &str) -> Result<(), ToolFailure>;

    /// Returns the figures of the store, a line `name: value` for each.
    fn figures(&mut self) -> Result<String, ToolFailure>;
}
