//! A blocking client of the native protocol.
//!
//! ```text
//! KvsClient, Pipeline ──► Link ──► Connection ──► ClientStream
//!     ▲                    │ BackOff
//! ClientPool               └── makes a connection anew that broke
//!
//! ClientWatch ──► Connection, BackOff
//! ```
//!
//! One client, one caller: clone nothing, open another client instead, or take them from a
//! [`ClientPool`]. A call sends one request and waits for its response; a [`Pipeline`] sends many
//! before it waits. A connection is never used again after a failure of the network or of the
//! protocol. The next call makes a new one, and no request is sent twice that may have been
//! executed and must not be executed again.

mod back_off;
mod backup;
mod batch;
mod calls;
mod connection;
mod effect;
mod entry;
#[cfg(feature = "transfer")]
pub(crate) mod entry_pages;
mod error;
mod keyspace_transaction;
mod keyspaces;
mod link;
mod options;
mod pipeline;
mod pool;
mod scan;
mod snapshot;
pub(crate) mod stream;
mod time;
mod transaction;
mod watch;

use std::fmt;

use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::expiry::Expiry;
use crate::key_bounds::{KeyBounds, KeyPrefix};
use crate::precondition::Precondition;
use crate::protocol::native::{ByteString, FailureKind, Place, RequestOperation, Success};
use crate::sync::Arc;
pub use batch::{ClientBatch, KeyspaceClientBatch};
use calls::{answered, read_calls, write_calls};
pub use entry::ClientEntry;
pub use error::{ClientError, ClientResult};
pub use keyspace_transaction::ClientKeyspaceTransaction;
pub use keyspaces::KeyspaceClient;
use link::{Link, ServerAccess};
pub use options::ClientOptions;
pub use pipeline::{Pipeline, PipelineReply};
pub use pool::{ClientPool, PooledClient};
pub use scan::ClientScan;
pub use snapshot::{ClientSnapshot, ClientSnapshotKeyspace};
use time::time_of;
pub use transaction::ClientTransaction;
pub use watch::ClientWatch;
use watch::watch_calls;

/// A client of a server, with one connection.
///
/// ```no_run
/// use kvs::KvsClient;
///
/// let mut client = KvsClient::connect("127.0.0.1:4000")?;
/// client.set("key", "value")?;
/// assert_eq!(client.get("key")?.as_deref(), Some(&b"value"[..]));
/// assert!(client.remove("key")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What happens when the connection breaks
/// A call that finds the connection broken connects again: it tries for up to
/// [`reconnect_timeout`](ClientOptions::reconnect_timeout), with growing pauses, if the server
/// cannot be reached or has no room. Then it sends its request. If the connection breaks behind
/// that, a read is sent again, within the same time. A write is not, if the server got all of it:
/// it may have been done, and the call fails with an error that
/// [`is_outcome_unknown`](ClientError::is_outcome_unknown). A call that waited for its whole
/// [`timeout`](ClientOptions::timeout) fails whatever it is.
///
/// # Errors
/// Every call may fail with [`ClientError::Network`], [`ClientError::Timeout`],
/// [`ClientError::NoRoom`] or [`ClientError::Protocol`]; the next call connects again. A refusal of
/// the server is a [`ClientError::Remote`], and the connection goes on.
pub struct KvsClient {
    link: Link,
}

impl fmt::Debug for KvsClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("KvsClient").field(&self.link.server().address).finish()
    }
}

impl KvsClient {
    /// Connects with the default options and one attempt, to an [`Endpoint`] or what can become
    /// one: its text, or an IP address with a port. The addresses of a host name are tried in turn
    /// until one answers.
    ///
    /// # Errors
    /// [`ClientError::InvalidAddress`] if the text is no address,
    /// [`ClientError::Network`] if nobody listens there, [`ClientError::Timeout`] if whoever does
    /// says nothing, [`ClientError::Protocol`] if it is not a server of this kind,
    /// [`ClientError::Remote`] if it refuses this version, [`ClientError::NoRoom`] if it takes no
    /// more clients.
    pub fn connect<A>(address: A) -> ClientResult<Self>
    where
        A: TryInto<Endpoint, Error: Into<InvalidEndpoint>>,
    {
        Self::connect_with(address, &ClientOptions::default())
    }

    /// Connects with these options.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`ClientError::Remote`] if the password is wrong.
    pub fn connect_with<A>(address: A, options: &ClientOptions) -> ClientResult<Self>
    where
        A: TryInto<Endpoint, Error: Into<InvalidEndpoint>>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let mut link = Link::new(Arc::new(ServerAccess { address, options: options.clone() }));
        link.connect()?;
        Ok(Self { link })
    }

    /// Waits for the server to answer.
    pub fn ping(&mut self) -> ClientResult<()> {
        self.call(RequestOperation::Ping, answered!(Success::Done => ()))
    }

    /// Waits until every write acknowledged before survives power loss.
    ///
    /// # Errors
    /// [`ClientError::SyncLost`] if this client wrote and lost its connection behind that, since
    /// its last sync: the machine of the server may have lost power and be up again. Writes that
    /// [waited](Self::with_sync) for the disk do not count, and of the writes of others this client
    /// cannot know that.
    pub fn sync(&mut self) -> ClientResult<()> {
        self.call(RequestOperation::Sync, answered!(Success::Done => ()))
    }

    /// Removes every key of every keyspace.
    pub fn clear(&mut self) -> ClientResult<()> {
        self.call(RequestOperation::Clear, answered!(Success::Done => ()))
    }

    /// Returns what the server says of itself, for people.
    pub fn info(&mut self) -> ClientResult<String> {
        self.call(RequestOperation::Info, answered!(Success::Text(text) => text))
    }

    /// Collects requests about the default keyspace that are sent together.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        self.pipeline_at(None, None)
    }

    /// Collects requests about a keyspace; `None` stands for the default one.
    fn pipeline_at(&mut self, keyspace: Option<String>, sync: Option<bool>) -> Pipeline<'_> {
        Pipeline::new(&mut self.link, keyspace, sync)
    }

    /// Returns nothing: the server decides if writes wait for the disk.
    fn syncs(&self) -> Option<bool> {
        None
    }

    /// Returns what a watch of the default keyspace needs.
    fn watched(&self) -> (&Arc<ServerAccess>, Option<&str>) {
        (self.link.server(), None)
    }

    /// Sends one request about the default keyspace.
    fn call<T>(
        &mut self,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        self.call_at(Place::Default, operation, recognize)
    }

    /// Does as [`Link::call`].
    fn call_at<T>(
        &mut self,
        place: Place<'_>,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        self.link.call(place, operation, recognize)
    }
}

watch_calls!(KvsClient);
read_calls!(KvsClient);
write_calls!(KvsClient);
