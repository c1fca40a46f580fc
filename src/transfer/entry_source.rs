//! The places that an import reads from.

use super::entry::ImportedEntry;
use super::error::TransferError;

/// One thing that a source tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SourceItem {
    /// There is a keyspace of this name, which may have no keys.
    Keyspace(String),
    /// A key with its value.
    Entry(ImportedEntry),
    /// A key whose value is of a type that a store does not have.
    OtherType(String),
}

/// A place that an import reads from, item by item.
pub(crate) trait EntrySource {
    /// Returns the next item; `None` behind the last one of a source that is whole.
    fn next(&mut self) -> Result<Option<SourceItem>, TransferError>;

    /// Returns the place of the item that was returned last, as a message begins: `line 7`.
    fn place(&self) -> Option<String> {
        None
    }
}
