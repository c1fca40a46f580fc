//! Replies as a client reads them, part by part.

use memchr::memchr2;

use super::number::{NumberLine, read_number};
use crate::protocol::ProtocolError;

/// The longest simple string or error.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The line end behind every part.
const LINE_END: &[u8] = b"\r\n";

/// One part of a reply of RESP2.
///
/// An array is its length, and its elements are the parts that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyPart<'a> {
    /// A short text such as `OK`.
    Simple(&'a [u8]),
    /// An error that starts with its code.
    Error(&'a [u8]),
    /// A number.
    Integer(i64),
    /// Any bytes.
    Bulk(&'a [u8]),
    /// Nothing in the place of a bulk string or of an array.
    Null,
    /// The number of elements that follow.
    Array(usize),
}

impl<'a> ReplyPart<'a> {
    /// Parses the first part of `input` strictly; returns it with the bytes it takes, or `None` if
    /// more bytes have to come. Of a bulk string that is not there yet only the header is read
    /// again then.
    pub fn parse(
        input: &'a [u8],
        bulk_bytes_max: usize,
    ) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&kind, line)) = input.split_first() else { return Ok(None) };
        if let b'+' | b'-' = kind {
            let Some(length) = line_length(line)? else { return Ok(None) };
            let text = line.get(..length).unwrap_or_default();
            let part = if kind == b'+' { Self::Simple(text) } else { Self::Error(text) };
            return Ok(Some((part, 1 + length + LINE_END.len())));
        }
        let malformed = match kind {
            b':' => ProtocolError::IntegerMalformed,
            b'*' => ProtocolError::CountMalformed,
            b'$' => ProtocolError::BulkLengthMalformed,
            found => return Err(ProtocolError::ReplyExpected { found }),
        };
        let (value, start) = match read_number(line) {
            NumberLine::Malformed => return Err(malformed),
            NumberLine::Partial => return Ok(None),
            NumberLine::Complete { value, length } => (value, 1 + length),
        };
        match (kind, usize::try_from(value)) {
            (b':', _) => Ok(Some((Self::Integer(value), start))),
            (_, Err(_)) if value == -1 => Ok(Some((Self::Null, start))),
            (_, Err(_)) => Err(malformed),
            (b'*', Ok(count)) => Ok(Some((Self::Array(count), start))),
            (_, Ok(length)) => bulk(input, start, length, bulk_bytes_max),
        }
    }
}

/// Returns the bulk string of which the bytes begin at `start`.
fn bulk(
    input: &[u8],
    start: usize,
    length: usize,
    limit: usize,
) -> Result<Option<(ReplyPart<'_>, usize)>, ProtocolError> {
    if length > limit {
        return Err(ProtocolError::BulkTooLarge { found: length, limit });
    }
    let end = start.saturating_add(length);
    let next = end.saturating_add(LINE_END.len());
    let (Some(bytes), Some(line_end)) = (input.get(start..end), input.get(end..next)) else {
        return Ok(None);
    };
    if line_end != LINE_END {
        return Err(ProtocolError::BulkUnterminated);
    }
    Ok(Some((ReplyPart::Bulk(bytes), next)))
}

/// Returns the length of the line at the start, without its end, if the end is there.
fn line_length(input: &[u8]) -> Result<Option<usize>, ProtocolError> {
    let window = input.get(..LINE_BYTES_MAX + LINE_END.len()).unwrap_or(input);
    let length = memchr2(b'\r', b'\n', window).unwrap_or(window.len());
    if length > LINE_BYTES_MAX {
        return Err(ProtocolError::ReplyLineTooLong { limit: LINE_BYTES_MAX });
    }
    match window.get(length..).unwrap_or_default() {
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] => Ok(Some(length)),
        _ => Err(ProtocolError::ReplyLineMalformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::resp::{Value, Version};

    const LIMIT: usize = 100;

    /// Returns all parts of an input, which is whole.
    fn parts(mut input: &[u8]) -> Vec<ReplyPart<'_>> {
        let mut parts = Vec::new();
        while !input.is_empty() {
            let (part, length) = ReplyPart::parse(input, LIMIT).unwrap().unwrap();
            parts.push(part);
            input = &input[length..];
        }
        parts
    }

    #[test]
    fn what_a_server_encodes_is_parsed_at_its_last_byte_and_not_before() {
        use ReplyPart::{Array, Bulk, Error, Integer, Null, Simple};
        let bulk = |bytes: &[u8]| Value::Bulk(bytes.to_vec());
        for (value, expected) in [
            (Value::Simple("OK".into()), vec![Simple(b"OK")]),
            (Value::Simple("".into()), vec![Simple(b"")]),
            (Value::Error("ERR no".into()), vec![Error(b"ERR no")]),
            (Value::Integer(i64::MAX), vec![Integer(i64::MAX)]),
            (Value::Integer(-2), vec![Integer(-2)]),
            (bulk(b""), vec![Bulk(b"")]),
            (bulk(b"a\r\n$1\r\n"), vec![Bulk(b"a\r\n$1\r\n")]),
            (Value::Null, vec![Null]),
            (Value::NullArray, vec![Null]),
            (
                Value::Array(vec![bulk(b"0"), Value::Array(vec![bulk(b"k")])]),
                vec![Array(2), Bulk(b"0"), Array(1), Bulk(b"k")],
            ),
        ] {
            let mut bytes = Vec::new();
            value.encode(Version::Resp2, &mut bytes);
            assert_eq!(parts(&bytes), expected);
            for length in 0..bytes.len() {
                let mut rest = &bytes[..length];
                while let Some((_, length)) = ReplyPart::parse(rest, LIMIT).unwrap() {
                    rest = &rest[length..];
                }
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use ProtocolError::{
            BulkLengthMalformed, BulkTooLarge, BulkUnterminated, CountMalformed, IntegerMalformed,
            ReplyExpected, ReplyLineMalformed, ReplyLineTooLong,
        };
        let long = [b"+".to_vec(), vec![b'x'; LINE_BYTES_MAX + 1]].concat();
        let longest = [&long[..=LINE_BYTES_MAX], b"\r\n"].concat();
        assert!(ReplyPart::parse(&longest, LIMIT).unwrap().is_some());
        for (input, expected) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], ReplyExpected { found: b'H' }),
            (b"%1\r\n", ReplyExpected { found: b'%' }),
            (b":\r\n", IntegerMalformed),
            (b":1x\r\n", IntegerMalformed),
            (b"*-2\r\n", CountMalformed),
            (b"$-2\r\n", BulkLengthMalformed),
            (b"$01\r\n", BulkLengthMalformed),
            (b"$101\r\n", BulkTooLarge { found: 101, limit: LIMIT }),
            (b"$1\r\nab\r\n", BulkUnterminated),
            (b"+a\nb\r\n", ReplyLineMalformed),
            (b"-a\rb\r\n", ReplyLineMalformed),
            (&long, ReplyLineTooLong { limit: LINE_BYTES_MAX }),
        ] {
            let shown = input.get(..10).unwrap_or(input).escape_ascii();
            assert_eq!(ReplyPart::parse(input, LIMIT), Err(expected), "{shown}");
        }
    }
}
