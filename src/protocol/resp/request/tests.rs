//! Requests arrive as they were sent however the network splits them, limits are exact, and no
//! bytes of a client do harm.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

mod limits;
mod resume;

type Request = Vec<Vec<u8>>;

/// Feeds `stream` in pieces of the given sizes, in turn, as a connection would.
fn feed(stream: &[u8], piece_sizes: &[usize], limits: RequestLimits) -> (Vec<Request>, Outcome) {
    let mut parser = RequestParser::new(limits);
    let (mut buffer, mut requests, mut rest) = (Vec::new(), Vec::new(), stream);
    for &size in piece_sizes.iter().cycle() {
        let (piece, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        buffer.extend_from_slice(piece);
        loop {
            let consumed = match parser.parse(&buffer) {
                Ok(Parsed::Request { arguments, consumed }) => {
                    requests.push(arguments.iter().map(<[u8]>::to_vec).collect());
                    consumed
                }
                Ok(Parsed::Incomplete { consumed, missing }) => {
                    assert!(missing > 0);
                    buffer.drain(..consumed);
                    break;
                }
                Err(error) => return (requests, Err(error)),
            };
            buffer.drain(..consumed);
        }
        if rest.is_empty() {
            break;
        }
    }
    (requests, Ok(buffer))
}

/// The bytes still unconsumed at the end, or the error that ended the stream.
type Outcome = Result<Vec<u8>, ProtocolError>;

fn whole(stream: &[u8]) -> (Vec<Request>, Outcome) {
    feed(stream, &[stream.len().max(1)], RequestLimits::default())
}

fn error_of(stream: &[u8]) -> ProtocolError {
    whole(stream).1.unwrap_err()
}

fn encode(request: &Request) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for argument in request {
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Limits small enough for a test to reach them.
const SMALL: RequestLimits = RequestLimits {
    arguments_max: 3,
    bulk_bytes_max: 10,
    request_bytes_max: 40,
    inline_bytes_max: 12,
};

#[test]
fn a_pipeline_of_both_spellings_is_parsed_in_order() {
    let stream =
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\nPING\r\n\r\n*0\r\n*-1\r\n*-10\r\n\n \t\r\n\
        get \"a b\"\n*1\r\n$0\r\n\r\n*2\r\n$3\r\nGE";
    let (requests, outcome) = whole(stream);
    let expected: [Vec<&[u8]>; 4] =
        [vec![b"SET", b"k", b"\r\n"], vec![b"PING"], vec![b"get", b"a b"], vec![b""]];
    assert_eq!(requests, expected);
    assert_eq!(outcome.unwrap(), b"*2\r\n$3\r\nGE");
}

#[test]
fn arguments_of_an_array_borrow_from_the_input() {
    let input = b"\r\n*1\r\n$4\r\nPING\r\n".to_vec();
    let mut parser = RequestParser::default();
    let Ok(Parsed::Request { arguments, consumed }) = parser.parse(&input) else {
        panic!("no request");
    };
    assert_eq!(arguments.name().as_ptr(), input[10..].as_ptr());
    assert_eq!(consumed, input.len());
}

#[test]
fn malformed_requests_are_refused_as_in_redis() {
    for stream in [&b"*blabla\r\n"[..], b"*99999999999999999999\r\n", b"*\0", b"*\r\n", b"*+1\r\n"]
    {
        assert_eq!(error_of(stream), ProtocolError::CountMalformed, "{}", stream.escape_ascii());
    }
    for stream in [&b"*1\r\n$-10\r\n"[..], b"*1\r\n$blabla\r\n", b"*1\r\n$\0", b"*1\r\n$01\r\n"] {
        let error = error_of(stream);
        assert_eq!(error, ProtocolError::BulkLengthMalformed, "{}", stream.escape_ascii());
    }
    let payload_header = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n";
    assert_eq!(error_of(payload_header), ProtocolError::BulkExpected { found: b'f' });
    assert_eq!(error_of(b"*1\r\n*1\r\n"), ProtocolError::BulkExpected { found: b'*' });
    assert_eq!(error_of(b"*1\r\n$1\r\nab\r\n"), ProtocolError::BulkUnterminated);
    assert_eq!(error_of(b"SET \"\"\"key\"\"\" x\r\n"), ProtocolError::QuotesUnbalanced);
}

#[test]
fn http_ends_the_connection_but_get_does_not() {
    assert_eq!(error_of(b"POST /x HTTP/1.1\r\nHost: a\r\n\r\n"), ProtocolError::CrossProtocol);
    assert_eq!(error_of(b"GET / HTTP/1.1\r\n"), ProtocolError::CrossProtocol);
    assert_eq!(error_of(b"Host: a\r\n"), ProtocolError::CrossProtocol);
    assert_eq!(whole(b"GET key\r\n").0, [vec![b"GET".to_vec(), b"key".to_vec()]]);
    for name in [&b"POST"[..], b"post", b"Host:"] {
        let array = encode(&vec![name.to_vec(), b"/".to_vec()]);
        assert_eq!(error_of(&array), ProtocolError::CrossProtocol);
    }
    assert_eq!(error_of(b"\"POST\" /\r\n"), ProtocolError::CrossProtocol);
}

/// Bytes that are more often nearly a request than random bytes are.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "*1\r\n",
        "*2\r\n",
        "*3\r\n",
        "*0\r\n",
        "*-1\r\n",
        "$1\r\na\r\n",
        "$3\r\nGET\r\n",
        "$0\r\n\r\n",
        "$11\r\n",
        "*4\r\n",
        "\r\n",
        "\n",
        "\r",
        "PING\r\n",
        "a b",
        "\"",
        "'",
        "\\x4",
        "*",
        "$",
        "-",
        "1",
        "0",
        " ",
        "POST / ",
        "\0",
        "\u{e9}",
    ]);
    let token = token.prop_map(|token| token.as_bytes().to_vec());
    vec(prop_oneof![9 => token, 1 => vec(any::<u8>(), 0..4)], 0..20)
        .prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_parsed_as_in_one(
        stream in likely_bytes(),
        piece_sizes in vec(1_usize..9, 1..5),
    ) {
        let expected = feed(&stream, &[stream.len().max(1)], SMALL);
        prop_assert_eq!(feed(&stream, &piece_sizes, SMALL), expected);
    }

    #[test]
    fn random_bytes_never_panic(stream in vec(any::<u8>(), 0..300)) {
        let mut parser = RequestParser::new(SMALL);
        // Neither an error nor an input unrelated to the last one may break the parser.
        for start in 0..stream.len() {
            let _ = parser.parse(&stream[start..]);
        }
    }

    #[test]
    fn requests_arrive_as_they_were_sent(
        requests in vec(vec(vec(any::<u8>(), 0..30), 1..6), 0..6),
        piece_sizes in vec(1_usize..40, 1..5),
    ) {
        let stream: Vec<u8> = requests.iter().flat_map(encode).collect();
        let (received, outcome) = feed(&stream, &piece_sizes, RequestLimits::default());
        prop_assert_eq!(received, requests);
        prop_assert_eq!(outcome, Ok(Vec::new()));
    }

    #[test]
    fn a_quoted_word_arrives_as_it_was_meant(word in vec(any::<u8>(), 0..30)) {
        let quoted: String = word.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let (requests, _) = whole(format!("SET \"{quoted}\"\r\n").as_bytes());
        prop_assert_eq!(requests, [vec![b"SET".to_vec(), word]]);
    }
}
