//! Bytes that follow no protocol: each kind is answered as documented, and its connection closed.

use kvs::protocol::native::{
    BatchItem, ClientHello, FRAME_BYTES_MAX, RequestMessage, RequestOperation,
};

use super::request;
use crate::attacker::{Attacker, Target};
use crate::common::form::by_form;

/// The bytes of a client of Redis, and the reason for which they are refused.
const REDIS: &[(&[u8], &str)] = &[
    (b"*99999999999\r\n", "invalid multibulk length"),
    (b"*1048577\r\n", "invalid multibulk length"),
    (b"*18446744073709551616\r\n", "invalid multibulk length"),
    (b"*x\r\n", "invalid multibulk length"),
    (b"*2\r\n$999999999999\r\n", "invalid bulk length"),
    (b"*2\r\n$-1\r\n", "invalid bulk length"),
    (b"*2\r\n$\r\n", "invalid bulk length"),
    (b"*2\r\n+GET\r\n", "expected \\'$\\', got \\'+\\'"),
    (b"*1\r\n$1\r\nabc\r\n", "a bulk string is not followed by its line end"),
    (b"GET \"key\r\n", "unbalanced quotes in request"),
];

/// Requests of HTTP, of which none is answered.
const HTTP: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nFLUSHALL\r\n",
    b"PROPFIND /key HTTP/1.0\r\n\r\n",
    b"*3\r\n$4\r\nPOST\r\n$1\r\n/\r\n$8\r\nHTTP/1.1\r\n",
    b"*1\r\n$5\r\nHost:\r\n",
];

/// Lengths that are negative, huge or none, lines without end, nested arrays.
pub fn redis_requests(target: &Target) -> Vec<Attacker> {
    let long_line = vec![b'a'; 70_000];
    let nested = b"*1\r\n".repeat(100_000);
    let long: [(&[u8], &str); 2] =
        [(&long_line, "too big inline request"), (&nested, "expected \\'$\\', got \\'*\\'")];
    let cases: Vec<_> = REDIS.iter().chain(&long).collect();
    let mut attackers = ask_each(target, &cases, |attacker, (bytes, reason)| {
        attacker.send(bytes);
        let last = attacker.last_bytes().escape_ascii().to_string();
        assert_eq!(last, format!("-ERR Protocol error: {reason}\\r\\n"));
    });
    // A request without arguments is none.
    let mut harmless = target.attacker();
    assert!(harmless.send(b"*-5\r\n*0\r\n\r\nPING\r\n"));
    assert_eq!(harmless.line().unwrap(), "+PONG\\r\\n");
    attackers.push(harmless);
    attackers
}

/// Frames and lists that announce more than there is, and what is no message.
pub fn native_frames(target: &Target) -> Vec<Attacker> {
    let frame = |body: &[u8]| [&u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat();
    let message = |operation| {
        let mut bytes = Vec::new();
        RequestMessage::new(1, operation).encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
        bytes
    };
    let items = vec![BatchItem::Remove { key: b"k".into() }; 3];
    let mut cut = message(RequestOperation::batch(items));
    cut.truncate(cut.len() - 2);
    let length = u32::try_from(cut.len() - 4).unwrap();
    cut[..4].copy_from_slice(&length.to_le_bytes());
    // The id, the default keyspace, `GetMany`, and a list of 2^62 keys.
    let huge_list = [&[1, 0, 2][..], &[0xFF; 8], &[0x3F]].concat();
    // The id, and a keyspace whose name announces 2^62 bytes, or is no text.
    let huge_name = [&[1, 1][..], &[0xFF; 8], &[0x3F]].concat();
    let no_text = [1, 1, 2, 0xC3, 0x28, 0];
    // A batch without items whose reads, of version 1, have 2^62 names, or so many ranges.
    let huge_reads = [&[1, 0, 6, 0, 1, 1][..], &[0xFF; 8], &[0x3F]].concat();
    let huge_ranges = [&[1, 0, 6, 0, 1, 1, 0, 0][..], &[0xFF; 8], &[0x3F]].concat();
    let trailed = [&message(RequestOperation::Ping)[4..], b"more"].concat();
    let cases = [
        (u32::MAX.to_le_bytes().to_vec(), "is over the limit of 134217728 bytes"),
        (frame(b""), "a frame does not hold a message"),
        (frame(&[0xFF; 100]), "a frame does not hold a message"),
        (frame(&huge_list), "a frame does not hold a message"),
        (frame(&huge_name), "a frame does not hold a message"),
        (frame(&no_text), "a frame does not hold a message"),
        (frame(&huge_reads), "a frame does not hold a message"),
        (frame(&huge_ranges), "a frame does not hold a message"),
        (cut, "a frame does not hold a message"),
        (frame(&trailed), "a frame holds 4 bytes behind its message"),
    ];
    let mut attackers = ask_each(target, &cases, |attacker, (bytes, reason)| {
        attacker.greet();
        attacker.send(bytes);
        let failure = attacker.failure().unwrap();
        assert!(failure.message.contains(reason), "{failure}, and not {reason}");
        assert_eq!(attacker.last_bytes(), b"");
    });
    let mut inverted = Vec::new();
    ClientHello { version_min: 2, version_max: 1 }.encode(&mut inverted);
    let mut backward = target.attacker();
    backward.send(&inverted);
    assert_eq!(backward.last_bytes(), b"");
    attackers.push(backward);
    attackers
}

/// Pieces of HTTP, as a page in a browser can send them.
pub fn http_requests(target: &Target) -> Vec<Attacker> {
    let hidden = request(&[b"post", b"/", b"FLUSHALL"]);
    let cases: Vec<&[u8]> = HTTP.iter().copied().chain([&hidden[..]]).collect();
    ask_each(target, &cases, |attacker, bytes| {
        attacker.send(bytes);
        attacker.send(b"PING\r\nFLUSHALL\r\n");
        assert_eq!(attacker.last_bytes().escape_ascii().to_string(), "");
    })
}

/// Tries every case, several times; the connections.
fn ask_each<T>(target: &Target, cases: &[T], ask: impl Fn(&mut Attacker, &T)) -> Vec<Attacker> {
    let mut attackers = target.attackers(cases.len() * by_form([2, 50, 50]));
    for (attacker, case) in attackers.iter_mut().zip(cases.iter().cycle()) {
        ask(attacker, case);
    }
    attackers
}
