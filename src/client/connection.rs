//! The socket of a client: requests out, responses in, and the end of both after a failure.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::protocol::ProtocolError;
use crate::protocol::native::{
    Answer, ClientHello, FRAME_BYTES_MAX, Failure, FailureKind, HelloStatus, Operation, Request,
    Response, ServerHello, decode_frame,
};
use crate::{Error, Result};

/// How many bytes one read takes at most.
const READ_BYTES: usize = 64 << 10;

/// Capacity that an empty buffer keeps between calls.
const KEPT_BYTES: usize = 1 << 20;

/// A connection that is usable until its first failure.
pub(super) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    /// How long a call may take; until the greeting is over, how long connecting may.
    timeout: Duration,
    /// When the present call has to be done.
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
        address: SocketAddr,
        connect_timeout: Duration,
        timeout: Duration,
    ) -> Result<Self> {
        let failed = |error| Error::network("connect to", address, error);
        let deadline = Instant::now() + connect_timeout;
        let stream = TcpStream::connect_timeout(&address, connect_timeout).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
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

    fn greet(&mut self) -> Result<()> {
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
            return Err(Error::Remote {
                kind: FailureKind::Unsupported,
                message: format!(
                    "the server at {} speaks version {} of the protocol, this client speaks {} to {}; update the older one",
                    self.address, hello.version, ours.version_min, ours.version_max
                ),
            });
        }
        self.frame_bytes_max = hello.frame_bytes_max;
        Ok(())
    }

    /// The server it is connected to.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts one request into the output.
    pub(super) fn queue(&mut self, operation: Operation<'_>) -> Result<()> {
        self.check()?;
        let request = Request { id: self.sent + 1, operation };
        // What is too large was not sent, so the connection goes on.
        request
            .encode(self.frame_bytes_max, &mut self.output)
            .map_err(|source| Error::Protocol { address: self.address, source })?;
        self.sent += 1;
        Ok(())
    }

    /// How many bytes of requests wait to be sent.
    pub(super) fn queued_bytes(&self) -> usize {
        self.output.len()
    }

    /// How many requests have no response yet.
    pub(super) fn unanswered(&self) -> u64 {
        self.sent - self.received
    }

    /// Sends one request.
    pub(super) fn send(&mut self, operation: Operation<'_>) -> Result<()> {
        self.queue(operation)?;
        self.flush_queued()
    }

    /// Sends what is queued; the time of a call starts.
    pub(super) fn flush_queued(&mut self) -> Result<()> {
        self.check()?;
        self.deadline = Instant::now() + self.timeout;
        self.flush()
    }

    /// Waits for the response to the oldest unanswered request; `accept` says whether it fits.
    pub(super) fn receive(
        &mut self,
        accept: impl FnOnce(Result<Answer<'_>>) -> bool,
    ) -> Result<()> {
        self.check()?;
        loop {
            let unread = self.input.get(self.consumed..).unwrap_or_default();
            let decoded = decode_frame(unread, FRAME_BYTES_MAX).and_then(|frame| match frame {
                Some((body, bytes)) => Ok(Some((Response::decode(body)?, bytes))),
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
                    Err(failure) => remote(failure),
                    Ok(_) => Error::Remote {
                        kind: FailureKind::Protocol,
                        message: format!(
                            "the server at {} answered request {} instead of {expected}",
                            self.address, response.id
                        ),
                    },
                };
                return Err(self.fail(error));
            }
            if !accept(response.result.map_err(remote)) {
                let message =
                    format!("the server at {} gave another answer than asked for", self.address);
                let kind = FailureKind::Protocol;
                return Err(self.fail(Error::Remote { kind, message }));
            }
            self.received = expected;
            self.consumed += bytes;
            self.tidy();
            return Ok(());
        }
    }

    /// An error if an earlier call broke the connection.
    fn check(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(reason) => {
                Err(Error::ConnectionUnusable { address: self.address, reason: reason.clone() })
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        let mut written = 0;
        while let Some(rest @ [_, ..]) = self.output.get(written..) {
            let result = remaining(self.deadline)
                .and_then(|time| self.stream.set_write_timeout(Some(time)))
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
    fn fill(&mut self) -> Result<()> {
        self.input.drain(..self.consumed);
        self.consumed = 0;
        let length = self.input.len();
        self.input.resize(length + READ_BYTES, 0);
        let result = remaining(self.deadline)
            .and_then(|time| self.stream.set_read_timeout(Some(time)))
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

    fn network_error(&mut self, action: &'static str, error: io::Error) -> Error {
        let address = self.address;
        let error = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Error::Timeout { address, waited: self.timeout }
            }
            _ => Error::network(action, address, error),
        };
        self.fail(error)
    }

    fn protocol_error(&mut self, source: ProtocolError) -> Error {
        let address = self.address;
        self.fail(Error::Protocol { address, source })
    }

    /// Notes that the connection cannot be used any more.
    fn fail(&mut self, error: Error) -> Error {
        self.failure = Some(error.to_string());
        error
    }
}

/// The time that is left, which is never zero: a peer that never pauses gets no more than that.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A failure the server told of, as the error a local store would give where there is one.
fn remote(failure: Failure) -> Error {
    let Failure { kind, message } = failure;
    match kind {
        FailureKind::NotFound => Error::KeyNotFound,
        FailureKind::Closed => Error::Closed,
        _ => Error::Remote { kind, message },
    }
}
