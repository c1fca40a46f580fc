//! A blocking client of the native protocol.
//!
//! One connection, one caller: clone nothing, open another client instead. A call sends one request
//! and waits for its response; a [`Pipeline`] sends many before it waits. After a failure of the
//! network or of the protocol nobody knows which requests were done, so the connection is never
//! used again and every later call says why.

mod calls;
mod connection;
mod error;
mod keyspaces;
mod pipeline;
mod scan;
mod stream;

use std::fmt;
use std::ops::RangeBounds;
use std::time::Duration;

use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::protocol::native::{ByteString, Place, RequestOperation, Success};
use calls::{answered, read_calls, write_calls};
use connection::Connection;
pub use error::{ClientError, ClientResult};
pub use keyspaces::KeyspaceClient;
pub use pipeline::{Pipeline, PipelineReply};

/// The options of a client; each has a default.
#[derive(Clone)]
pub struct ClientOptions {
    connect_timeout: Duration,
    timeout: Duration,
    password: Option<Vec<u8>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            password: None,
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientOptions")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The shortest wait: the operating system takes zero for no limit.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// The longest wait, about a century: the end of a longer one is beyond what a clock can tell.
const TIMEOUT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl ClientOptions {
    /// Sets the longest time that connecting may take; the default is five seconds. The time that
    /// the system takes to look a host name up is not counted.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX);
        self
    }

    /// Sets the longest time that one call may take; the default is thirty seconds. Sending a
    /// pipeline counts as one call for each part of it that is sent before responses are read.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX);
        self
    }

    /// Sets the password for a server that wants one; one that wants none takes any. A wrong one is
    /// answered after a second, so a shorter [`timeout`](Self::timeout) ends before that.
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(password.into());
        self
    }
}

/// A connection to a server.
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
/// # Errors
/// Every call may fail with [`ClientError::Network`], [`ClientError::Timeout`] or
/// [`ClientError::Protocol`], after which the connection is useless and later calls fail with
/// [`ClientError::ConnectionUnusable`]. A refusal of the server is a [`ClientError::Remote`], and
/// the connection goes on.
pub struct KvsClient {
    connection: Connection,
}

impl fmt::Debug for KvsClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("KvsClient").field(&self.connection.address()).finish()
    }
}

impl KvsClient {
    /// Connects with the default options, to an [`Endpoint`] or what can become one: its text, or
    /// an IP address with a port. The addresses of a host name are tried in turn until one answers.
    ///
    /// # Errors
    /// [`ClientError::InvalidAddress`] if the text is no address,
    /// [`ClientError::Network`] if nobody listens there, [`ClientError::Timeout`] if whoever does
    /// says nothing, [`ClientError::Protocol`] if it is not a server of this kind,
    /// [`ClientError::Remote`] if it refuses this version.
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
        let connection = Connection::open(address, options.connect_timeout, options.timeout)?;
        let mut client = Self { connection };
        if let Some(password) = &options.password {
            client.authenticate(password)?;
        }
        Ok(client)
    }

    fn authenticate(&mut self, password: &[u8]) -> ClientResult<()> {
        let operation = RequestOperation::Authenticate { password: password.into() };
        self.call(operation, answered!(Success::Done => ()))
    }

    /// Waits for the server to answer.
    pub fn ping(&mut self) -> ClientResult<()> {
        self.call(RequestOperation::Ping, answered!(Success::Done => ()))
    }

    /// Waits until every write acknowledged before survives power loss.
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
        self.pipeline_at(None)
    }

    /// Collects requests about a keyspace; `None` stands for the default one.
    fn pipeline_at(&mut self, keyspace: Option<String>) -> Pipeline<'_> {
        Pipeline::new(&mut self.connection, keyspace)
    }

    /// Sends one request about the default keyspace.
    fn call<T>(
        &mut self,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        self.call_at(Place::Default, operation, recognize)
    }

    /// Sends one request and returns the answer that `recognize` makes a value of.
    fn call_at<T>(
        &mut self,
        place: Place<'_>,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        self.connection.send(place, operation)?;
        self.connection.receive(|answer| match answer {
            Ok(answer) => recognize(answer).map(Ok),
            Err(failure) => Some(Err(failure)),
        })?
    }
}

read_calls!(KvsClient);
write_calls!(KvsClient);
