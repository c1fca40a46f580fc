//! The socket of a client: requests out, responses in, and the end of both after a failure.
//!
//! After a failure of the network or of the protocol nobody knows which responses would come next,
//! so a connection that failed once is of no more use.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::error::{ClientError, ClientResult};
use super::stream::ClientStream;
use crate::endpoint::Endpoint;
use crate::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, FailureKind, HelloStatus, RequestMessage, ResponseMessage,
    ServerHello, Success, decode_frame,
};
use crate::protocol::{NO_ROOM, ProtocolError};

/// The most bytes that one read takes.
const READ_BYTES: usize = 64 << 10;

/// Capacity that an empty buffer keeps between calls.
const KEPT_BYTES: usize = 1 << 20;

/// The number of a response that answers no request: the last word of the server.
const NO_REQUEST: u64 = 0;

/// The time after which a connection is looked at before it is used again: a server may have closed
/// it. A client that is busy does not pay for the look.
const LOOK_AFTER: Duration = Duration::from_millis(10);

/// A connection that is usable until its first failure.
pub(super) struct Connection {
    stream: ClientStream,
    address: Endpoint,
    /// The start of the present call, and its end.
    start: Instant,
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
    is_broken: bool,
}

impl Connection {
    /// Connects and agrees on a version.
    pub(super) fn open(
        address: &Endpoint,
        start: Instant,
        deadline: Instant,
    ) -> ClientResult<Self> {
        let mut connection = Self {
            stream: ClientStream::connect(address, deadline)?,
            address: address.clone(),
            start,
            deadline,
            frame_bytes_max: FRAME_BYTES_MAX,
            sent: 0,
            received: 0,
            output: Vec::new(),
            input: Vec::new(),
            consumed: 0,
            is_broken: false,
        };
        connection.greet()?;
        Ok(connection)
    }

    fn greet(&mut self) -> ClientResult<()> {
        ClientHello::OURS.encode(&mut self.output);
        // A server without room does not wait for it.
        let flushed = self.flush();
        let hello = loop {
            match ServerHello::decode(&self.input) {
                Ok(Some((hello, bytes))) => {
                    self.consumed = bytes;
                    break hello;
                }
                Err(_) if self.input.starts_with(NO_ROOM) => {
                    return Err(ClientError::NoRoom { address: self.address.clone() });
                }
                Err(error) if !NO_ROOM.starts_with(&self.input) => {
                    return Err(self.protocol_error(error));
                }
                _ => {
                    if let Err(error) = self.fill() {
                        flushed?;
                        return Err(self.network_error("read from", true, error));
                    }
                }
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
        flushed
    }

    /// Begins a call. Returns false if it needs another connection, because the server closed this
    /// one or an earlier call broke it.
    pub(super) fn begin(&mut self, start: Instant, deadline: Instant) -> bool {
        let is_idle = start.saturating_duration_since(self.start) > LOOK_AFTER;
        (self.start, self.deadline) = (start, deadline);
        // Nothing is to come where nothing was asked for, so what is there is a last word.
        self.is_broken |= is_idle && !self.stream.is_silent();
        !self.is_broken
    }

    /// Puts one request into the output, with the next number.
    pub(super) fn queue(&mut self, request: &mut RequestMessage<'_>) -> ClientResult<()> {
        request.id = self.sent + 1;
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

    /// Returns the bytes of responses that were received and not taken.
    pub(super) fn received_bytes(&self) -> usize {
        self.unread().len()
    }

    /// Sends one request before the deadline, and waits for nothing.
    pub(super) fn send(
        &mut self,
        request: &mut RequestMessage<'_>,
        deadline: Instant,
    ) -> ClientResult<()> {
        self.deadline = deadline;
        self.queue(request)?;
        self.flush()
    }

    /// Sends one request and blocks until its response is there, to be [taken](Self::take).
    pub(super) fn exchange(&mut self, request: &mut RequestMessage<'_>) -> ClientResult<()> {
        self.queue(request)?;
        self.flush()?;
        self.await_response()
    }

    /// Blocks until a response is there.
    pub(super) fn await_response(&mut self) -> ClientResult<()> {
        match self.await_response_until(self.deadline)? {
            true => Ok(()),
            false => Err(self.network_error("read from", true, ErrorKind::TimedOut.into())),
        }
    }

    /// Blocks until a response is there, or this time has come; false if the time came first, after
    /// which the connection goes on.
    pub(super) fn await_response_until(&mut self, deadline: Instant) -> ClientResult<bool> {
        self.deadline = deadline;
        loop {
            match decode_frame(self.unread(), FRAME_BYTES_MAX) {
                Ok(Some(_)) => return Ok(true),
                Ok(None) => {}
                Err(error) => return Err(self.protocol_error(error)),
            }
            match self.fill() {
                Ok(()) => {}
                Err(error) if is_timeout(&error) => return Ok(false),
                Err(error) => return Err(self.network_error("read from", true, error)),
            }
        }
    }

    /// Takes the response to the oldest unanswered request, which must be there; returns what
    /// `recognize` makes of it, which returns `None` for a response to another request than this.
    pub(super) fn take<T>(
        &mut self,
        recognize: impl FnOnce(ClientResult<Success<'_>>) -> Option<T>,
    ) -> ClientResult<T> {
        let expected = self.received + 1;
        let taken = self.take_any(|found, result| match found == expected {
            true => recognize(result).ok_or(ProtocolError::AnswerMismatched),
            false => Err(ProtocolError::ResponseMismatched { found, expected }),
        })?;
        self.received = expected;
        Ok(taken)
    }

    /// Takes the next response, which must be there; `recognize` gets the number of its request.
    pub(super) fn take_any<T>(
        &mut self,
        recognize: impl FnOnce(u64, ClientResult<Success<'_>>) -> Result<T, ProtocolError>,
    ) -> ClientResult<T> {
        let decoded = decode_frame(self.unread(), FRAME_BYTES_MAX)
            .map(Option::unwrap_or_default)
            .and_then(|(body, bytes)| Ok((ResponseMessage::decode(body)?, bytes)));
        let (response, bytes) = match decoded {
            Ok(decoded) => decoded,
            Err(error) => return Err(self.protocol_error(error)),
        };
        let recognized = match response.result {
            Err(failure) if response.id == NO_REQUEST => {
                self.is_broken = true;
                return Err(failure.into());
            }
            result => recognize(response.id, result.map_err(ClientError::from)),
        };
        let recognized = match recognized {
            Ok(recognized) => recognized,
            Err(error) => return Err(self.protocol_error(error)),
        };
        self.consumed += bytes;
        self.tidy();
        Ok(recognized)
    }

    fn unread(&self) -> &[u8] {
        self.input.get(self.consumed..).unwrap_or_default()
    }

    /// Sends what is queued.
    pub(super) fn flush(&mut self) -> ClientResult<()> {
        let mut written = 0;
        while let Some(rest @ [_, ..]) = self.output.get(written..) {
            let result = remaining(self.deadline)
                .and_then(|time| self.stream.set_write_timeout(time))
                .and_then(|()| self.stream.write(rest));
            match result {
                Ok(0) => return Err(self.send_error(written, ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.send_error(written, error)),
            }
        }
        self.output.clear();
        self.output.shrink_to(KEPT_BYTES);
        Ok(())
    }

    /// Reads some bytes.
    fn fill(&mut self) -> io::Result<()> {
        self.input.drain(..self.consumed);
        self.consumed = 0;
        let length = self.input.len();
        self.input.resize(length + READ_BYTES, 0);
        let result = remaining(self.deadline)
            .and_then(|time| self.stream.set_read_timeout(time))
            .and_then(|()| self.stream.read(self.input.get_mut(length..).unwrap_or_default()));
        self.input.truncate(length + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
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

    /// Returns the error of a failure after so many bytes of the output were written. A server
    /// executes no request of which a byte is missing, so one alone was not executed.
    fn send_error(&mut self, written: usize, error: io::Error) -> ClientError {
        self.network_error("send to", written > 0 && self.unanswered() > 1, error)
    }

    fn network_error(
        &mut self,
        action: &'static str,
        is_sent: bool,
        error: io::Error,
    ) -> ClientError {
        self.is_broken = true;
        let address = self.address.clone();
        if is_timeout(&error) {
            let waited = self.deadline.saturating_duration_since(self.start);
            return ClientError::Timeout { address, waited, is_sent };
        }
        ClientError::network(action, &address, is_sent, error)
    }

    fn protocol_error(&mut self, source: ProtocolError) -> ClientError {
        self.is_broken = true;
        ClientError::Protocol { address: self.address.clone(), is_sent: true, source }
    }
}

/// Returns the time that is left, which is never zero: a peer that never pauses gets no more than
/// that.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
