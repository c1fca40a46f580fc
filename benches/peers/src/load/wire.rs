//! Requests and replies as bytes, in the protocols that servers speak.

use std::io::Write;

use kvs::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, HelloStatus, RequestMessage, RequestOperation as Native,
    ResponseMessage, ServerHello, Success, decode_frame,
};

use super::Operation;
use crate::Outcome;

/// The language of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Redis' second protocol.
    Resp,
    /// That of kvs.
    Native,
}

/// One direction of a protocol each way.
#[derive(Debug, Clone)]
pub struct Wire {
    protocol: Protocol,
    /// The number of the last native request.
    sent: u64,
}

/// A reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// A value was written.
    Done,
    /// A value was read, or there is none.
    Value(Option<&'a [u8]>),
}

impl Wire {
    /// Returns the state of a new connection.
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, sent: 0 }
    }

    /// Returns the bytes that a client sends first.
    pub fn greeting(&self) -> Vec<u8> {
        let mut output = Vec::new();
        match self.protocol {
            Protocol::Resp => output.extend_from_slice(b"*1\r\n$4\r\nPING\r\n"),
            Protocol::Native => ClientHello::OURS.encode(&mut output),
        }
        output
    }

    /// Returns the length of the answer to the greeting, once it is there and as expected.
    pub fn greeted(&self, input: &[u8]) -> Outcome<Option<usize>> {
        match self.protocol {
            Protocol::Resp => match resp(input)? {
                Some((Resp::Simple(b"PONG"), bytes)) => Ok(Some(bytes)),
                Some(_) => Err("a server did not answer PING with PONG".into()),
                None => Ok(None),
            },
            Protocol::Native => match ServerHello::decode(input)? {
                Some((hello, bytes)) if hello.status == HelloStatus::Accepted => Ok(Some(bytes)),
                Some(_) => Err("the server speaks another version".into()),
                None => Ok(None),
            },
        }
    }

    /// Appends a request; a read has no value.
    pub fn request(
        &mut self,
        operation: Operation,
        key: &[u8],
        value: &[u8],
        output: &mut Vec<u8>,
    ) -> Outcome<()> {
        match self.protocol {
            Protocol::Resp => {
                match operation {
                    Operation::Get => output.extend_from_slice(b"*2\r\n$3\r\nGET\r\n"),
                    Operation::Set => output.extend_from_slice(b"*3\r\n$3\r\nSET\r\n"),
                }
                bulk(key, output)?;
                if operation == Operation::Set {
                    bulk(value, output)?;
                }
            }
            Protocol::Native => {
                self.sent += 1;
                let key = key.into();
                let operation = match operation {
                    Operation::Get => Native::Get { key },
                    Operation::Set => {
                        Native::Set { key, value: value.into(), expires_at: None, sync: None }
                    }
                };
                RequestMessage::new(self.sent, operation).encode(FRAME_BYTES_MAX, output)?;
            }
        }
        Ok(())
    }

    /// Shows the first reply in the input, and returns how many bytes it takes, once it is there.
    pub fn reply(
        &self,
        input: &[u8],
        show: impl FnOnce(Reply<'_>) -> Outcome<()>,
    ) -> Outcome<Option<usize>> {
        match self.protocol {
            Protocol::Resp => {
                let Some((reply, bytes)) = resp(input)? else { return Ok(None) };
                show(match reply {
                    Resp::Simple(_) => Reply::Done,
                    Resp::Bulk(value) => Reply::Value(value),
                })?;
                Ok(Some(bytes))
            }
            Protocol::Native => {
                let Some((body, bytes)) = decode_frame(input, FRAME_BYTES_MAX)? else {
                    return Ok(None);
                };
                match ResponseMessage::decode(body)?.result {
                    Ok(Success::Applied { .. }) => show(Reply::Done)?,
                    Ok(Success::Value(value)) => show(Reply::Value(value.as_deref()))?,
                    Ok(_) => return Err("the server answered something else".into()),
                    Err(failure) => return Err(failure.message.into()),
                }
                Ok(Some(bytes))
            }
        }
    }
}

enum Resp<'a> {
    Simple(&'a [u8]),
    Bulk(Option<&'a [u8]>),
}

fn bulk(bytes: &[u8], output: &mut Vec<u8>) -> Outcome<()> {
    write!(output, "${}\r\n", bytes.len())?;
    output.extend_from_slice(bytes);
    output.extend_from_slice(b"\r\n");
    Ok(())
}

/// Returns the first reply in the input, and its length.
fn resp(input: &[u8]) -> Outcome<Option<(Resp<'_>, usize)>> {
    let Some(line_end) = input.windows(2).position(|pair| pair == b"\r\n") else {
        return Ok(None);
    };
    let (line, rest) = (&input[..line_end], &input[line_end + 2..]);
    match line.split_first() {
        Some((b'+', text)) => Ok(Some((Resp::Simple(text), line_end + 2))),
        Some((b'$', b"-1")) => Ok(Some((Resp::Bulk(None), line_end + 2))),
        Some((b'$', digits)) => {
            let length: usize = std::str::from_utf8(digits)?.parse()?;
            if rest.len() < length + 2 {
                return Ok(None);
            }
            Ok(Some((Resp::Bulk(Some(&rest[..length])), line_end + 2 + length + 2)))
        }
        _ => Err(format!("the server answered {}", line.escape_ascii()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_once_they_are_complete() {
        let wire = Wire::new(Protocol::Resp);
        let input = b"+OK\r\n$3\r\nabc\r\n$-1\r\n";
        let mut position = 0;
        for expected in [Reply::Done, Reply::Value(Some(b"abc")), Reply::Value(None)] {
            let rest = &input[position..];
            let show = |reply: Reply<'_>| {
                assert_eq!(reply, expected);
                Ok(())
            };
            let bytes = wire.reply(rest, show).unwrap().unwrap();
            for cut in 0..bytes {
                assert_eq!(wire.reply(&rest[..cut], |_| Ok(())).unwrap(), None, "{cut} bytes");
            }
            position += bytes;
        }
        assert_eq!(position, input.len());
        assert!(wire.reply(b"-ERR no\r\n", |_| Ok(())).is_err());
    }

    #[test]
    fn a_request_has_the_bytes_that_redis_expects() {
        let mut output = Vec::new();
        let mut wire = Wire::new(Protocol::Resp);
        wire.request(Operation::Set, b"k", b"vv", &mut output).unwrap();
        assert_eq!(output, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n");
    }
}
