//! One key with its value, on its way.

/// An entry that is exported, borrowed from where it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExportedEntry<'a> {
    /// The name of its keyspace; `None` for the default one.
    pub(crate) keyspace: Option<&'a str>,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    /// The time at which it expires, in milliseconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
}

/// An entry that is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImportedEntry {
    /// The name of its keyspace; `None` for the default one.
    pub(crate) keyspace: Option<String>,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// The time at which it expires, in milliseconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
}

impl ImportedEntry {
    /// Returns the bytes of its key and its value.
    pub(crate) fn bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }
}
