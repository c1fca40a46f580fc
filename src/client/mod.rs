//! A blocking client of the native protocol.
//!
//! One connection, one caller: clone nothing, open another client instead. A call sends one request
//! and waits for its response; a [`Pipeline`] sends many before it waits. After a failure of the
//! network or of the protocol nobody knows which requests were done, so the connection is never
//! used again and every later call says why.

mod connection;
mod error;
mod pipeline;
mod scan;
mod stream;

use std::fmt;
use std::time::Duration;

use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::protocol::native::{ByteString, RequestOperation, Success};
use connection::Connection;
pub use error::{ClientError, ClientResult};
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

/// Makes the function that takes one kind of answer and says `None` to every other.
macro_rules! expect {
    ($answer:pat => $result:expr) => {
        |answer| match answer {
            $answer => Some($result),
            _ => None,
        }
    };
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
        self.call(operation, expect!(Success::Done => ()))
    }

    /// Waits for the server to answer.
    pub fn ping(&mut self) -> ClientResult<()> {
        self.call(RequestOperation::Ping, expect!(Success::Done => ()))
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> ClientResult<()> {
        let operation = RequestOperation::Set {
            key: key.as_ref().into(),
            value: value.as_ref().into(),
            expires_at: None,
        };
        self.call(operation, expect!(Success::Applied { .. } => ()))
    }

    /// Returns the value of the key, or `None` if the key is not there or has expired.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> ClientResult<Option<Vec<u8>>> {
        let key = key.as_ref().into();
        self.call(
            RequestOperation::Get { key },
            expect!(Success::Value(value) => value.map(ByteString::into_vec)),
        )
    }

    /// Returns the values of many keys, in the order of the keys.
    pub fn get_many<K: AsRef<[u8]>>(&mut self, keys: &[K]) -> ClientResult<Vec<Option<Vec<u8>>>> {
        let wanted = keys.len();
        let keys = keys.iter().map(|key| key.as_ref().into()).collect();
        self.call(RequestOperation::GetMany { keys }, |answer| match answer {
            Success::Values(values) if values.len() == wanted => {
                Some(values.into_iter().map(|value| value.map(ByteString::into_vec)).collect())
            }
            _ => None,
        })
    }

    /// Removes the key; false if it was not there.
    pub fn remove(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
        let key = key.as_ref().into();
        self.call(RequestOperation::Remove { key }, expect!(Success::Removed(removed) => removed))
    }

    /// Returns true if the key is there.
    pub fn contains(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
        let key = key.as_ref().into();
        self.call(RequestOperation::Contains { key }, expect!(Success::Flag(flag) => flag))
    }

    /// Returns the number of keys
    pub fn count(&mut self) -> ClientResult<u64> {
        self.call(RequestOperation::Count, expect!(Success::Number(number) => number))
    }

    /// Waits until every write acknowledged before survives power loss.
    pub fn sync(&mut self) -> ClientResult<()> {
        self.call(RequestOperation::Sync, expect!(Success::Done => ()))
    }

    /// Removes every key.
    pub fn clear(&mut self) -> ClientResult<()> {
        self.call(RequestOperation::Clear, expect!(Success::Done => ()))
    }

    /// Returns what the server says of itself, for people.
    pub fn info(&mut self) -> ClientResult<String> {
        self.call(RequestOperation::Info, expect!(Success::Text(text) => text))
    }

    /// Collects requests that are sent together.
    pub fn pipeline(&mut self) -> Pipeline<'_> {
        Pipeline::new(&mut self.connection)
    }

    /// Sends one request and returns the answer that `recognize` makes a value of.
    fn call<T>(
        &mut self,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        self.connection.send(operation)?;
        self.connection.receive(|answer| match answer {
            Ok(answer) => recognize(answer).map(Ok),
            Err(failure) => Some(Err(failure)),
        })?
    }
}
