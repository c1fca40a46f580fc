//! Snapshots: a server's keys as they were at one point in time.

use std::fmt;

use super::KvsClient;
use super::calls::{answered, read_calls};
use super::entry::ClientEntry;
use super::error::ClientResult;
use super::scan::{self, ClientScan};
use crate::key_bounds::{KeyBounds, KeyPrefix};
use crate::protocol::native::{ByteString, Place, RequestOperation, Success};

/// The keyspaces of a server at one point in time, as [`KvsClient::snapshot`] returns them. It
/// reads the default keyspace, and others by [`keyspace`](Self::keyspace).
///
/// The server keeps what it sees, for no longer than its option `--snapshot-timeout` says, a minute
/// by default. Later reads fail with
/// [`NoSnapshot`](crate::protocol::native::FailureKind::NoSnapshot), as they do after the
/// connection was lost. Dropping it lets it go on the server.
///
/// ```no_run
/// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
/// let mut snapshot = client.snapshot()?;
/// let (first, last) = (snapshot.first(..)?, snapshot.last(..)?); // at the same moment
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientSnapshot<'c> {
    client: &'c mut KvsClient,
    version: u64,
}

/// The keys of one keyspace in a [`ClientSnapshot`].
pub struct ClientSnapshotKeyspace<'s> {
    client: &'s mut KvsClient,
    name: String,
}

impl KvsClient {
    /// Takes a snapshot on the server: everything that was acknowledged before this call, of every
    /// keyspace, and nothing that is written later. The `sled` engine has none, and the server says
    /// so.
    pub fn snapshot(&mut self) -> ClientResult<ClientSnapshot<'_>> {
        let version = self.open_snapshot()?;
        Ok(ClientSnapshot { client: self, version })
    }

    /// Opens the snapshot of the connection; returns its version.
    pub(super) fn open_snapshot(&mut self) -> ClientResult<u64> {
        self.call(RequestOperation::OpenSnapshot, answered!(Success::Number(version) => version))
    }
}

impl ClientSnapshot<'_> {
    /// Returns the version of the newest write that it sees.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the keyspace that had this name at the moment of the snapshot. Its reads fail if
    /// none had.
    pub fn keyspace(&mut self, name: impl Into<String>) -> ClientSnapshotKeyspace<'_> {
        ClientSnapshotKeyspace { client: self.client, name: name.into() }
    }

    /// Returns the names that keyspaces had at the moment of the snapshot, in the order of their
    /// bytes; `default` is always one of them.
    pub fn keyspaces(&mut self) -> ClientResult<Vec<String>> {
        self.call(RequestOperation::ListKeyspaces, answered!(Success::Names(names) => names))
    }

    fn call<T>(
        &mut self,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        self.client.call_at(Place::Snapshot, operation, recognize)
    }
}

impl ClientSnapshotKeyspace<'_> {
    fn call<T>(
        &mut self,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        let place = Place::KeyspaceSnapshot(self.name.as_str().into());
        self.client.call_at(place, operation, recognize)
    }
}

read_calls!(ClientSnapshot<'_>);
read_calls!(ClientSnapshotKeyspace<'_>);

impl Drop for ClientSnapshot<'_> {
    fn drop(&mut self) {
        self.client.link.close_snapshot();
    }
}

impl fmt::Debug for ClientSnapshot<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientSnapshot");
        shown.field("client", &self.client).field("version", &self.version).finish()
    }
}

impl fmt::Debug for ClientSnapshotKeyspace<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientSnapshotKeyspace");
        shown.field("client", &self.client).field("name", &self.name).finish()
    }
}
