//! The socket of a client: requests out, responses in, and the end of both after a failure.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::error::{ClientError, ClientResult};
use super::stream::ClientStream;
use crate::endpoint::Endpoint;
use crate::protocol::ProtocolError;
use crate::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, FailureKind, HelloStatus, Place, RequestMessage,
    RequestOperation, ResponseMessage, ServerHello, Success, decode_frame,
};

/// The most bytes that one read takes.
const READ_BYTES: usize = 64 << 10;

/// Capacity that an empty buffer keeps between calls.
const KEPT_BYTES: usize = 1 << 20;

/// A connection that is usable until its first failure.
pub(super) struct Connection {
    stream: ClientStream,
    address: Endpoint,
    /// The longest time that a call may take, or connecting until the greeting is over.
    timeout: Duration,
    /// The end of the time of the present call.
    deadline: Instant,
    /// The longest frame the server reads.
    frame_bytes_max: u32,
    /// The number of the last request.
    sent: u64,
    /// The number of the last response.
    received: u64,
    output: Vec<u8>,
    input: Vec<u8>,
    /// Bytes of the input that are done with.
    consumed: usize,
    failure: Option<String>,
}

impl Connection {
    /// Connects and agrees on a version.
    pub(super) fn open(
        address: Endpoint,
        connect_timeout: Duration,
        timeout: Duration,
    ) -> ClientResult<Self> {
        let deadline = Instant::now() + connect_timeout;
        let stream = ClientStream::connect(&address, deadline)?;
        let mut connection = Self {
            stream,
            address,
            timeout: connect_timeout,
            deadline,
            frame_bytes_max: FRAME_BYTES_MAX,
            sent: 0,
            received: 0,
            output: Vec::new(),
            input: Vec::new(),
            consumed: 0,
            failure: None,
        };
        connection.greet()?;
        connection.timeout = timeout;
        Ok(connection)
    }

    fn greet(&mut self) -> ClientResult<()> {
        ClientHello::OURS.encode(&mut self.output);
        self.flush()?;
        let hello = loop {
            match ServerHello::decode(&self.input) {
                Ok(Some((hello, bytes))) => {
                    self.consumed = bytes;
                    break hello;
                }
                Ok(None) => self.fill()?,
                Err(error) => return Err(self.protocol_error(error)),
            }
        };
        if hello.status != HelloStatus::Accepted {
            let ours = ClientHello::OURS;
            return Err(ClientError::Remote {
                kind: FailureKind::Unsupported,
                message: format!(
                    "the server at {} speaks version {} of the protocol, this client speaks {} to \
                     {}; update the older one",
                    self.address, hello.version, ours.version_min, ours.version_max
                ),
            });
        }
        self.frame_bytes_max = hello.frame_bytes_max;
        Ok(())
    }

    /// Returns the address of the server.
    pub(super) fn address(&self) -> &Endpoint {
        &self.address
    }

    /// Puts one request into the output.
    pub(super) fn queue(
        &mut self,
        place: Place<'_>,
        operation: RequestOperation<'_>,
    ) -> ClientResult<()> {
        self.check()?;
        let request = RequestMessage { id: self.sent + 1, place, operation };
        // What is too large was not sent, so the connection goes on.
        request
            .encode(self.frame_bytes_max, &mut self.output)
            .map_err(|source| ClientError::RequestTooLarge { source })?;
        self.sent += 1;
        Ok(())
    }

    /// Returns the bytes of requests that wait to be sent.
    pub(super) fn queued_bytes(&self) -> usize {
        self.output.len()
    }

    /// Returns the number of requests that have no response yet.
    pub(super) fn unanswered(&self) -> u64 {
        self.sent - self.received
    }

    /// Sends one request.
    pub(super) fn send(
        &mut self,
        place: Place<'_>,
        operation: RequestOperation<'_>,
    ) -> ClientResult<()> {
        self.queue(place, operation)?;
        self.flush_queued()
    }

    /// Sends what is queued; the time of a call starts.
    pub(super) fn flush_queued(&mut self) -> ClientResult<()> {
        self.check()?;
        self.deadline = Instant::now() + self.timeout;
        self.flush()
    }

    /// Blocks until the response to the oldest unanswered request is there; returns what
    /// `recognize` makes of it, which returns `None` for a response to another request than this.
    pub(super) fn receive<T>(
        &mut self,
        recognize: impl FnOnce(ClientResult<Success<'_>>) -> Option<T>,
    ) -> ClientResult<T> {
        self.check()?;
        loop {
            let unread = self.input.get(self.consumed..).unwrap_or_default();
            let decoded = decode_frame(unread, FRAME_BYTES_MAX).and_then(|frame| match frame {
                Some((body, bytes)) => Ok(Some((ResponseMessage::decode(body)?, bytes))),
                None => Ok(None),
            });
            let (response, bytes) = match decoded {
                Ok(Some(decoded)) => decoded,
                Ok(None) => {
                    self.fill()?;
                    continue;
                }
                Err(error) => return Err(self.protocol_error(error)),
            };
            let expected = self.received + 1;
            if response.id != expected {
                let error = match response.result {
                    Err(failure) => failure.into(),
                    Ok(_) => ClientError::Remote {
                        kind: FailureKind::Protocol,
                        message: format!(
                            "the server at {} answered request {} instead of {expected}",
                            self.address, response.id
                        ),
                    },
                };
                return Err(self.fail(error));
            }
            let Some(recognized) = recognize(response.result.map_err(ClientError::from)) else {
                let message = format!(
                    "the server at {} sent an answer of another kind than requested",
                    self.address
                );
                let kind = FailureKind::Protocol;
                return Err(self.fail(ClientError::Remote { kind, message }));
            };
            self.received = expected;
            self.consumed += bytes;
            self.tidy();
            return Ok(recognized);
        }
    }

    /// Returns an error if an earlier call broke the connection.
    fn check(&self) -> ClientResult<()> {
        match &self.failure {
            None => Ok(()),
            Some(reason) => Err(ClientError::ConnectionUnusable {
                address: self.address.clone(),
                reason: reason.clone(),
            }),
        }
    }

    fn flush(&mut self) -> ClientResult<()> {
        let mut written = 0;
        while let Some(rest @ [_, ..]) = self.output.get(written..) {
            let result = remaining(self.deadline)
                .and_then(|time| self.stream.set_write_timeout(time))
                .and_then(|()| self.stream.write(rest));
            match result {
                Ok(0) => return Err(self.network_error("send to", ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.network_error("send to", error)),
            }
        }
        self.output.clear();
        self.output.shrink_to(KEPT_BYTES);
        Ok(())
    }

    /// Reads some bytes.
    fn fill(&mut self) -> ClientResult<()> {
        self.input.drain(..self.consumed);
        self.consumed = 0;
        let length = self.input.len();
        self.input.resize(length + READ_BYTES, 0);
        let result = remaining(self.deadline)
            .and_then(|time| self.stream.set_read_timeout(time))
            .and_then(|()| self.stream.read(self.input.get_mut(length..).unwrap_or_default()));
        self.input.truncate(length + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => Err(self.network_error("read from", ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(self.network_error("read from", error)),
        }
    }

    /// Forgets what is done with.
    fn tidy(&mut self) {
        if self.consumed == self.input.len() {
            self.consumed = 0;
            self.input.clear();
            self.input.shrink_to(KEPT_BYTES);
        }
    }

    fn network_error(&mut self, action: &'static str, error: io::Error) -> ClientError {
        let address = self.address.clone();
        let error = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                ClientError::Timeout { address, waited: self.timeout }
            }
            _ => ClientError::network(action, &address, error),
        };
        self.fail(error)
    }

    fn protocol_error(&mut self, source: ProtocolError) -> ClientError {
        let address = self.address.clone();
        self.fail(ClientError::Protocol { address, source })
    }

    /// Notes that the connection cannot be used any more.
    fn fail(&mut self, error: ClientError) -> ClientError {
        self.failure = Some(error.to_string());
        error
    }
}

/// Returns the time that is left, which is never zero: a peer that never pauses gets no more than
/// that.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}
