//! A request that arrives in pieces costs no more than one that arrives whole.

use super::*;

#[test]
fn the_missing_bytes_of_an_argument_are_told_exactly() {
    let mut parser = RequestParser::default();
    for (input, expected) in
        [(&b""[..], 1), (b"*1\r\n$", 1), (b"*1\r\n$1000\r\n", 1002), (b"*1\r\n$1000\r\nabc", 999)]
    {
        let Parsed::Incomplete { missing, .. } = parser.parse(input).unwrap() else {
            panic!("no request expected");
        };
        assert_eq!(missing, expected, "{}", input.escape_ascii());
    }
}

/// Overwrites every byte that the parser has understood before it sees the next piece: if it read a
/// byte twice, it would fail.
#[test]
fn understood_bytes_are_never_read_again() {
    let arguments = vec![b"SET".to_vec(), b"key".to_vec(), vec![b'v'; 1 << 20]];
    let stream = encode(&arguments);
    let mut parser = RequestParser::default();
    let mut buffer = Vec::new();
    for piece in stream.chunks(64) {
        buffer.extend_from_slice(piece);
        let position = match parser.parse(&buffer).unwrap() {
            Parsed::Request { arguments, consumed } => {
                assert_eq!((arguments.count(), consumed), (3, stream.len()));
                assert_eq!(arguments.get(2).unwrap().len(), 1 << 20);
                return;
            }
            Parsed::Incomplete { .. } => parser.position,
        };
        buffer[..position].fill(b'!');
    }
    panic!("the request never became complete");
}

#[test]
fn a_line_is_searched_for_its_end_only_once() {
    let mut parser = RequestParser::default();
    let mut buffer = Vec::new();
    for length in 1..100 {
        buffer.push(b'a');
        assert!(matches!(parser.parse(&buffer), Ok(Parsed::Incomplete { consumed: 0, .. })));
        assert_eq!(parser.position, length);
        // A line end in bytes that were already searched must go unnoticed.
        buffer[length - 1] = b'\n';
    }
    buffer.push(b'\n');
    buffer[0] = b'a';
    let Ok(Parsed::Request { arguments, consumed }) = parser.parse(&buffer) else {
        panic!("no request");
    };
    assert_eq!((arguments.name(), consumed), (&b"a"[..], 100));
}
