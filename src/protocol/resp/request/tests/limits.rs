//! Every limit allows its own value, refuses one more, and is checked before bytes are awaited.

use super::*;

fn parse_small(stream: &[u8]) -> Result<usize, ProtocolError> {
    let (requests, outcome) = feed(stream, &[stream.len()], SMALL);
    outcome.map(|_| requests.len())
}

#[test]
fn the_limit_of_arguments_is_exact() {
    assert_eq!(parse_small(&encode(&vec![b"a".to_vec(); 3])), Ok(1));
    let error = ProtocolError::CountTooLarge { found: 4, limit: 3 };
    assert_eq!(parse_small(b"*4\r\n"), Err(error.clone()));
    assert_eq!(parse_small(b"a b c\n"), Ok(1));
    assert_eq!(parse_small(b"a b c d\n"), Err(error));
}

#[test]
fn the_limit_of_an_argument_is_exact_and_checked_before_it_arrives() {
    assert_eq!(parse_small(&encode(&vec![vec![b'a'; 10]])), Ok(1));
    let error = ProtocolError::BulkTooLarge { found: 11, limit: 10 };
    assert_eq!(parse_small(b"*1\r\n$11\r\n"), Err(error));
}

#[test]
fn the_limit_of_a_request_is_exact_and_counts_its_framing() {
    // The count, then each argument with its length line and its line end.
    let request = |last| vec![vec![b'a'; 10], vec![b'a'; 9], vec![b'a'; last]];
    let framing = 4 + (5 + 10 + 2) + (4 + 9 + 2) + (4 + 2);
    let limits = |request_bytes_max| RequestLimits { request_bytes_max, ..SMALL };
    for last in 0..=9 {
        let bytes = encode(&request(last));
        assert_eq!(bytes.len(), framing + last);
        let (requests, outcome) = feed(&bytes, &[bytes.len()], limits(bytes.len()));
        assert_eq!((requests.len(), outcome), (1, Ok(Vec::new())));
        let limit = bytes.len() - 1;
        let (requests, outcome) = feed(&bytes[..bytes.len() - last - 2], &[7], limits(limit));
        let error = ProtocolError::RequestTooLarge { found: bytes.len(), limit };
        assert_eq!((requests.len(), outcome), (0, Err(error)));
    }
}

#[test]
fn the_limit_of_a_line_is_exact_with_and_without_its_end() {
    assert_eq!(parse_small(b"aaaaaaaaaaaa\n"), Ok(1));
    assert_eq!(parse_small(b"aaaaaaaaaaaa"), Ok(0));
    let error = ProtocolError::InlineTooLong { limit: 12 };
    assert_eq!(parse_small(b"aaaaaaaaaaaaa"), Err(error.clone()));
    assert_eq!(parse_small(b"aaaaaaaaaaaaa\n"), Err(error));
}

#[test]
fn default_limits_hold_at_their_boundaries() {
    let limits = RequestLimits::default();
    let count = limits.arguments_max;
    assert!(whole(format!("*{count}\r\n").as_bytes()).1.is_ok());
    let error = ProtocolError::CountTooLarge { found: count + 1, limit: count };
    assert_eq!(error_of(format!("*{}\r\n", count + 1).as_bytes()), error);
    let length = limits.bulk_bytes_max;
    assert!(whole(format!("*1\r\n${length}\r\n").as_bytes()).1.is_ok());
    let error = ProtocolError::BulkTooLarge { found: length + 1, limit: length };
    assert_eq!(error_of(format!("*1\r\n${}\r\n", length + 1).as_bytes()), error);
    let line = vec![b'a'; limits.inline_bytes_max + 1];
    assert!(whole(&line[1..]).1.is_ok());
    assert_eq!(error_of(&line), ProtocolError::InlineTooLong { limit: line.len() - 1 });
}

#[test]
fn huge_announced_lengths_allocate_nothing() {
    let limits = RequestLimits {
        arguments_max: usize::MAX,
        bulk_bytes_max: usize::MAX,
        request_bytes_max: usize::MAX,
        inline_bytes_max: usize::MAX,
    };
    for stream in [&b"*1000000000\r\n"[..], b"*9223372036854775807\r\n$9223372036854775807\r\n"] {
        let mut parser = RequestParser::new(limits);
        let parsed = parser.parse(stream).unwrap();
        assert!(matches!(parsed, Parsed::Incomplete { consumed: 0, .. }));
        assert_eq!((parser.spans.capacity(), parser.words.capacity()), (0, 0));
    }
    assert!(matches!(error_of(b"*1000000000\r\n"), ProtocolError::CountTooLarge { .. }));
    assert!(matches!(error_of(b"*1\r\n$536870912\r\n"), ProtocolError::BulkTooLarge { .. }));
}

#[test]
fn memory_of_a_request_with_many_arguments_is_given_back() {
    let many = encode(&vec![Vec::new(); SPANS_KEPT_MAX * 4]);
    let mut parser = RequestParser::default();
    assert!(matches!(parser.parse(&many), Ok(Parsed::Request { .. })));
    assert!(parser.spans.capacity() > SPANS_KEPT_MAX);
    parser.parse(b"PING\r\n").unwrap();
    assert!(parser.spans.capacity() <= SPANS_KEPT_MAX);
}
