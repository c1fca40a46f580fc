//! Dumps of keys, with the replies of Redis.

use super::*;

/// Returns the payload of a compressed value of 2 MiB, 24 KB long.
fn compressed() -> Vec<u8> {
    use crate::server::command::crc64::crc64;

    let repetitions = 7950;
    // The letter `a`, then copies of 264 bytes that lie one before.
    let mut string = b"\x00a".to_vec();
    (0..repetitions).for_each(|_| string.extend(b"\xe0\xff\x00"));
    let lengths = [string.len(), 1 + repetitions * 264].map(|it| u32::try_from(it).unwrap());
    let mut payload = b"\x00\xc3".to_vec();
    lengths.iter().for_each(|length| {
        payload.push(0x80);
        payload.extend(length.to_be_bytes());
    });
    payload.extend(string);
    payload.extend([10, 0]);
    let checksum = crc64(&payload);
    payload.extend(checksum.to_le_bytes());
    payload
}

fn restore(server: &Server, words: &[&[u8]]) -> String {
    let words = [&[&b"RESTORE"[..]], words].concat();
    encode(&server.run_bytes(&words), server.session.version())
}

#[test]
fn a_dumped_key_is_restored() {
    let server = Server::new();
    server.run("SET k value");
    let Value::Bulk(payload) = server.run("DUMP k") else { panic!("a payload is a bulk string") };
    assert_eq!(payload[..9], *b"\x00\x05value\x0a\x00");
    assert_eq!(restore(&server, &[b"to", b"0", &payload]), "+OK");
    let busy = "-BUSYKEY Target key name already exists.";
    assert_eq!(restore(&server, &[b"to", b"0", &payload]), busy);
    assert_eq!(restore(&server, &[b"to", b"x", b"damaged"]), busy);
    assert_eq!(
        restore(&server, &[b"to", b"99999999999999", &payload, b"ABSTTL", b"REPLACE"]),
        "+OK"
    );
    server.check(&[
        ("DUMP nope", "$-1"),
        ("GET to", "$5 value"),
        ("PEXPIRETIME to", ":99999999999999"),
    ]);
    // A time that has passed.
    assert_eq!(restore(&server, &[b"to", b"1", &payload, b"ABSTTL", b"REPLACE"]), "+OK");
    assert_eq!(restore(&server, &[b"to", b"1", &payload, b"ABSTTL"]), "+OK");
    server.check(&[("EXISTS to", ":0")]);
}

#[test]
fn what_cannot_be_restored_is_refused() {
    let server = Server::new();
    let payload: &[u8] = b"\x00\xc0\n\t\x00\xbem\x06\x89Z(\x00\n";
    let integer = "-ERR value is not an integer or out of range";
    let footer = "-ERR DUMP payload version or checksum are wrong";
    let cases: [(&[&[u8]], &str); 9] = [
        (&[b"k", b"x", payload], integer),
        (&[b"k", b"-1", payload], "-ERR Invalid TTL value, must be >= 0"),
        (&[b"k", b"0", b"damaged payload"], footer),
        (&[b"k", b"0", b"damaged payload", b"REPLACE"], footer),
        (&[b"k", b"0", payload, b"FOO"], "-ERR syntax error"),
        (&[b"k", b"0", payload, b"IDLETIME", b"-1"], "-ERR Invalid IDLETIME value, must be >= 0"),
        (
            &[b"k", b"0", payload, b"FREQ", b"256"],
            "-ERR Invalid FREQ value, must be >= 0 and <= 255",
        ),
        (&[b"k", b"0", payload, b"FREQ", b"1", b"IDLETIME", b"1"], "-ERR syntax error"),
        (&[b"k", b"0", payload, b"IDLETIME", b"1"], "+OK"),
    ];
    for (words, reply) in cases {
        assert_eq!(restore(&server, words), reply);
    }
    server.check(&[("GET k", "$2 10")]);
}

#[test]
fn a_long_value_is_expanded_by_a_reader_and_few_in_a_transaction() {
    let server = Server::new();
    let payload = compressed();
    let mut request =
        format!("*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n${}\r\n", payload.len()).into_bytes();
    request.extend_from_slice(&payload);
    request.extend_from_slice(b"\r\n");
    let replied = server.request(&server.session, &request);
    assert!(replied.cold && replied.value == Value::Simple("OK".into()));
    let length = server.integer("STRLEN k");
    assert_eq!(length, 1 + 7950 * 264);
    server.run("MULTI");
    for _ in 0..70 {
        assert_eq!(restore(&server, &[b"k", b"0", &payload, b"REPLACE"]), "+QUEUED");
    }
    let refusal = "-ERR the reply is over the limit of 134217728 bytes; ask for less at once";
    assert_eq!(server.wire("EXEC"), refusal);
}
