//! Keyspaces of a server: opened, listed, renamed, swapped and dropped by their names.

use std::fmt;

use super::KvsClient;
use super::batch::ClientBatch;
use super::calls::{answered, read_calls, write_calls};
use super::entry::ClientEntry;
use super::error::{ClientError, ClientResult};
use super::link::ServerAccess;
use super::pipeline::Pipeline;
use super::scan::{self, ClientScan};
use super::time::time_of;
use super::watch::{ClientWatch, watch_calls};
use crate::expiry::Expiry;
use crate::key_bounds::{KeyBounds, KeyPrefix};
use crate::precondition::Precondition;
use crate::protocol::native::{ByteString, FailureKind, Place, RequestOperation, Success};
use crate::sync::Arc;

/// The keys of one keyspace of a server, as [`KvsClient::keyspace`] returns them.
///
/// A keyspace is named with every request. After a rename or a swap the requests are about the
/// keyspace that has the name then; after a drop they fail with
/// [`NoSuchKeyspace`](FailureKind::NoSuchKeyspace), until one of that name is made again.
///
/// ```no_run
/// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
/// let mut users = client.keyspace("users")?;
/// users.set("1", "alice")?;
/// assert_eq!(users.get("1")?.as_deref(), Some(&b"alice"[..]));
/// // The same key of the default keyspace is another one.
/// assert_eq!(client.get("1")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyspaceClient<'c> {
    client: &'c mut KvsClient,
    /// The name; `None` for the default keyspace.
    name: Option<String>,
    /// True if its writes wait for the disk, false if they do not; `None` leaves that to the
    /// server.
    sync: Option<bool>,
}

impl KvsClient {
    /// Opens the keyspace with this name, or makes an empty one, with one request.
    ///
    /// A name is 1 to 255 bytes of UTF-8. The keyspace called `default` is always there: it is the
    /// one that the client itself reads and writes.
    pub fn keyspace(&mut self, name: impl Into<String>) -> ClientResult<KeyspaceClient<'_>> {
        let name = name.into();
        self.open_keyspace(&name, true)?;
        Ok(KeyspaceClient { client: self, name: Some(name), sync: None })
    }

    /// Opens the keyspace with this name, if there is one.
    pub fn find_keyspace(
        &mut self,
        name: impl Into<String>,
    ) -> ClientResult<Option<KeyspaceClient<'_>>> {
        let name = name.into();
        match self.open_keyspace(&name, false) {
            Ok(()) => Ok(Some(KeyspaceClient { client: self, name: Some(name), sync: None })),
            Err(ClientError::Remote { kind: FailureKind::NoSuchKeyspace, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the default keyspace with writes that wait until they survive power loss, or do not
    /// wait for that, whatever the durability of the server.
    pub fn with_sync(&mut self, waits: bool) -> KeyspaceClient<'_> {
        KeyspaceClient { client: self, name: None, sync: Some(waits) }
    }

    fn open_keyspace(&mut self, name: &str, create: bool) -> ClientResult<()> {
        let name = name.to_owned();
        self.change_keyspaces(RequestOperation::OpenKeyspace { name, create })
    }

    /// Returns the names of all keyspaces at one point in time, in the order of their bytes;
    /// `default` is always one of them.
    pub fn keyspaces(&mut self) -> ClientResult<Vec<String>> {
        self.call(RequestOperation::ListKeyspaces, answered!(Success::Names(names) => names))
    }

    /// Gives a keyspace another name.
    pub fn rename_keyspace(&mut self, from: &str, to: &str) -> ClientResult<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change_keyspaces(RequestOperation::RenameKeyspace { from, to })
    }

    /// Gives each of two keyspaces the name of the other one, at one moment.
    pub fn swap_keyspaces(&mut self, first: &str, second: &str) -> ClientResult<()> {
        let (first, second) = (first.to_owned(), second.to_owned());
        self.change_keyspaces(RequestOperation::SwapKeyspaces { first, second })
    }

    /// Removes a keyspace and all its keys, at one moment.
    pub fn drop_keyspace(&mut self, name: &str) -> ClientResult<()> {
        self.change_keyspaces(RequestOperation::DropKeyspace { name: name.to_owned() })
    }

    fn change_keyspaces(&mut self, operation: RequestOperation<'_>) -> ClientResult<()> {
        self.call(operation, answered!(Success::Done => ()))
    }
}

impl KeyspaceClient<'_> {
    /// Returns the name that it opened the keyspace by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("default")
    }

    /// Returns the same keyspace with writes that wait until they survive power loss, or do not
    /// wait for that, whatever the durability of the server.
    ///
    /// ```no_run
    /// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
    /// client.set("draft", "...")?; // a power loss may take the last second of these
    /// client.with_sync(true).set("order", "paid")?; // and nothing from here back
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_sync(self, waits: bool) -> Self {
        Self { sync: Some(waits), ..self }
    }

    /// Collects requests about this keyspace that are sent together.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        self.client.pipeline_at(self.name.clone(), self.sync)
    }

    fn syncs(&self) -> Option<bool> {
        self.sync
    }

    /// Returns what a watch of this keyspace needs.
    fn watched(&self) -> (&Arc<ServerAccess>, Option<&str>) {
        (self.client.link.server(), self.name.as_deref())
    }

    fn call<T>(
        &mut self,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        let name = self.name.as_deref();
        let place = name.map_or(Place::Default, |name| Place::Keyspace(name.into()));
        self.client.call_at(place, operation, recognize)
    }
}

watch_calls!(KeyspaceClient<'_>);
read_calls!(KeyspaceClient<'_>);
write_calls!(KeyspaceClient<'_>);

impl fmt::Debug for KeyspaceClient<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("KeyspaceClient");
        shown.field("client", &self.client).field("name", &self.name()).finish()
    }
}
