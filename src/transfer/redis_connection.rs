//! A connection to a Redis server: commands out, replies in.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::error::TransferError;
use crate::client::stream::ClientStream;
use crate::protocol::resp::{ReplyPart, encode_bulk};
use crate::{ClientError, Endpoint};

/// The longest time of connecting, and of every read and write.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes that one read takes.
const READ_BYTES: usize = 256 << 10;

/// Capacity that the buffers keep.
const KEPT_BYTES: usize = 1 << 20;

/// The longest value, which is the longest that Redis has by default.
const BULK_BYTES_MAX: usize = 512 << 20;

/// A connection that is of no more use after its first failure.
pub(super) struct RedisConnection {
    stream: ClientStream,
    address: Endpoint,
    output: Vec<u8>,
    input: Vec<u8>,
    /// Bytes of the input that are done with.
    consumed: usize,
}

impl RedisConnection {
    /// Connects to the server.
    pub(super) fn open(address: &Endpoint) -> Result<Self, TransferError> {
        let stream = ClientStream::connect(address, Instant::now() + PATIENCE)?;
        let failed = |error| ClientError::network("connect to", address, false, error);
        stream.set_read_timeout(PATIENCE).map_err(failed)?;
        stream.set_write_timeout(PATIENCE).map_err(failed)?;
        let (output, input) = (Vec::new(), Vec::new());
        Ok(Self { stream, address: address.clone(), output, input, consumed: 0 })
    }

    /// Adds a command to those that are sent next.
    pub(super) fn queue(&mut self, words: &[&[u8]]) {
        self.output.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        words.iter().for_each(|word| encode_bulk(word, &mut self.output));
    }

    /// Sends the commands that wait.
    pub(super) fn send(&mut self) -> Result<(), TransferError> {
        let failed = |error| ClientError::network("send to", &self.address, false, error);
        self.stream.write_all(&self.output).map_err(failed)?;
        self.output.clear();
        self.output.shrink_to(KEPT_BYTES);
        Ok(())
    }

    /// Sends one command.
    pub(super) fn call(&mut self, words: &[&[u8]]) -> Result<(), TransferError> {
        self.queue(words);
        self.send()
    }

    /// Reads the next part of the replies.
    pub(super) fn read<T>(
        &mut self,
        take: impl FnOnce(ReplyPart<'_>) -> T,
    ) -> Result<T, TransferError> {
        loop {
            let rest = self.input.get(self.consumed..).unwrap_or_default();
            match ReplyPart::parse(rest, BULK_BYTES_MAX) {
                Ok(Some((part, length))) => {
                    self.consumed += length;
                    return Ok(take(part));
                }
                Ok(None) => self.fill()?,
                Err(source) => {
                    let address = self.address.clone();
                    return Err(ClientError::Protocol { address, is_sent: false, source }.into());
                }
            }
        }
    }

    fn fill(&mut self) -> Result<(), TransferError> {
        self.input.drain(..self.consumed);
        self.consumed = 0;
        if self.input.is_empty() {
            self.input.shrink_to(KEPT_BYTES);
        }
        let length = self.input.len();
        self.input.resize(length + READ_BYTES, 0);
        let result = loop {
            match self.stream.read(self.input.get_mut(length..).unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) => break Err(ErrorKind::UnexpectedEof.into()),
                result => break result,
            }
        };
        self.input.truncate(length + result.as_ref().copied().unwrap_or_default());
        match result {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(ClientError::network("read from", &self.address, false, error).into())
            }
        }
    }

    /// Returns the error of a command that was refused, or answered in another way than Redis does.
    pub(super) fn refused(&self, command: &str, message: &[u8]) -> TransferError {
        let message = message.get(..200).unwrap_or(message);
        TransferError::Redis {
            address: self.address.clone(),
            command: command.to_owned(),
            message: String::from_utf8_lossy(message).into_owned(),
        }
    }

    /// Reads a reply that is a text; the answer of a command that was refused is the error.
    pub(super) fn read_text(&mut self, command: &str) -> Result<Vec<u8>, TransferError> {
        let text = self.read(|part| match part {
            ReplyPart::Simple(text) | ReplyPart::Bulk(text) => Ok(text.to_vec()),
            ReplyPart::Error(message) => Err(message.to_vec()),
            other => Err(unexpected(other)),
        })?;
        text.map_err(|message| self.refused(command, &message))
    }

    /// Reads the length of an array, as [`read_text`](Self::read_text) reads a text.
    pub(super) fn read_length(&mut self, command: &str) -> Result<usize, TransferError> {
        let length = self.read(|part| match part {
            ReplyPart::Array(length) => Ok(length),
            ReplyPart::Error(message) => Err(message.to_vec()),
            other => Err(unexpected(other)),
        })?;
        length.map_err(|message| self.refused(command, &message))
    }
}

/// Returns a message about an answer of another kind than the command has.
pub(super) fn unexpected(part: ReplyPart<'_>) -> Vec<u8> {
    let kind = match part {
        ReplyPart::Simple(_) => "a simple string",
        ReplyPart::Error(_) => "an error",
        ReplyPart::Integer(_) => "an integer",
        ReplyPart::Bulk(_) => "a bulk string",
        ReplyPart::Null => "nothing",
        ReplyPart::Array(_) => "an array",
    };
    format!("it answered {kind} where another kind was expected").into_bytes()
}
