//! A stream of `SET` commands as a source.

use std::io::Read;

use super::entry_source::{EntrySource, SourceItem};
use super::error::TransferError;
use super::set_command;
use crate::protocol::resp::{Parsed, RequestLimits, RequestParser};

/// The most bytes that one read takes.
const READ_BYTES: usize = 256 << 10;

/// Capacity that an empty buffer keeps.
const KEPT_BYTES: usize = 1 << 20;

/// The limits of a command: those of a server, and the largest value that a store may be told to
/// take.
const LIMITS: RequestLimits = RequestLimits {
    arguments_max: 5,
    bulk_bytes_max: 512 << 20,
    request_bytes_max: 513 << 20,
    inline_bytes_max: 64 << 10,
};

/// A reader of commands.
pub(crate) struct RespStreamReader<R> {
    input: R,
    parser: RequestParser,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    consumed: usize,
    /// The number of the command that was read last, from one.
    number: u64,
}

impl<R: Read> RespStreamReader<R> {
    /// Returns a reader of an input.
    pub(crate) fn new(input: R) -> Self {
        let parser = RequestParser::new(LIMITS);
        Self { input, parser, buffer: Vec::new(), consumed: 0, number: 0 }
    }

    /// Reads on; false at the end of the input.
    fn fill(&mut self) -> Result<bool, TransferError> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        if self.buffer.is_empty() {
            self.buffer.shrink_to(KEPT_BYTES);
        }
        let length = self.buffer.len();
        let limit = u64::try_from(READ_BYTES).unwrap_or(u64::MAX);
        let mut limited = (&mut self.input).take(limit);
        limited.read_to_end(&mut self.buffer).map_err(TransferError::reading)?;
        Ok(self.buffer.len() > length)
    }
}

impl<R: Read> EntrySource for RespStreamReader<R> {
    fn next(&mut self) -> Result<Option<SourceItem>, TransferError> {
        loop {
            let rest = self.buffer.get(self.consumed..).unwrap_or_default();
            let is_between = match self.parser.parse(rest) {
                Ok(Parsed::Request { arguments, consumed }) => {
                    self.number += 1;
                    self.consumed += consumed;
                    let place = || format!("command {}", self.number);
                    let decoded = set_command::decode(&arguments);
                    let entry = decoded
                        .map_err(|reason| TransferError::Malformed { place: place(), reason })?;
                    return Ok(Some(SourceItem::Entry(entry)));
                }
                Ok(Parsed::Incomplete { consumed, .. }) => {
                    self.consumed += consumed;
                    rest.len() == consumed
                }
                Err(error) => {
                    let place = format!("command {}", self.number + 1);
                    return Err(TransferError::Malformed { place, reason: error.to_string() });
                }
            };
            if !self.fill()? {
                if is_between {
                    return Ok(None);
                }
                let place = format!("command {}", self.number + 1);
                return Err(TransferError::Truncated { place, missing: "a part of this command" });
            }
        }
    }

    fn place(&self) -> Option<String> {
        Some(format!("command {}", self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::entry::{ExportedEntry, ImportedEntry};

    fn read(input: &[u8]) -> (Vec<ImportedEntry>, Option<String>) {
        let mut reader = RespStreamReader::new(input);
        let mut entries = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(SourceItem::Entry(entry))) => entries.push(entry),
                Ok(Some(other)) => panic!("{other:?}"),
                Ok(None) => return (entries, None),
                Err(error) => return (entries, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn commands_are_read_as_they_were_written_and_a_cut_inside_one_is_noticed() {
        let (mut stream, mut entries, mut ends) = (Vec::new(), Vec::new(), vec![0]);
        for (key, value, expires_at) in
            [(&b""[..], &b"\r\n"[..], None), (b"\xFF", b"v", Some(u64::MAX)), (b"k", b"", Some(0))]
        {
            set_command::encode(
                ExportedEntry { keyspace: None, key, value, expires_at },
                &mut stream,
            );
            let (key, value) = (key.to_vec(), value.to_vec());
            entries.push(ImportedEntry { keyspace: None, key, value, expires_at });
            ends.push(stream.len());
        }
        for length in 0..=stream.len() {
            let whole = ends.iter().filter(|end| **end <= length).count() - 1;
            let (read, error) = read(&stream[..length]);
            assert_eq!(read, entries[..whole], "{length} bytes");
            match error {
                None => assert!(ends.contains(&length), "{length} bytes"),
                Some(error) => {
                    let expected = format!("command {} is the last", whole + 1);
                    assert!(error.starts_with(&expected), "{length} bytes: {error}");
                }
            }
        }
    }

    #[test]
    fn only_commands_of_an_export_are_taken() {
        assert_eq!(read(b"set k v pxat 5\r\n").0[0].expires_at, Some(5));
        for (input, expected) in [
            (&b"SET a b\nGET a\n"[..], "command 2: GET: a command of an export is SET key value"),
            (b"SET a b EX 5\n", "command 1: SET: a command"),
            (b"SET a b PXAT -1\n", "command 1: the time behind PXAT"),
            (b"{\"format\":1}\n", "command 1: an inline request has unbalanced quotes"),
            (b"nonsense\n", "command 1: nonsense: a command"),
            (b"*9\r\n", "command 1: a request of 9 arguments is over the limit of 5"),
            (b"*1\r\n$600000000\r\n", "command 1: a bulk string of 600000000 bytes"),
        ] {
            let (_, error) = read(input);
            let error = error.unwrap();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
