//! Many requests before their responses.

use std::fmt;

use super::connection::Connection;
use super::effect::RequestEffect;
use super::error::ClientResult;
use super::link::Link;
use crate::protocol::native::{ByteString, Place, RequestMessage, RequestOperation, Success};

/// The bytes of requests that are sent before their responses are read.
///
/// Small enough to fit the buffers between two programs, so that client and server never both wait
/// for the other to read; a single larger request is sent alone, which the server always reads.
const PART_BYTES_MAX: usize = 32 << 10;

/// The answer of the server to one request of a [`Pipeline`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PipelineReply {
    /// The key was set.
    Done,
    /// The value, or `None` if the key is not there or has expired.
    Value(Option<Vec<u8>>),
    /// True if the key was there: before it was removed, or at all.
    Flag(bool),
}

/// Requests that are sent together and answered in order.
///
/// ```no_run
/// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
/// let mut pipeline = client.pipeline();
/// pipeline.set("a", "1").set("b", "2").get("a");
/// for reply in pipeline.send()? {
///     println!("{:?}", reply?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pipeline<'a> {
    link: &'a mut Link,
    /// The name of the keyspace; `None` for the default one.
    keyspace: Option<String>,
    /// True if its writes wait for the disk; `None` leaves that to the server.
    sync: Option<bool>,
    requests: Vec<RequestOperation<'static>>,
}

impl fmt::Debug for Pipeline<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pipeline").field("requests", &self.requests.len()).finish()
    }
}

impl<'a> Pipeline<'a> {
    pub(super) fn new(link: &'a mut Link, keyspace: Option<String>, sync: Option<bool>) -> Self {
        Self { link, keyspace, sync, requests: Vec::new() }
    }

    /// Adds setting a key.
    pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.requests.push(RequestOperation::Set {
            key: key.into().into(),
            value: value.into().into(),
            expires_at: None,
            sync: self.sync,
        });
        self
    }

    /// Adds getting a value.
    pub fn get(&mut self, key: impl Into<Vec<u8>>) -> &mut Self {
        let key = key.into().into();
        self.requests.push(RequestOperation::Get { key });
        self
    }

    /// Adds removing a key.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) -> &mut Self {
        let key = key.into().into();
        self.requests.push(RequestOperation::Remove { key, sync: self.sync });
        self
    }

    /// Adds asking whether a key is there.
    pub fn contains(&mut self, key: impl Into<Vec<u8>>) -> &mut Self {
        let key = key.into().into();
        self.requests.push(RequestOperation::Contains { key });
        self
    }

    /// Sends the requests and waits for the replies, one for each request in order.
    ///
    /// Each request stands for itself: one that the server refuses does not keep the others from
    /// being done.
    ///
    /// # Errors
    /// As every call of a [`KvsClient`](super::KvsClient); some of the requests may have been done
    /// then. None is sent twice, be it a read.
    pub fn send(&mut self) -> ClientResult<Vec<ClientResult<PipelineReply>>> {
        let mut replies = Vec::with_capacity(self.requests.len());
        let effect = self.requests.iter().map(RequestEffect::of).max();
        let effect = effect.unwrap_or(RequestEffect::Reads);
        let mut requests = self.requests.drain(..).peekable();
        while requests.peek().is_some() {
            let connection = self.link.begin(effect)?;
            let mut refused = None;
            while let Some(operation) = requests.next_if(|operation| {
                let queued = connection.queued_bytes();
                queued == 0 || queued + weight(operation) <= PART_BYTES_MAX
            }) {
                let place = self.keyspace.as_deref();
                let place = place.map_or(Place::Default, |name| Place::Keyspace(name.into()));
                match connection.queue(&mut RequestMessage { id: 0, place, operation }) {
                    Ok(()) => {}
                    // It cannot be sent, and those before it are to be answered first.
                    Err(error) => {
                        refused = Some(Err(error));
                        break;
                    }
                }
            }
            exchange(connection, &mut replies)?;
            replies.extend(refused);
        }
        Ok(replies)
    }
}

/// Sends what is queued and waits for the replies to it.
fn exchange(
    connection: &mut Connection,
    replies: &mut Vec<ClientResult<PipelineReply>>,
) -> ClientResult<()> {
    connection.flush()?;
    while connection.unanswered() > 0 {
        connection.await_response()?;
        connection.take(|answer| {
            let reply = match answer {
                Ok(Success::Applied { .. }) => Ok(PipelineReply::Done),
                Ok(Success::Value(value)) => {
                    Ok(PipelineReply::Value(value.map(ByteString::into_vec)))
                }
                Ok(Success::Removed(flag) | Success::Flag(flag)) => Ok(PipelineReply::Flag(flag)),
                Ok(_) => return None,
                Err(error) => Err(error),
            };
            replies.push(reply);
            Some(())
        })?;
    }
    Ok(())
}

/// Returns about the number of bytes that a request takes.
fn weight(operation: &RequestOperation<'_>) -> usize {
    const FRAMING: usize = 32;
    match operation {
        RequestOperation::Set { key, value, .. } => FRAMING + key.len() + value.len(),
        RequestOperation::Get { key }
        | RequestOperation::Remove { key, .. }
        | RequestOperation::Contains { key } => FRAMING + key.len(),
        _ => FRAMING,
    }
}
