//! Replies, encoded for the version of RESP that a connection has chosen.

use std::borrow::Cow;

use memchr::memchr2;

/// The version of RESP a connection speaks; version 2 until the client says `HELLO 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// Spoken by every client.
    #[default]
    Resp2,
    /// Adds nulls, maps, sets and verbatim strings, and more that no reply uses.
    Resp3,
}

/// One reply, or one part of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A short text such as `OK`; line ends in it become blanks.
    Simple(Cow<'static, str>),
    /// An error that starts with its code, such as `ERR`; line ends in it become blanks.
    Error(Cow<'static, str>),
    /// A number.
    Integer(i64),
    /// Any bytes.
    Bulk(Vec<u8>),
    /// Text to be shown as it is; a bulk string in RESP2.
    Verbatim(String),
    /// Nothing in the place of a bulk string.
    Null,
    /// Nothing in the place of an array, which only RESP2 tells apart.
    NullArray,
    /// Values in order.
    Array(Vec<Value>),
    /// Pairs; an array of keys and values in turn in RESP2.
    Map(Vec<(Value, Value)>),
    /// Values without order; an array in RESP2.
    Set(Vec<Value>),
    /// Values that the client did not ask for; an array in RESP2.
    Push(Vec<Value>),
    /// Several replies to one request, one behind the other.
    Replies(Vec<Value>),
}

impl Value {
    /// Appends the reply to `out`.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let resp3 = version == Version::Resp3;
        match self {
            Self::Simple(text) => encode_line(b'+', text, out),
            Self::Error(text) => encode_line(b'-', text, out),
            Self::Integer(value) => encode_number(b':', *value, out),
            Self::Bulk(bytes) => encode_bulk(bytes, out),
            Self::Verbatim(text) if resp3 => {
                encode_length(b'=', VERBATIM_FORMAT.len() + text.len(), out);
                out.extend_from_slice(VERBATIM_FORMAT);
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Verbatim(text) => encode_bulk(text.as_bytes(), out),
            Self::Null | Self::NullArray if resp3 => out.extend_from_slice(b"_\r\n"),
            Self::Null => out.extend_from_slice(b"$-1\r\n"),
            Self::NullArray => out.extend_from_slice(b"*-1\r\n"),
            Self::Array(values) => encode_values(b'*', values, version, out),
            Self::Map(pairs) => {
                let (kind, count) =
                    if resp3 { (b'%', pairs.len()) } else { (b'*', pairs.len() * 2) };
                encode_length(kind, count, out);
                for (key, value) in pairs {
                    key.encode(version, out);
                    value.encode(version, out);
                }
            }
            Self::Set(values) => {
                encode_values(if resp3 { b'~' } else { b'*' }, values, version, out)
            }
            Self::Push(values) => encode_values(push_type(version), values, version, out),
            Self::Replies(values) => values.iter().for_each(|value| value.encode(version, out)),
        }
    }
}

/// Appends bulk strings that the client did not ask for to `out`.
pub fn encode_push(parts: &[&[u8]], version: Version, out: &mut Vec<u8>) {
    encode_length(push_type(version), parts.len(), out);
    parts.iter().for_each(|part| encode_bulk(part, out));
}

fn push_type(version: Version) -> u8 {
    match version {
        Version::Resp2 => b'*',
        Version::Resp3 => b'>',
    }
}

/// The format in front of a verbatim string: plain text.
const VERBATIM_FORMAT: &[u8] = b"txt:";

/// Appends a bulk string to `out`, for a value that should not be copied into a [`Value`] first.
pub fn encode_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    // At once: a large value would double its memory for the line end.
    out.reserve(LINE_BYTES_MAX + bytes.len() + 2);
    encode_length(b'$', bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn encode_values(kind: u8, values: &[Value], version: Version, out: &mut Vec<u8>) {
    encode_length(kind, values.len(), out);
    for value in values {
        value.encode(version, out);
    }
}

/// Appends a line whose text may come from a client: a line end in it would let the client forge
/// replies, so it becomes a blank.
fn encode_line(kind: u8, text: &str, out: &mut Vec<u8>) {
    out.push(kind);
    let mut rest = text.as_bytes();
    while let Some(offset) = memchr2(b'\r', b'\n', rest) {
        let (line, line_end) = rest.split_at(offset);
        out.extend_from_slice(line);
        out.push(b' ');
        rest = line_end.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\r\n");
}

fn encode_length(kind: u8, length: usize, out: &mut Vec<u8>) {
    // No vector is longer than `i64::MAX`, so the fallback never happens.
    encode_number(kind, i64::try_from(length).unwrap_or(i64::MAX), out);
}

/// The bytes of a type byte, a sign, 19 digits and the line end.
const LINE_BYTES_MAX: usize = 23;

/// Appends a type byte and a number, formatted on the stack because every reply has one.
fn encode_number(kind: u8, value: i64, out: &mut Vec<u8>) {
    let mut line = [0; LINE_BYTES_MAX];
    let mut start = line.len();
    let mut prepend = |byte| {
        start -= 1;
        line[start] = byte;
    };
    prepend(b'\n');
    prepend(b'\r');
    let mut magnitude = value.unsigned_abs();
    loop {
        // The remainder is a single digit, so the fallback never happens.
        prepend(b'0' + u8::try_from(magnitude % 10).unwrap_or(0));
        magnitude /= 10;
        if magnitude == 0 {
            break;
        }
    }
    if value < 0 {
        prepend(b'-');
    }
    prepend(kind);
    out.extend_from_slice(&line[start..]);
}

#[cfg(test)]
mod tests;
