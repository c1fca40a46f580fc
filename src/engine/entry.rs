//! Entries: the values that engines store, with their metadata.

use crate::storage::format::keyspace::ValueType;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;

/// A value and its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value's bytes.
    pub value: Vec<u8>,
    /// The sequence number of the commit that wrote it; grows with every change of the key. Numbers
    /// of writes that a power loss took are given again.
    pub version: u64,
    /// The time at which the entry expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// The type of the value.
    pub(crate) value_type: ValueType,
}

impl Entry {
    /// Returns its metadata.
    pub(crate) fn meta(&self) -> EntryMeta {
        let (version, value_type) = (Sequence(self.version), self.value_type);
        EntryMeta { version, expires_at: self.expiry(), value_type }
    }

    /// Returns the time at which the entry expires.
    pub(crate) fn expiry(&self) -> Option<UnixMillis> {
        self.expires_at.map(UnixMillis)
    }
}

/// The metadata of a key: all that is stored for it beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The sequence number of the commit that wrote the value; grows with every change of the key.
    /// Keys that one batch wrote have the same. Numbers of writes that a power loss took are given
    /// again.
    pub version: u64,
    /// The time at which the key expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<u64>,
}

impl From<EntryMeta> for Metadata {
    fn from(meta: EntryMeta) -> Self {
        Self { version: meta.version.0, expires_at: meta.expires_at.map(|time| time.0) }
    }
}

/// The part of an entry that can be known without reading its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryMeta {
    /// The sequence number of the commit that wrote the entry.
    pub(crate) version: Sequence,
    /// The time at which the entry expires.
    pub(crate) expires_at: Option<UnixMillis>,
    /// The type of the value.
    pub(crate) value_type: ValueType,
}

impl EntryMeta {
    /// Returns the entry with this metadata and a value.
    pub(crate) fn with(self, value: Vec<u8>) -> Entry {
        let Self { version, expires_at, value_type } = self;
        let expires_at = expires_at.map(|time| time.0);
        Entry { value, version: version.0, expires_at, value_type }
    }
}
