//! Keys at random and what is known of values, with the replies of Redis.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_random_key_is_any_of_them() {
    any_of_them(&Server::new(), 201);
}

/// Most are come upon, as those behind gaps are more likely.
#[cfg(feature = "sled")]
#[test]
fn a_random_key_of_sled_is_most_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let context = testing::sled_context(directory.path());
    let session = testing::session(&context);
    let context = Arc::into_inner(context).unwrap();
    any_of_them(&Server { context, session }, 150);
}

fn any_of_them(server: &Server, least: usize) {
    server.check(&[("RANDOMKEY", "$-1"), ("SET only 1", "+OK"), ("RANDOMKEY", "$4 only")]);
    let keys: Vec<_> = (0..200).map(|number| format!("key:{number}")).collect();
    keys.iter().for_each(|key| drop(server.run(&format!("SET {key} v"))));
    // That any of them is missed in so many draws has a chance of 10^-6.
    let found: BTreeSet<_> = (0..4000).map(|_| server.text("RANDOMKEY")).collect();
    assert!((least..=201).contains(&found.len()), "{}", found.len());
    server.check(&[("FLUSHALL", "+OK"), ("RANDOMKEY", "$-1")]);
}

#[test]
fn a_random_key_has_not_expired() {
    let server = Server::new();
    for number in 0..300 {
        server.run(&format!("SET key:{number} v PXAT 1"));
    }
    server.check(&[("RANDOMKEY", "$-1"), ("SET left v", "+OK")]);
    for _ in 0..10 {
        assert_eq!(server.text("RANDOMKEY"), "left");
    }
}

#[test]
fn encodings_follow_from_values() {
    let server = Server::new();
    let freq = "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
                note that when switching between policies at runtime LRU and LFU data will take \
                some time to adjust.";
    for (length, encoding) in [(44, "embstr"), (45, "raw")] {
        server.run(&format!("SET k {}", "v".repeat(length)));
        assert_eq!(server.text("OBJECT ENCODING k"), encoding);
    }
    server.check(&[
        ("SET k -12", "+OK"),
        ("OBJECT ENCODING k", "$3 int"),
        ("OBJECT REFCOUNT k", ":1"),
        ("OBJECT IDLETIME k", ":0"),
        ("OBJECT FREQ k", freq),
        ("OBJECT ENCODING nope", "$-1"),
        ("OBJECT REFCOUNT nope", "$-1"),
        ("OBJECT IDLETIME nope", "$-1"),
        ("OBJECT FREQ nope", "$-1"),
        ("COMMAND GETKEYS OBJECT ENCODING k", "*1 $1 k"),
    ]);
}

#[test]
fn the_memory_of_keys_and_of_the_store_is_told() {
    let server = Server::new();
    server.run("SET k 12345");
    server.check(&[
        ("MEMORY USAGE k", ":61"),
        ("MEMORY USAGE k SAMPLES 0", ":61"),
        ("MEMORY USAGE nope", "$-1"),
        ("MEMORY USAGE nope SAMPLES x", "-ERR value is not an integer or out of range"),
        ("MEMORY USAGE k SAMPLES -1", "-ERR syntax error"),
        ("MEMORY USAGE k SAMPLES", "-ERR syntax error"),
        ("MEMORY USAGE k FOO 1", "-ERR syntax error"),
        ("MEMORY PURGE", "+OK"),
        ("MEMORY MALLOC-STATS", "$45 Stats not supported for the current allocator"),
    ]);
    let stats = server.wire("MEMORY STATS");
    for name in ["peak.allocated", "total.allocated", "keys.count :1 ", "overhead.index"] {
        assert!(stats.contains(name), "{stats}");
    }
    assert!(server.text("MEMORY DOCTOR").contains("MEMORY STATS"));
}

#[test]
fn there_is_nothing_to_sort_but_empty_lists() {
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    Server::new().check(&[
        ("SET k 1", "+OK"),
        ("SORT nope", "*0"),
        ("SORT nope BY x GET y GET # LIMIT 0 1 ALPHA desc ASC", "*0"),
        ("SORT k", wrong_type),
        ("SORT k STORE k", wrong_type),
        ("SORT nope LIMIT 0 x", "-ERR value is not an integer or out of range"),
        ("SORT nope LIMIT 0", "-ERR syntax error"),
        ("SORT nope STORE k", ":0"),
        ("EXISTS k", ":0"),
        ("SORT_RO nope", "*0"),
        ("SORT_RO nope STORE k", "-ERR syntax error"),
        ("SET k 1", "+OK"),
        ("SORT_RO k", wrong_type),
    ]);
}
