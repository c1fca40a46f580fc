//! Values with what the server knows about them.

use crate::protocol::native::VersionedValue;

/// A value of a server with its version and its expiry, as
/// [`KvsClient::entry`](crate::KvsClient::entry) returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientEntry {
    /// The value.
    pub value: Vec<u8>,
    /// The version of the write that set it, which grows with every write of the server, for
    /// [`Precondition::Version`](crate::Precondition::Version).
    pub version: u64,
    /// The time at which it expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<u64>,
}

impl From<VersionedValue<'_>> for ClientEntry {
    fn from(VersionedValue { value, version, expires_at }: VersionedValue<'_>) -> Self {
        Self { value: value.into_vec(), version, expires_at }
    }
}
