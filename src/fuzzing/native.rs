//! The native protocol: hellos, messages, and streams of frames in any pieces.

use std::fmt::Debug;

use super::input::Input;
use crate::protocol::ProtocolError;
use crate::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, RequestMessage, ResponseMessage, ServerHello,
    decode_frame,
};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.choose(5) {
        0 => check_hello(input.rest(), ClientHello::decode, ClientHello::encode),
        1 => check_hello(input.rest(), ServerHello::decode, ServerHello::encode),
        2 => check_request(input.rest()),
        3 => check_response(input.rest()),
        _ => {
            let limit = u32::from(input.byte()) * 8;
            let pieces = pieces(&mut input);
            check_stream(input.rest(), limit, &pieces);
        }
    }
}

/// Returns the numbers of bytes that arrive at once, in turn.
pub(super) fn pieces(input: &mut Input<'_>) -> Vec<usize> {
    (0..=input.choose(4)).map(|_| 1 + input.choose(40)).collect()
}

type Decoded<T> = Result<Option<(T, usize)>, ProtocolError>;

/// Checks that a hello is complete or refused at one byte, and that bytes behind it change nothing.
fn check_hello<T: PartialEq + Debug>(
    bytes: &[u8],
    decode: fn(&[u8]) -> Decoded<T>,
    encode: fn(&T, &mut Vec<u8>),
) {
    let whole = decode(bytes);
    for length in 0..bytes.len() {
        let part = decode(&bytes[..length]);
        assert!(part == Ok(None) || part == whole, "{part:?} of {length} bytes, then {whole:?}");
    }
    if let Ok(Some((hello, length))) = whole {
        let mut encoded = Vec::new();
        encode(&hello, &mut encoded);
        assert_eq!(encoded, bytes[..length]);
    }
}

/// Checks that a request which decodes, encoded again, decodes to the same request, and has the
/// same bytes if it was canonical.
fn check_request(body: &[u8]) {
    let Ok(request) = RequestMessage::decode(body) else { return };
    let mut frame = Vec::new();
    request.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    check_body(body, &frame);
    assert_eq!(RequestMessage::decode(&frame[FRAME_HEADER_BYTES..]).as_ref(), Ok(&request));
    check_limit(&frame, |limit, out| request.encode(limit, out));
}

fn check_response(body: &[u8]) {
    let Ok(response) = ResponseMessage::decode(body) else { return };
    let mut frame = Vec::new();
    response.encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    check_body(body, &frame);
    assert_eq!(ResponseMessage::decode(&frame[FRAME_HEADER_BYTES..]).as_ref(), Ok(&response));
    check_limit(&frame, |limit, out| response.encode(limit, out));
}

/// Checks a body. Postcard reads numbers with needless bytes, so the canonical body may be shorter
/// but never longer.
fn check_body(body: &[u8], frame: &[u8]) {
    let Ok(Some((encoded, length))) = decode_frame(frame, FRAME_BYTES_MAX) else {
        panic!("an encoded frame does not decode");
    };
    assert_eq!(length, frame.len());
    assert!(encoded.len() < body.len() || encoded == body);
}

/// Checks that a limit is exact, and that a frame over it leaves no trace.
fn check_limit(frame: &[u8], encode: impl Fn(u32, &mut Vec<u8>) -> Result<(), ProtocolError>) {
    let body = u32::try_from(frame.len() - FRAME_HEADER_BYTES).unwrap();
    let mut out = b"before".to_vec();
    encode(body, &mut out).unwrap();
    assert_eq!(&out[6..], frame);
    let Some(limit) = body.checked_sub(1) else { return };
    out.truncate(6);
    let refused = ProtocolError::FrameTooLarge { found: body as usize, limit: limit as usize };
    assert_eq!(encode(limit, &mut out), Err(refused));
    assert_eq!(out, b"before");
}

/// The bodies of a stream, and the bytes left over or the error that ended it.
type Fed = (Vec<Vec<u8>>, Result<Vec<u8>, ProtocolError>);

fn feed(stream: &[u8], limit: u32, pieces: &[usize]) -> Fed {
    let (mut buffer, mut bodies, mut rest) = (Vec::new(), Vec::new(), stream);
    for &size in pieces.iter().cycle() {
        let (piece, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        buffer.extend_from_slice(piece);
        loop {
            match decode_frame(&buffer, limit) {
                Ok(Some((body, length))) => {
                    assert!(body.len() <= limit as usize);
                    assert_eq!(length, FRAME_HEADER_BYTES + body.len());
                    bodies.push(body.to_vec());
                    buffer.drain(..length);
                }
                Ok(None) => break,
                Err(error) => return (bodies, Err(error)),
            }
        }
        // What is not complete yet never grows beyond what was announced and allowed.
        assert!(buffer.len() < FRAME_HEADER_BYTES + limit as usize || buffer.is_empty());
        if rest.is_empty() {
            break;
        }
    }
    (bodies, Ok(buffer))
}

fn check_stream(stream: &[u8], limit: u32, pieces: &[usize]) {
    let whole = feed(stream, limit, &[stream.len().max(1)]);
    assert_eq!(feed(stream, limit, pieces), whole);
    for body in &whole.0 {
        check_request(body);
        check_response(body);
    }
}
