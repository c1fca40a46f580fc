//! Random requests to Redis and to a server of this kind: the same replies, byte for byte, and the
//! same keys in the end.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use common::form::by_form;
use common::random::{Random, setting};
use common::redis_pair::RedisPair;

/// Templates of requests; those between semicolons are sent one after the other.
///
/// A word in capitals of one letter stands for an argument that is drawn: a key `K`, a value `V`,
/// a number `N`, a fraction `F`, a position `I`, an offset `O`, a bit `B`, a type of bits `Y`, a
/// database `D`, a time in seconds `T` or milliseconds `M`, a dump `P`. A word behind `?` is there
/// half of the time, and of words between bars one is chosen.
///
/// Left out is what may differ: times that go by, keys in no order, figures of the server, and what
/// `docs/redis.md` says.
const REQUESTS: &str = "
    GET K
    GET K
    SET K V
    SET K V
    SET K V ?NX|XX ?GET
    SET K V ?XX ?GET ?KEEPTTL
    SET K V EXAT T ?GET ?NX|XX
    SET K V PXAT M ?GET
    SET K V EX N|0|-1 PX N
    SETNX K V
    GETSET K V
    GETDEL K
    GETEX K ?PERSIST
    GETEX K PXAT|EXAT M|T
    MGET K K K
    MSET K V K V
    MSETNX K V K V
    APPEND K V
    STRLEN K
    GETRANGE|SUBSTR K I I
    SETRANGE K O V
    INCR|DECR K
    INCR|DECR K
    INCRBY|DECRBY K N
    INCRBYFLOAT K F
    LCS K K ?LEN
    LCS K K IDX ?MINMATCHLEN ?2 ?WITHMATCHLEN
    SETBIT K O B
    GETBIT K O
    BITCOUNT K
    BITCOUNT K I I ?BYTE|BIT
    BITPOS K B ?I ?I
    BITPOS K B I I BYTE|BIT
    BITOP AND|OR|XOR|NOT K K ?K
    BITFIELD K GET Y O ?OVERFLOW ?WRAP|SAT|FAIL SET Y #1|O N INCRBY Y O N
    BITFIELD K OVERFLOW WRAP|SAT|FAIL INCRBY Y #0|O N
    BITFIELD_RO K GET Y O GET Y #2
    DEL|UNLINK K ?K
    EXISTS|TOUCH K K
    TYPE K
    RENAME K K
    RENAMENX K K
    COPY K K ?REPLACE
    COPY K K DB D ?REPLACE
    MOVE K D
    SELECT D
    SELECT D
    SWAPDB D D
    EXPIREAT K T ?NX|XX|GT|LT ?GT|LT
    PEXPIREAT K M ?NX|XX|GT|LT
    EXPIRE|PEXPIRE K -1|0
    EXPIRETIME|PEXPIRETIME K
    PEXPIRETIME K
    PERSIST K
    SORT|SORT_RO K
    RESTORE K 0 P ?REPLACE
    RESTORE K M P ABSTTL ?REPLACE
    ECHO|PING V
    FLUSHDB ?ASYNC|SYNC
    FLUSHALL ?ASYNC|SYNC
    WATCH K; MULTI
    WATCH K K; SET K V; MULTI
    WATCH K; SELECT D; SET K V; MULTI; GET K; EXEC
    MULTI
    EXEC
    EXEC
    EXEC
    DISCARD
    UNWATCH
    OBJECT REFCOUNT
    COMMAND GETKEYS SET K ?N
";

/// The databases that are chosen among, and compared.
const DATABASES: u64 = 3;

const KEYS: u64 = 6;

/// What `DUMP` of Redis 7 replies for the strings `hello` and 12345, and a damaged one.
const DUMPS: [&[u8]; 3] = [
    b"\x00\x05hello\x0a\x00cr\xdfve4 \x0a",
    b"\x00\xc1\x39\x30\x0a\x00\x9d\x94\xea\x27\x93\xfc\x08\xb9",
    b"\x00\x05hello\x0a\x00cr\xdfve4 \x0b",
];

/// Returns one of these words.
fn one_of(random: &mut Random, words: &[&str]) -> Vec<u8> {
    random.pick(words).as_bytes().to_vec()
}

fn value(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0..=2 => random.below(20).to_string().into_bytes(),
        3 => Vec::new(),
        4 => b"-0.5".to_vec(),
        5 => one_of(random, &["9223372036854775807", "-9223372036854775808", "1e3", " 1"]),
        _ => (0..random.below(40)).map(|_| u8::try_from(random.below(256)).unwrap()).collect(),
    }
}

fn number(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => one_of(random, &["9223372036854775807", "-9223372036854775808", "x", ""]),
        _ => (i64::try_from(random.below(200)).unwrap() - 100).to_string().into_bytes(),
    }
}

/// Returns the argument that a word of a template stands for.
fn argument(place: &str, random: &mut Random) -> Vec<u8> {
    let far = |random: &mut Random| 9_000_000_000 + random.below(5);
    match place {
        "K" => format!("k{}", random.below(KEYS)).into_bytes(),
        "V" => value(random),
        "N" => number(random),
        "F" => one_of(random, &["0.1", "-3", "1e2", "1e400", "nan", "2.5000", "17", "x", "-0.30"]),
        "I" => (i64::try_from(random.below(40)).unwrap() - 20).to_string().into_bytes(),
        "O" => random.below(100).to_string().into_bytes(),
        "B" => one_of(random, &["0", "1", "0", "1", "2"]),
        "Y" => one_of(random, &["u8", "i5", "u63", "i64", "u1", "i64", "u64", "i65", "x"]),
        "D" if random.below(30) == 0 => one_of(random, &["16", "-1", "x", "4294967296"]),
        "D" => random.below(DATABASES).to_string().into_bytes(),
        "T" if random.below(10) == 0 => one_of(random, &["1", "0", "-5", "x"]),
        "T" => far(random).to_string().into_bytes(),
        "M" if random.below(10) == 0 => one_of(random, &["0", "-5", "x"]),
        "M" => (far(random) * 1000 + random.below(1000)).to_string().into_bytes(),
        "P" => random.pick(&DUMPS).to_vec(),
        literal => literal.as_bytes().to_vec(),
    }
}

/// Makes a request of a template; if `spoils`, some lack their last word or have one too many.
fn request(template: &str, spoils: bool, random: &mut Random) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    for word in template.split_whitespace() {
        let word = match word.strip_prefix('?') {
            Some(_) if random.below(2) == 0 => continue,
            Some(word) => word,
            None => word,
        };
        let choices: Vec<_> = word.split('|').collect();
        let choice = *random.pick(&choices);
        words.push(argument(choice, random));
    }
    // Some are wrong.
    match random.below(60) {
        _ if !spoils => {}
        0 => drop(words.pop()),
        1 => words.push(random.below(30).to_string().into_bytes()),
        _ => {}
    }
    if words.is_empty() { vec![b"PING".to_vec()] } else { words }
}

fn compare(pair: &mut RedisPair, words: &[Vec<u8>]) {
    pair.compare(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

/// Compares every key of every database.
fn compare_states(pair: &mut RedisPair) {
    for database in 0..DATABASES {
        compare(pair, &[b"SELECT".to_vec(), database.to_string().into_bytes()]);
        for key in (0..KEYS).map(|number| format!("k{number}").into_bytes()) {
            compare(pair, &[b"GET".to_vec(), key.clone()]);
            compare(pair, &[b"PEXPIRETIME".to_vec(), key]);
        }
    }
}

#[test]
fn random_requests_have_the_replies_of_redis_and_leave_the_same_keys() {
    let Some(mut pair) = RedisPair::start() else { return };
    let templates: Vec<_> =
        REQUESTS.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let seed = setting("KVS_SEED", 1);
    println!("KVS_SEED={seed}");
    let mut random = Random(seed);
    let count = by_form([5_000, 100_000, 2_000_000]);
    for number in 1..=count {
        let line = *random.pick(&templates);
        for template in line.split(';') {
            // What watches is never spoilt, so that the EXEC behind it is reached.
            let words = request(template, !line.contains(';'), &mut random);
            compare(&mut pair, &words);
        }
        if number % 1000 == 0 {
            // Ends an open transaction.
            compare(&mut pair, &[b"RESET".to_vec()]);
            compare_states(&mut pair);
        }
    }
    let (values, requests) = (pair.values, pair.requests());
    println!("{requests} requests, {values} of them answered with a value");
    assert!(values * 4 > requests, "{values} of {requests} requests did something");
}
