//! Watching keys of a server: a connection of its own, on which the server tells what is committed.

use std::fmt;
use std::ops::Bound;
use std::time::{Duration, Instant};

use super::back_off::BackOff;
use super::connection::Connection;
use super::error::{ClientError, ClientResult};
use super::link::ServerAccess;
use crate::key_bounds::KeyBounds;
use crate::protocol::ProtocolError;
use crate::protocol::native::{
    ByteString, FailureKind, Place, RequestMessage, RequestOperation, Success, WatchPosition,
    WatchedChange,
};
use crate::sync::Arc;
use crate::{Change, CommittedBatch, WatchEvent};

/// The shortest wait for the server: what came already is found by it.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// The committed changes of keys of a server, in the order of their commits: an iterator that
/// blocks until there is one, as [`Watch`](crate::Watch) is in the program of the store.
///
/// It has a connection of its own. If that breaks, the watch comes back by itself and goes on
/// behind what it has told: it tries for up to
/// [`reconnect_timeout`](crate::ClientOptions::reconnect_timeout), then the iterator returns the
/// error, and tries anew if it is asked again. A server that says nothing for as long as a
/// [`timeout`](crate::ClientOptions::timeout) is asked whether it is there.
///
/// A change that the server kept no longer is [`WatchEvent::Missed`]: the client was too slow, or
/// away for too long, or the server was started again. In the last case it is not known how much is
/// missing, if anything: `last` may be the version before `first`.
///
/// The watch ends behind a failure of the server, such as that of a keyspace that was dropped.
///
/// ```no_run
/// use kvs::{Change, WatchEvent};
///
/// let client = kvs::KvsClient::connect("127.0.0.1:4000")?;
/// for event in client.watch_prefix("user:")? {
///     match event? {
///         WatchEvent::Committed(batch) => {
///             for change in batch.changes() {
///                 if let Change::Set { key, value, .. } = change {
///                     println!("{} = {}", key.escape_ascii(), value.escape_ascii());
///                 }
///             }
///         }
///         WatchEvent::Missed { .. } => println!("read everything anew"),
///     }
/// }
/// # Ok::<(), kvs::ClientError>(())
/// ```
pub struct ClientWatch {
    server: Arc<ServerAccess>,
    keyspace: Option<String>,
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
    /// None while it is lost.
    connection: Option<Connection>,
    /// The number of the request on this connection.
    id: u64,
    /// The place behind what was told; none before the first answer.
    position: Option<WatchPosition>,
    /// An event that was found when it came back.
    found: Option<WatchEvent>,
    back_off: BackOff,
    /// The time of the last bytes.
    heard: Instant,
    /// The time at which the server was asked whether it is there.
    asked: Option<Instant>,
    /// The failure behind which it ended.
    failure: Option<ClientError>,
    /// True once the iterator returned that.
    is_over: bool,
}

/// A response of the server to a watch.
enum WatchResponse {
    /// An event, and the version up to which everything is told with it.
    Event(u64, WatchEvent),
    /// Nothing of concern up to this version.
    Silence(u64),
    /// The end of the watch.
    Failed(ClientError),
    /// The server is there.
    Alive,
}

/// The result of waiting for a response.
enum Waited {
    Response(WatchResponse),
    /// There is none yet.
    Nothing,
}

impl ClientWatch {
    /// Begins to watch the keys of a keyspace; `None` stands for the default one.
    pub(super) fn begin(
        server: &Arc<ServerAccess>,
        keyspace: Option<&str>,
        range: impl KeyBounds,
    ) -> ClientResult<Self> {
        let (start, end) = range.into_bounds();
        let reconnect_timeout = server.options.reconnect_timeout;
        let mut watch = Self {
            server: Arc::clone(server),
            keyspace: keyspace.map(str::to_owned),
            start,
            end,
            connection: None,
            id: 0,
            position: None,
            found: None,
            back_off: BackOff::new(reconnect_timeout),
            heard: Instant::now(),
            asked: None,
            failure: None,
            is_over: false,
        };
        let deadline = Instant::now() + server.options.timeout;
        while let Err(error) = watch.connect() {
            if !may_pass(&error) || !watch.back_off.pause(deadline) {
                return Err(error);
            }
        }
        watch.back_off = BackOff::new(reconnect_timeout);
        Ok(watch)
    }

    /// Returns the version up to which the watch has told everything that concerns it: that of the
    /// last event, or a later one of other keys.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.position.map_or(0, |position| position.version)
    }

    /// Blocks until there is an event, but no longer than this; `None` if there was none. A call
    /// that finds the connection broken may take as long as connecting does.
    ///
    /// # Errors
    /// Those of every call of a [`KvsClient`](crate::KvsClient), where it did not come back in
    /// time; another call tries again. After [`ClientError::Remote`] the watch has ended.
    pub fn next_timeout(&mut self, time: Duration) -> ClientResult<Option<WatchEvent>> {
        // A time that ends never is as good as none.
        self.next_until(Instant::now().checked_add(time))
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> ClientResult<Option<WatchEvent>> {
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        loop {
            if let Some(event) = self.found.take() {
                return Ok(Some(event));
            }
            if let Some(failure) = &self.failure {
                return Err(failure.clone());
            }
            let error = match self.wait(deadline) {
                Ok(Waited::Response(response)) => {
                    self.note(response);
                    continue;
                }
                Ok(Waited::Nothing) if is_late() => return Ok(None),
                Ok(Waited::Nothing) => continue,
                Err(error) => error,
            };
            self.connection = None;
            if !may_pass(&error) {
                self.failure = Some(error);
                continue;
            }
            let pause_end = Instant::now() + self.server.options.timeout;
            if !self.back_off.pause(deadline.map_or(pause_end, |end| end.min(pause_end))) {
                if is_late() {
                    return Ok(None);
                }
                self.back_off = BackOff::new(self.server.options.reconnect_timeout);
                return Err(error);
            }
        }
    }

    /// Waits for a response, on a connection that it makes if there is none, and asks a server that
    /// is silent whether it is there.
    fn wait(&mut self, deadline: Option<Instant>) -> ClientResult<Waited> {
        let Some(connection) = &mut self.connection else {
            self.connect()?;
            return Ok(Waited::Nothing);
        };
        let timeout = self.server.options.timeout;
        let patience = self.asked.unwrap_or(self.heard) + timeout;
        let end = deadline.map_or(patience, |deadline| deadline.min(patience));
        let bytes = connection.received_bytes();
        let has_come = connection.await_response_until(end.max(Instant::now() + WAIT_MIN))?;
        let now = Instant::now();
        if connection.received_bytes() != bytes || has_come {
            (self.heard, self.asked) = (now, None);
        }
        if has_come {
            let id = self.id;
            return connection
                .take_any(|found, result| response(found == id, result))
                .map(Waited::Response);
        }
        if now >= self.asked.unwrap_or(self.heard) + timeout {
            if self.asked.is_some() {
                let address = self.server.address.clone();
                return Err(ClientError::Timeout { address, waited: timeout, is_sent: true });
            }
            connection.send(&mut RequestMessage::new(0, RequestOperation::Ping), now + timeout)?;
            self.asked = Some(now);
        }
        Ok(Waited::Nothing)
    }

    fn note(&mut self, response: WatchResponse) {
        let version = match response {
            WatchResponse::Event(version, event) => {
                self.found = Some(event);
                version
            }
            WatchResponse::Silence(version) => version,
            WatchResponse::Failed(failure) => {
                (self.connection, self.failure) = (None, Some(failure));
                return;
            }
            WatchResponse::Alive => return,
        };
        if let Some(position) = &mut self.position {
            position.version = version;
        }
        self.back_off = BackOff::new(self.server.options.reconnect_timeout);
    }

    /// Connects with one attempt, and begins behind what was told, or now.
    fn connect(&mut self) -> ClientResult<()> {
        let start = Instant::now();
        let mut connection = self.server.connect(start, start + self.server.options.timeout)?;
        let place = self.keyspace.as_deref();
        let mut request = RequestMessage {
            id: 0,
            place: place.map_or(Place::Default, |name| Place::Keyspace(name.into())),
            operation: RequestOperation::Watch {
                start: self.start.as_ref().map(|key| ByteString::from(&key[..])),
                end: self.end.as_ref().map(|key| ByteString::from(&key[..])),
                after: self.position,
            },
        };
        connection.exchange(&mut request)?;
        let begun = connection.take(|answer| match answer {
            Ok(Success::Watching(position)) => Some(Ok(position)),
            Ok(_) => None,
            Err(failure) => Some(Err(failure)),
        })??;
        if let Some(told) = self.position.filter(|told| told.run != begun.run) {
            // A server that lost power may have gone back to an earlier version.
            let first = told.version.min(begun.version) + 1;
            self.found = Some(WatchEvent::Missed { first, last: begun.version });
            self.position = None;
        }
        self.position.get_or_insert(begun);
        (self.connection, self.id) = (Some(connection), request.id);
        (self.heard, self.asked) = (Instant::now(), None);
        Ok(())
    }
}

/// Returns true if a watch comes back after this error.
fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Network { .. } | ClientError::Timeout { .. } | ClientError::NoRoom { .. } => {
            true
        }
        error => {
            matches!(error.failure_kind(), Some(FailureKind::Busy | FailureKind::Closed))
        }
    }
}

/// Returns what the server says to the watch, or to the question whether it is there.
fn response(
    is_of_watch: bool,
    result: ClientResult<Success<'_>>,
) -> Result<WatchResponse, ProtocolError> {
    Ok(match result {
        Ok(Success::Done) if !is_of_watch => WatchResponse::Alive,
        Ok(Success::Changes { version, changes }) if changes.is_empty() => {
            WatchResponse::Silence(version)
        }
        Ok(Success::Changes { version, changes }) => {
            let batch = CommittedBatch::told(version, changes.iter().map(change));
            WatchResponse::Event(version, WatchEvent::Committed(batch))
        }
        Ok(Success::Missed { first, last }) => {
            WatchResponse::Event(last, WatchEvent::Missed { first, last })
        }
        Ok(_) => return Err(ProtocolError::AnswerMismatched),
        Err(failure) => WatchResponse::Failed(failure),
    })
}

fn change<'b>(change: &'b WatchedChange<'_>) -> Change<'b> {
    match change {
        WatchedChange::Set { key, value, expires_at } => {
            Change::Set { key, value, expires_at: *expires_at }
        }
        WatchedChange::Removed { key } => Change::Removed { key },
        WatchedChange::Expired { key } => Change::Expired { key },
        WatchedChange::RangeRemoved { start, end } => {
            Change::RangeRemoved { start, end: end.as_deref() }
        }
        WatchedChange::Cleared => Change::Cleared,
        WatchedChange::Dropped => Change::Dropped,
    }
}

/// Blocks for each event. It returns an error if the watch did not come back in time, and ends
/// behind a failure of the server.
impl Iterator for ClientWatch {
    type Item = ClientResult<WatchEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.next_until(None);
        self.is_over = next.is_err() && self.failure.is_some();
        next.transpose()
    }
}

impl fmt::Debug for ClientWatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientWatch");
        shown.field("address", &self.server.address).field("keyspace", &self.keyspace);
        shown.field("version", &self.version()).finish_non_exhaustive()
    }
}

/// Implements the calls that watch for a handle with a method `watched`, which returns the server
/// and the name of a keyspace.
macro_rules! watch_calls {
    ($handle:ty) => {
        impl $handle {
            /// Watches a range of keys from now on, on a connection of its own: every change is
            /// told that no read saw before this call, and so every write that is begun after it.
            ///
            /// Read what is there after this call, and the changes tell what came since; those told
            /// first may be in what was read.
            pub fn watch(&self, range: impl KeyBounds) -> ClientResult<ClientWatch> {
                let (server, keyspace) = self.watched();
                ClientWatch::begin(server, keyspace, range)
            }

            /// Watches the keys that begin with `prefix`, as [`watch`](Self::watch) does.
            pub fn watch_prefix(&self, prefix: impl AsRef<[u8]>) -> ClientResult<ClientWatch> {
                self.watch(KeyPrefix(prefix.as_ref()))
            }

            /// Watches one key, be it there or not, as [`watch`](Self::watch) does.
            pub fn watch_key(&self, key: impl AsRef<[u8]>) -> ClientResult<ClientWatch> {
                let key = key.as_ref();
                self.watch(key..=key)
            }
        }
    };
}
pub(super) use watch_calls;
