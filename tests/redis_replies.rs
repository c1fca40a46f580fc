//! The same requests to Redis and to a server of this kind have the same replies, byte for byte.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use common::random::Random;
use common::redis_pair::RedisPair;

#[test]
fn keys_are_renamed_and_copied() {
    let Some(mut pair) = RedisPair::start() else { return };
    let lines = "
        RENAME nope a
        RENAME nope nope
        RENAMENX nope nope
        SET a 1
        RENAME a a
        RENAMENX a a
        RENAME a b
        GET a
        GET b
        SET c 2 PXAT 99999999999999
        RENAMENX b c
        RENAME b c
        PEXPIRETIME c
        SET d 3 PXAT 99999999999999
        RENAME d c
        PEXPIRETIME c
        RENAMENX c e
        MGET a b c d e
        PEXPIRETIME e
        COPY e f
        COPY e f
        SET g 5
        COPY e g replace
        PEXPIRETIME g
        COPY g e REPLACE REPLACE
        COPY nope e REPLACE
        COPY e e
        COPY nope nope
        COPY e h DB
        COPY e h DB x
        COPY e h DB 99999999999
        COPY e h DB -1
        COPY e h DB 0
        COPY e i FOO
        COPY e
        RENAME e
        RENAMENX e f g
        MULTI
        RENAME e j
        RENAMENX j f
        COPY j k
        GET k
        RENAME nope j
        RENAMENX nope j
        GET j
        EXEC
        MGET e f g h i j k
    ";
    pair.compare_lines(lines);
}

#[test]
fn objects_and_lists_that_are_none_are_described() {
    let Some(mut pair) = RedisPair::start() else { return };
    let lines = "
        RANDOMKEY
        SET only x
        RANDOMKEY
        SET int 12345
        SET embstr 012
        SET raw aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        SET edge aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        OBJECT ENCODING int
        OBJECT ENCODING embstr
        OBJECT ENCODING raw
        OBJECT ENCODING edge
        OBJECT ENCODING nope
        OBJECT REFCOUNT raw
        OBJECT REFCOUNT nope
        OBJECT IDLETIME nope
        OBJECT FREQ raw
        OBJECT FREQ nope
        OBJECT FOO raw
        OBJECT ENCODING
        OBJECT
        SORT nope
        SORT int
        SORT nope BY x GET y GET # LIMIT 0 1 ALPHA desc ASC
        SORT nope LIMIT 0 x
        SORT nope LIMIT 0
        SORT nope FOO
        SORT nope STORE
        SORT int STORE embstr
        SORT nope STORE embstr
        EXISTS embstr
        SORT_RO nope
        SORT_RO int
        SORT_RO nope STORE x
        MEMORY USAGE nope
        MEMORY USAGE nope SAMPLES x
        MEMORY USAGE raw SAMPLES -1
        MEMORY USAGE raw SAMPLES
        MEMORY USAGE raw FOO 1
        MEMORY PURGE
        MEMORY FOO
        COMMAND GETKEYS OBJECT ENCODING k
        COMMAND GETKEYS MEMORY USAGE k
        COMMAND GETKEYS RENAME a b
        COMMAND GETKEYS BITOP AND d a b
    ";
    pair.compare_lines(lines);
}

/// Numbers at the edges of what is one, and words that are none.
const NUMBERS: [&str; 41] = [
    "10.5",
    "0.1",
    "5.0e3",
    "2.0e2",
    "3",
    "1.000000000000000005",
    "-0",
    "0",
    "inf",
    "-inf",
    "nan",
    "",
    "1e4931",
    "1.2e4932",
    "-1e4932",
    "1e-4950",
    "1e-4951",
    "1e-5000",
    "1e5000",
    "0x10",
    "0x1.8p3",
    "0x",
    "0x.8",
    "1.",
    ".",
    ".5",
    "1e",
    "1e+5",
    "+5",
    "+-5",
    " 5",
    "5 ",
    "15e-18",
    "123456789012345678901234567890",
    "18446744073709551617",
    "9007199254740993",
    "99999999999999999999.99",
    "3.0e-310",
    "infinity",
    "1e99999999999999999999",
    "00012.50",
];

#[test]
fn floats_are_added_with_the_same_digits() {
    let Some(mut pair) = RedisPair::start() else { return };
    let add = |pair: &mut RedisPair, first: &str, second: &str| {
        pair.compare(&[b"SET", b"k", first.as_bytes()]);
        pair.compare(&[b"INCRBYFLOAT", b"k", second.as_bytes()]);
    };
    for first in NUMBERS {
        NUMBERS.iter().step_by(6).for_each(|second| add(&mut pair, first, second));
    }
    let mut random = Random(7);
    let mut number = || {
        let (whole, part) = (random.below(1 << 40), random.below(1 << 40));
        let exponent = random.below(60);
        format!("{}{whole}.{part}e-{exponent}", if part % 2 == 0 { "-" } else { "" })
    };
    for _ in 0..200 {
        add(&mut pair, &number(), &number());
    }
    pair.compare_lines(
        "
        DEL k
        INCRBYFLOAT k 3.0e3
        SET k 1 PXAT 99999999999999
        INCRBYFLOAT k 0.5
        PEXPIRETIME k
        MULTI
        INCRBYFLOAT k x
        SET t text
        INCRBYFLOAT t 1
        INCRBYFLOAT k 1
        EXEC
        INCRBYFLOAT k
    ",
    );
}

#[test]
fn bits_are_combined() {
    let Some(mut pair) = RedisPair::start() else { return };
    pair.compare_lines(
        "
        SET a foobar
        SET b abcdef12
        SET zeros \\0\\0
        BITOP AND d a b
        GET d
        BITOP OR d a b nope
        GET d
        BITOP XOR d a b a
        GET d
        BITOP NOT d a
        GET d
        BITOP not d nope
        EXISTS d
        SET d x PXAT 99999999999999
        BITOP AND d a nope
        GET d
        PTTL d
        BITOP AND a a b
        GET a
        BITOP OR d zeros
        GET d
        BITOP NOT d a b
        BITOP FOO d a b
        BITOP AND d
        BITOP OR d nope nope
        EXISTS d
        MULTI
        SET a 1
        BITOP NOT d a
        GET d
        BITOP NOT d a b
        EXEC
    ",
    );
}

#[test]
fn fields_of_bits_are_read_and_changed() {
    let Some(mut pair) = RedisPair::start() else { return };
    pair.compare_lines(
        "
        BITFIELD nope
        BITFIELD nope GET u8 0
        EXISTS nope
        BITFIELD k SET u8 0 255 GET u4 0 GET i4 2 INCRBY u4 4 1
        GET k
        BITFIELD k OVERFLOW SAT INCRBY u8 0 200 OVERFLOW FAIL INCRBY u8 0 200 SET i5 #3 -1
        BITFIELD k OVERFLOW FAIL SET u8 100 256
        STRLEN k
        BITFIELD fresh OVERFLOW FAIL SET u8 0 256
        STRLEN fresh
        BITFIELD k OVERFLOW FOO
        BITFIELD k OVERFLOW
        BITFIELD k GET u64 0
        BITFIELD k GET i65 0
        BITFIELD k GET u0 0
        BITFIELD k GET U8 0
        BITFIELD k GET u8 -1
        BITFIELD k GET u8 #-1
        BITFIELD k GET u8 x
        BITFIELD k GET u8 4294967295
        BITFIELD k GET u8 4294967296
        BITFIELD k SET u8 0
        BITFIELD k SET u8 0 x
        BITFIELD k SET u8 x x
        BITFIELD k FOO
        BITFIELD_RO k GET u8 0 GET i64 3
        BITFIELD_RO k SET u8 0 1
        BITFIELD_RO k OVERFLOW WRAP
        BITFIELD_RO k INCRBY u8 0 1
        MULTI
        BITFIELD k INCRBY i8 0 1
        BITFIELD k GET i8 0
        BITFIELD_RO k GET u3 1
        EXEC
    ",
    );
    let mut random = Random(3);
    for _ in 0..500 {
        let bits = random.below(64) + 1;
        let is_signed = bits == 64 || random.below(2) == 0;
        let kind = format!("{}{bits}", if is_signed { 'i' } else { 'u' });
        let offset = format!("{}{}", *random.pick(&["", "#"]), random.below(20));
        let number = match random.below(3) {
            0 => *random.pick(&[i64::MIN, i64::MAX, -1, 0, 1]),
            1 => i64::try_from(random.below(1000)).unwrap() - 500,
            _ => random.next().cast_signed(),
        };
        let overflow = *random.pick(&["WRAP", "SAT", "FAIL"]);
        let operation = *random.pick(&["SET", "INCRBY"]);
        let field = format!("{kind} {offset}");
        let change = format!("{operation} {field} {number}");
        let line = format!("BITFIELD f OVERFLOW {overflow} {change} GET {field}");
        pair.compare_lines(&line);
    }
    pair.compare_lines("GET f");
}

#[test]
fn the_longest_common_subsequence_is_the_same() {
    let Some(mut pair) = RedisPair::start() else { return };
    pair.compare_lines(
        "
        SET a ohmytext
        SET b mynewtext
        LCS a b
        LCS a b LEN
        LCS a b IDX
        LCS a b IDX MINMATCHLEN 4
        LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN
        LCS a b IDX MINMATCHLEN -1 WITHMATCHLEN
        LCS a b LEN IDX
        LCS a b MINMATCHLEN
        LCS a b MINMATCHLEN x
        LCS a b FOO
        LCS a nope
        LCS nope nope IDX
        LCS nope nope LEN
        MULTI
        SET a text
        LCS a b
        LCS a b IDX WITHMATCHLEN
        EXEC
    ",
    );
    let mut random = Random(5);
    let mut text = || {
        let length = random.below(40);
        (0..length).map(|_| *random.pick(b"abc")).collect::<Vec<u8>>()
    };
    for _ in 0..80 {
        pair.compare(&[b"MSET", b"a", &text(), b"b", &text()]);
        pair.compare_lines(
            "
            LCS a b
            LCS a b LEN
            LCS a b IDX WITHMATCHLEN
        ",
        );
    }
}

#[test]
fn dumps_are_restored_in_both_directions() {
    let Some(mut pair) = RedisPair::start() else { return };
    let long = [&b"x".repeat(300)[..], b"and other letters"].concat();
    let values: [&[u8]; 14] = [
        b"",
        b"x",
        b"10",
        b"-129",
        b"32768",
        b"2147483648",
        b"-9223372036854775808",
        b"007",
        &[b'v'; 63],
        &[b'v'; 64],
        &[b'v'; 17_000],
        &long,
        b"\0\xff\r\n",
        b"1.5",
    ];
    for value in values {
        pair.compare(&[b"SET", b"k", value]);
        let dumps = pair.replies(&[b"DUMP", b"k"]);
        for dump in dumps {
            let start = dump.windows(2).position(|end| end == b"\r\n").unwrap() + 2;
            let payload = &dump[start..dump.len() - 2];
            pair.compare(&[b"RESTORE", b"to", b"0", payload, b"REPLACE"]);
            pair.compare(&[b"GET", b"to"]);
            pair.compare(&[b"PTTL", b"to"]);
        }
    }
    let payload = b"\x00\xc0\n\t\x00\xbem\x06\x89Z(\x00\n";
    let requests: [&[&[u8]]; 22] = [
        &[b"DUMP", b"nope"],
        &[b"RESTORE", b"to", b"0", payload],
        &[b"RESTORE", b"to", b"x", payload],
        &[b"RESTORE", b"new", b"x", payload],
        &[b"RESTORE", b"new", b"-1", payload],
        &[b"RESTORE", b"to", b"-1", payload],
        &[b"RESTORE", b"new", b"0", b"damaged payload"],
        &[b"RESTORE", b"to", b"0", b"damaged payload"],
        &[b"RESTORE", b"to", b"0", b"damaged payload", b"REPLACE"],
        &[b"RESTORE", b"new", b"0", payload, b"FOO"],
        &[b"RESTORE", b"new", b"0", payload, b"IDLETIME"],
        &[b"RESTORE", b"new", b"0", payload, b"IDLETIME", b"-1"],
        &[b"RESTORE", b"new", b"0", payload, b"IDLETIME", b"x"],
        &[b"RESTORE", b"new", b"0", payload, b"FREQ", b"256"],
        &[b"RESTORE", b"new", b"0", payload, b"FREQ", b"1", b"IDLETIME", b"1"],
        &[b"RESTORE", b"new", b"99999999999999", payload, b"ABSTTL", b"IDLETIME", b"1"],
        &[b"PEXPIRETIME", b"new"],
        &[b"RESTORE", b"new", b"1", payload, b"ABSTTL", b"REPLACE"],
        &[b"EXISTS", b"new"],
        &[b"RESTORE", b"new", b"1", payload, b"ABSTTL"],
        &[b"EXISTS", b"new"],
        &[b"RESTORE", b"new", b"0", payload, b"FREQ", b"255", b"replace"],
    ];
    requests.into_iter().for_each(|request| pair.compare(request));
    pair.compare(&[b"MULTI"]);
    pair.compare(&[b"RESTORE", b"new", b"0", payload]);
    pair.compare(&[b"RESTORE", b"newer", b"0", payload]);
    pair.compare(&[b"GET", b"newer"]);
    pair.compare(&[b"EXEC"]);
}

#[test]
fn channels_are_subscribed_to() {
    let Some(mut pair) = RedisPair::start() else { return };
    pair.compare_lines(
        "
        PUBLISH a nobody
        SPUBLISH a nobody
        PUBLISH a
        SUBSCRIBE
        PUBSUB
        PUBSUB nope
        PUBSUB CHANNELS a b
        pubsub channels a b
        PUBSUB CHANNELS a b
        PUBSUB CHANNELS
        PUBSUB NUMSUB
        PUBSUB NUMSUB a b
        PUBSUB NUMPAT
        PUBSUB NUMPAT x
        PUBSUB SHARDCHANNELS
        PUBSUB SHARDNUMSUB a
        UNSUBSCRIBE
        UNSUBSCRIBE a
        PUNSUBSCRIBE
        SUNSUBSCRIBE
        SUBSCRIBE a b a
        SUBSCRIBE a
        PSUBSCRIBE * x*
        PING
        PING x
        PING x y
        GET a
        get a b
        PUBLISH a x
        MULTI
        EXEC
        CLIENT INFO
        SUBSCRIBE
        UNSUBSCRIBE a b
        PING
        PUNSUBSCRIBE * x*
        PING
        SSUBSCRIBE s
        SUBSCRIBE a
        PUBSUB CHANNELS
        RESET
        PUBSUB CHANNELS
        ",
    );
    let words = ["subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe"];
    for word in words.into_iter().chain(["sunsubscribe", "publish", "spublish"]) {
        pair.compare_lines(&format!("COMMAND INFO {word}"));
        pair.compare_lines(&format!("COMMAND GETKEYS {word} a b"));
    }
}

#[test]
fn channels_are_subscribed_to_in_a_transaction() {
    let Some(mut pair) = RedisPair::start() else { return };
    pair.compare_lines(
        "
        MULTI
        SUBSCRIBE a
        UNSUBSCRIBE a
        PUBLISH a x
        SPUBLISH a x
        PUBSUB NUMSUB a
        EXEC
        MULTI
        PSUBSCRIBE x*
        SUBSCRIBE a
        SSUBSCRIBE s
        PING
        PING x
        PUBSUB CHANNELS
        PUBSUB NUMSUB a
        PUBSUB NUMPAT
        PUBSUB SHARDCHANNELS
        PUBSUB SHARDNUMSUB s
        UNSUBSCRIBE
        PUNSUBSCRIBE
        SUNSUBSCRIBE
        PING x
        EXEC
        PING
        ",
    );
}
