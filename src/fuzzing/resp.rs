//! Redis' protocol: requests in any pieces, and replies of any shape.

use super::input::Input;
use super::native::pieces;
use crate::protocol::ProtocolError;
use crate::protocol::resp::{
    Parsed, RequestLimits, RequestParser, Value, Version, encode_bulk, error_reply,
};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if input.choose(4) == 0 {
        let mut values_left = 64;
        let value = value(&mut input, 4, &mut values_left);
        check_reply(&value);
        return;
    }
    let limits = match input.choose(3) {
        0 => RequestLimits::default(),
        1 => RequestLimits::STRANGER,
        _ => RequestLimits {
            arguments_max: input.choose(8),
            bulk_bytes_max: input.choose(40),
            request_bytes_max: input.choose(200),
            inline_bytes_max: input.choose(40),
        },
    };
    let pieces = pieces(&mut input);
    check_requests(input.rest(), limits, &pieces);
}

type Request = Vec<Vec<u8>>;

/// The requests of a stream, and the bytes left over or the error that ended it.
type Fed = (Vec<Request>, Result<Vec<u8>, ProtocolError>);

fn feed(stream: &[u8], limits: RequestLimits, pieces: &[usize]) -> Fed {
    let mut parser = RequestParser::new(limits);
    let (mut buffer, mut requests, mut rest) = (Vec::new(), Vec::new(), stream);
    for &size in pieces.iter().cycle() {
        let (piece, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        buffer.extend_from_slice(piece);
        loop {
            let (consumed, is_complete) = match parser.parse(&buffer) {
                Ok(Parsed::Request { arguments, consumed }) => {
                    let request: Request = arguments.iter().map(<[u8]>::to_vec).collect();
                    check_limits(&request, arguments.name(), limits);
                    assert!(consumed > 0 && consumed <= buffer.len());
                    requests.push(request);
                    (consumed, true)
                }
                Ok(Parsed::Incomplete { consumed, missing }) => {
                    assert!(missing > 0 && consumed <= buffer.len());
                    (consumed, false)
                }
                Err(error) => {
                    check_reply(&error_reply(&error));
                    return (requests, Err(error));
                }
            };
            buffer.drain(..consumed);
            if !is_complete {
                break;
            }
        }
        let longest = limits.request_bytes_max.max(limits.inline_bytes_max).max(32);
        assert!(buffer.len() <= longest, "{} bytes wait", buffer.len());
        if rest.is_empty() {
            break;
        }
    }
    (requests, Ok(buffer))
}

fn check_limits(request: &Request, name: &[u8], limits: RequestLimits) {
    assert!(!request.is_empty() && request.len() <= limits.arguments_max);
    assert_eq!(request[0], name);
    let longest = limits.bulk_bytes_max.max(limits.inline_bytes_max);
    assert!(request.iter().all(|argument| argument.len() <= longest));
}

fn check_requests(stream: &[u8], limits: RequestLimits, pieces: &[usize]) {
    let whole = feed(stream, limits, &[stream.len().max(1)]);
    assert_eq!(feed(stream, limits, pieces), whole);
    let (mut arrays, mut lines) = (Vec::new(), Vec::new());
    for request in &whole.0 {
        arrays.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
        for argument in request {
            encode_bulk(argument, &mut arrays);
            let hex = argument.iter().map(|byte| format!("\\x{byte:02X}")).collect::<String>();
            lines.extend_from_slice(format!("\"{hex}\" ").as_bytes());
        }
        lines.push(b'\n');
    }
    let again = feed(&arrays, RequestLimits::default(), pieces);
    assert_eq!(again, (whole.0.clone(), Ok(Vec::new())), "written as arrays");
    let limits = RequestLimits { inline_bytes_max: usize::MAX, ..RequestLimits::default() };
    let again = feed(&lines, limits, pieces);
    assert_eq!(again, (whole.0, Ok(Vec::new())), "written as lines");
}

fn value(input: &mut Input<'_>, depth: usize, left: &mut usize) -> Value {
    let text = |input: &mut Input<'_>| {
        let length = input.choose(12);
        String::from_utf8_lossy(input.bytes(length)).into_owned()
    };
    *left = left.saturating_sub(1);
    let kinds = if depth == 0 || *left == 0 { 9 } else { 13 };
    let mut values = |input: &mut Input<'_>| {
        (0..input.choose(5)).map(|_| value(input, depth - 1, left)).collect::<Vec<_>>()
    };
    match input.choose(kinds) {
        0 => Value::Null,
        1 => Value::NullArray,
        2 => Value::Simple(text(input).into()),
        3 => Value::Error(text(input).into()),
        4..=6 => Value::Integer(input.number().cast_signed()),
        7 => {
            let length = input.choose(40);
            Value::Bulk(input.bytes(length).to_vec())
        }
        8 => Value::Verbatim(text(input)),
        9 => Value::Array(values(input)),
        10 | 11 => Value::Set(values(input)),
        _ => {
            let mut values = values(input).into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (values.next(), values.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        }
    }
}

/// Checks that in either version a reply is exactly one well-formed value of the version's kinds.
fn check_reply(value: &Value) {
    for version in [Version::Resp2, Version::Resp3] {
        let mut bytes = Vec::new();
        value.encode(version, &mut bytes);
        let rest = skip_value(&bytes, version);
        assert_eq!(rest, Some(&b""[..]), "{version:?} {}", bytes.escape_ascii());
    }
}

/// Returns the bytes behind the value at the start; `None` if none is there.
fn skip_value(bytes: &[u8], version: Version) -> Option<&[u8]> {
    let (kind, bytes) = bytes.split_first()?;
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, mut rest) = (&bytes[..end], &bytes[end + 2..]);
    assert!(!line.contains(&b'\r') && !line.contains(&b'\n'), "a line end in a line");
    let text = || std::str::from_utf8(line).ok();
    let is_resp3 = version == Version::Resp3;
    match kind {
        b'+' | b'-' => Some(rest),
        b':' => text()?.parse::<i64>().ok().map(|_| rest),
        b'_' if is_resp3 => line.is_empty().then_some(rest),
        b'$' | b'*' if !is_resp3 && line == b"-1" => Some(rest),
        b'$' => skip_bytes(rest, text()?.parse().ok()?),
        b'=' if is_resp3 => {
            let after = skip_bytes(rest, text()?.parse().ok()?)?;
            rest.starts_with(b"txt:").then_some(after)
        }
        b'*' | b'~' | b'%' if is_resp3 || *kind == b'*' => {
            let count: usize = text()?.parse().ok()?;
            for _ in 0..count * if *kind == b'%' { 2 } else { 1 } {
                rest = skip_value(rest, version)?;
            }
            Some(rest)
        }
        _ => None,
    }
}

fn skip_bytes(bytes: &[u8], length: usize) -> Option<&[u8]> {
    bytes.get(length..)?.strip_prefix(b"\r\n")
}
