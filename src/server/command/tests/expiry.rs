//! When keys expire. Nothing here waits: times lie far ahead or in the past.

use super::*;

const UNSUPPORTED: &str = "-ERR Unsupported option foo";

#[test]
fn a_key_has_the_time_to_live_it_was_given() {
    let server = Server::new();
    let grants = [
        ("SET k v EX 1000", 1000),
        ("SET k v px 1000000", 1000),
        ("SETEX k 2000 v", 2000),
        ("PSETEX k 2000000 v", 2000),
        ("EXPIRE k 3000", 3000),
        ("PEXPIRE k 3000000", 3000),
        ("GETEX k EX 4000", 4000),
        ("GETEX k PX 4000000", 4000),
    ];
    for (grant, seconds) in grants {
        server.run(grant);
        // Whoever runs this may be slow, but hardly by a minute.
        let left = server.integer("TTL k");
        assert!((seconds - 60..=seconds).contains(&left), "{grant}: {left}");
        let left = server.integer("PTTL k");
        let most = seconds * 1000;
        assert!((most - 60_000..=most).contains(&left), "{grant}: {left}");
    }
    server.check(&[
        ("SET k v EXAT 4000000000", "+OK"),
        ("PEXPIRETIME k", ":4000000000000"),
        ("SET k v PXAT 4000000000499", "+OK"),
        ("EXPIRETIME k", ":4000000000"),
        ("PEXPIREAT k 4000000000500", ":1"),
        ("EXPIRETIME k", ":4000000001"),
        ("PEXPIREAT k 9223372036854775807", ":1"),
        ("EXPIRETIME k", ":9223372036854776"),
        ("EXPIREAT k 5000000000", ":1"),
        ("EXPIRETIME k", ":5000000000"),
        ("GETEX k PXAT 6000000000000", "$1 v"),
        ("EXPIRETIME k", ":6000000000"),
        ("GETEX k", "$1 v"),
        ("EXPIRETIME k", ":6000000000"),
        ("GETEX k PERSIST", "$1 v"),
        ("EXPIRETIME k", ":-1"),
        ("GETEX nope PERSIST", "$-1"),
    ]);
}

#[test]
fn only_setting_a_key_anew_ends_its_expiry() {
    let server = Server::new();
    server.run("SET k 1 EXAT 4000000000");
    let keeping = [
        "SET k 1 KEEPTTL",
        "SET k 1 XX KEEPTTL",
        "SET k 1 GET KEEPTTL",
        "INCR k",
        "DECRBY k 2",
        "APPEND k 1",
        "SETRANGE k 0 1",
        "SET k 2 NX",
        "GETEX k",
    ];
    for request in keeping {
        server.run(request);
        assert_eq!(server.integer("EXPIRETIME k"), 4_000_000_000, "{request}");
    }
    for request in ["SET k 1", "SET k 1 GET", "SET k 1 XX", "GETSET k 1", "MSET k 1", "PERSIST k"] {
        server.run("EXPIREAT k 4000000000");
        server.run(request);
        assert_eq!(server.integer("TTL k"), -1, "{request}");
    }
    server.check(&[("SET new 1 KEEPTTL", "+OK"), ("TTL new", ":-1")]);
}

#[test]
fn persist_says_whether_there_was_an_expiry() {
    Server::new().check(&[
        ("PERSIST k", ":0"),
        ("SET k v", "+OK"),
        ("PERSIST k", ":0"),
        ("EXPIRE k 1000", ":1"),
        ("PERSIST k", ":1"),
        ("TTL k", ":-1"),
        ("GET k", "$1 v"),
    ]);
}

#[test]
fn a_time_that_has_passed_removes_the_key() {
    let server = Server::new();
    for time in ["EXPIRE k 0", "EXPIRE k -1", "PEXPIRE k -1", "EXPIREAT k 1", "PEXPIREAT k -5"] {
        server.check(&[("SET k v", "+OK"), (time, ":1"), ("GET k", "$-1"), ("DBSIZE", ":0")]);
        server.check(&[(time, ":0")]);
    }
}

#[test]
fn an_expired_key_is_absent_to_every_command() {
    let server = Server::new();
    let absent = [
        ("GET k", "$-1"),
        ("MGET k", "*1 $-1"),
        ("STRLEN k", ":0"),
        ("GETRANGE k 0 -1", "$0 "),
        ("EXISTS k", ":0"),
        ("TOUCH k", ":0"),
        ("TYPE k", "+none"),
        ("TTL k", ":-2"),
        ("PTTL k", ":-2"),
        ("EXPIRETIME k", ":-2"),
        ("PEXPIRETIME k", ":-2"),
        ("KEYS *", "*0"),
        ("SCAN 0", "*2 $1 0 *0"),
        ("DEL k", ":0"),
        ("EXPIRE k 1000", ":0"),
        ("PERSIST k", ":0"),
        ("GETDEL k", "$-1"),
        ("GETEX k PERSIST", "$-1"),
        ("SET k v XX", "$-1"),
        ("SET k v XX KEEPTTL", "$-1"),
        ("SETNX k 1", ":1"),
        ("INCR k", ":1"),
        ("APPEND k x", ":1"),
        ("SET k v GET", "$-1"),
    ];
    for (request, reply) in absent {
        server.check(&[("SET k 5 PXAT 1", "+OK"), (request, reply)]);
    }
    server.check(&[("SET k 5 PXAT 1", "+OK"), ("SET k 6 KEEPTTL", "+OK"), ("TTL k", ":-1")]);
}

#[test]
fn expiry_changes_only_under_the_conditions() {
    let server = Server::new();
    // The expiry before (0 for none), the option, and whether a change to 5000000000 happens.
    let cases = [
        (0, "NX", true),
        (4_000_000_000_i64, "NX", false),
        (0, "XX", false),
        (4_000_000_000, "XX", true),
        (0, "GT", false),
        (4_000_000_000, "gt", true),
        (5_000_000_000, "GT", false),
        (6_000_000_000, "GT", false),
        (0, "LT", true),
        (4_000_000_000, "LT", false),
        (5_000_000_000, "LT", false),
        (6_000_000_000, "lt", true),
        (0, "XX LT", false),
        (6_000_000_000, "XX LT", true),
        (4_000_000_000, "XX GT", true),
    ];
    for (before, options, changes) in cases {
        server.run("SET k v");
        if before > 0 {
            server.run(&format!("EXPIREAT k {before}"));
        }
        let reply = server.integer(&format!("EXPIREAT k 5000000000 {options}"));
        assert_eq!(reply, i64::from(changes), "{before} {options}");
        let expected = match (changes, before) {
            (true, _) => 5_000_000_000,
            (false, 0) => -1,
            (false, before) => before,
        };
        assert_eq!(server.integer("EXPIRETIME k"), expected, "{before} {options}");
    }
    server.check(&[
        ("EXPIRE k 1 foo", UNSUPPORTED),
        ("EXPIRE k x foo", UNSUPPORTED),
        (
            "EXPIRE k 1 NX GT",
            "-ERR NX and XX, GT or LT options at the same time are not compatible",
        ),
        ("EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible"),
        ("EXPIRE k x", "-ERR value is not an integer or out of range"),
        ("EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command"),
        ("PEXPIRE nope 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
        ("EXPIREAT k -9223372036854775808", "-ERR invalid expire time in 'expireat' command"),
        ("EXPIRETIME k", ":5000000000"),
    ]);
}
