//! Iterating: a key that is there all the time is met, whatever else happens.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Returns a page: the next cursor and the keys.
fn page(server: &Server, request: &str) -> (String, Vec<String>) {
    let Value::Array(parts) = server.run(request) else {
        panic!("{request} must be answered with an array");
    };
    let [Value::Bulk(cursor), Value::Array(keys)] = &parts[..] else {
        panic!("{parts:?} must be a cursor and keys");
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let keys = keys.iter().map(|key| match key {
        Value::Bulk(key) => text(key),
        other => panic!("{other:?} is no key"),
    });
    (text(cursor), keys.collect())
}

/// Returns every page of an iteration.
fn pages(server: &Server, options: &str) -> Vec<Vec<String>> {
    let mut cursor = "0".to_owned();
    let mut pages = Vec::new();
    loop {
        let (next, keys) = page(server, &format!("SCAN {cursor} {options}"));
        pages.push(keys);
        cursor = next;
        if cursor == "0" {
            return pages;
        }
    }
}

fn fill(server: &Server, keys: usize) -> Vec<String> {
    let names: Vec<_> = (0..keys).map(|number| format!("key:{number:04}")).collect();
    for name in &names {
        server.run(&format!("SET {name} v"));
    }
    names
}

#[test]
fn all_keys_are_met_once_where_nothing_changes() {
    let server = Server::new();
    assert_eq!(pages(&server, ""), [Vec::<String>::new()]);
    let names = fill(&server, 1000);
    for options in
        ["", "COUNT 1", "COUNT 7", "COUNT 512", "COUNT 1000", "COUNT 9223372036854775807"]
    {
        assert_eq!(pages(&server, options).concat(), names, "{options}");
    }
    let sizes: Vec<_> = pages(&server, "COUNT 600").iter().map(Vec::len).collect();
    assert_eq!(sizes, [600, 400]);
    assert_eq!(pages(&server, "").len(), 101, "ten keys a page, and an empty last one");
}

#[test]
fn patterns_and_types_filter_what_is_visited() {
    let server = Server::new();
    let names = fill(&server, 100);
    assert_eq!(pages(&server, "MATCH key:009?").concat(), names[90..]);
    assert_eq!(pages(&server, "match key:009? count 10").len(), 11);
    assert_eq!(pages(&server, "TYPE string").concat(), names);
    assert_eq!(pages(&server, "TYPE hash").concat(), Vec::<String>::new());
    assert_eq!(pages(&server, "MATCH * TYPE STRING COUNT 100").concat(), names);
}

#[test]
fn a_cursor_nobody_knows_begins_anew() {
    let server = Server::new();
    let names = fill(&server, 20);
    for cursor in ["1", "12345", "18446744073709551615", "007"] {
        let (_, keys) = page(&server, &format!("SCAN {cursor} COUNT 20"));
        assert_eq!(keys, names, "{cursor}");
    }
}

#[test]
fn iterations_do_not_disturb_each_other_and_may_repeat_a_step() {
    let server = Server::new();
    let names = fill(&server, 100);
    let (mut first, mut second) = (page(&server, "SCAN 0"), page(&server, "SCAN 0 COUNT 3"));
    let (mut met_first, mut met_second) = (first.1.clone(), second.1.clone());
    while first.0 != "0" {
        let again = page(&server, &format!("SCAN {}", first.0));
        first = page(&server, &format!("SCAN {}", first.0));
        assert_eq!(first.1, again.1, "a step gives the same keys again");
        met_first.extend(first.1.clone());
        if second.0 != "0" {
            second = page(&server, &format!("SCAN {} COUNT 3", second.0));
            met_second.extend(second.1.clone());
        }
    }
    assert_eq!(met_first, names);
    assert_eq!(met_second, names[..met_second.len()]);
    assert!(met_second.len() > 30);
}

#[test]
fn every_iteration_ends_however_many_there_are() {
    let server = Server::new();
    let names: BTreeSet<_> = fill(&server, 25_000).into_iter().collect();
    let (first, _) = page(&server, "SCAN 0 COUNT 1");
    // More than the table of cursors holds are begun and not finished.
    (0..33_000).for_each(|_| drop(page(&server, "SCAN 0 COUNT 1 MATCH none")));
    let mut iterations = vec![("0".to_owned(), BTreeSet::new()); 20];
    for step in 0.. {
        assert!(step < 10, "an iteration makes no progress");
        for (cursor, met) in &mut iterations {
            if step == 0 || cursor != "0" {
                let (next, keys) = page(&server, &format!("SCAN {cursor} COUNT 3"));
                met.extend(keys);
                *cursor = next;
                page(&server, "SCAN 0 COUNT 2 MATCH none");
            }
        }
        if iterations.iter().all(|(cursor, _)| cursor == "0") {
            break;
        }
    }
    assert!(iterations.iter().all(|(_, met)| *met == names), "a key was not met");
    let (_, keys) = page(&server, &format!("SCAN {first} COUNT 1"));
    assert!(keys[0] == "key:0001", "an iteration of before goes on where it was");
}

#[test]
fn arguments_are_checked_before_anything_is_read() {
    let server = Server::new();
    let syntax = "-ERR syntax error";
    server.check(&[
        ("SCAN x", "-ERR invalid cursor"),
        ("SCAN -", "-ERR invalid cursor"),
        ("SCAN ' 0'", "-ERR invalid cursor"),
        ("SCAN --1", "-ERR invalid cursor"),
        ("SCAN ''", "-ERR invalid cursor"),
        ("SCAN 18446744073709551616", "-ERR invalid cursor"),
        ("SCAN 0 COUNT 0", syntax),
        ("SCAN 0 COUNT -1", syntax),
        ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range"),
        ("SCAN 0 foo", syntax),
        ("SCAN 0 foo bar", syntax),
        ("SCAN 0 MATCH", syntax),
    ]);
    assert!(!server.request(&server.session, b"SCAN x\n").cold);
    assert!(server.request(&server.session, b"SCAN 0\n").cold);
}

#[test]
fn long_keys_end_a_page_early() {
    let server = Server::new();
    for number in 0..200_u8 {
        server.run_bytes(&[b"SET", &[&[b'k'; 10_000][..], &[number]].concat(), b"v"]);
    }
    let Value::Array(parts) = server.run("SCAN 0 COUNT 10") else {
        panic!("an array");
    };
    assert!(matches!(&parts[1], Value::Array(keys) if keys.len() == 10));
    for number in 0..2000 {
        let name = [&[b'k'; 1000][..], format!("{number:04}").as_bytes()].concat();
        server.run_bytes(&[b"SET", &name, b"v"]);
    }
    let Value::Array(parts) = server.run("SCAN 0 COUNT 10000") else {
        panic!("an array");
    };
    assert!(matches!(&parts[1], Value::Array(keys) if keys.len() < 2200));
    assert_ne!(parts[0], Value::Bulk(b"0".to_vec()));
}

#[derive(Debug, Clone)]
enum Meanwhile {
    Insert(u16),
    Remove(u16),
    Flush,
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        10 => (0..300_u16).prop_map(Meanwhile::Insert),
        10 => (0..300_u16).prop_map(Meanwhile::Remove),
        1 => Just(Meanwhile::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn a_key_that_is_there_all_the_time_is_met(
        present in proptest::collection::btree_set(0..300_u16, 0..100),
        changes in proptest::collection::vec(proptest::collection::vec(meanwhile(), 0..8), 0..30),
        count in 1..20_usize,
    ) {
        let server = Server::new();
        let set = |number: u16| server.run(&format!("SET {number} v"));
        let mut stable: BTreeSet<u16> = present;
        stable.iter().for_each(|number| { set(*number); });
        let mut met = BTreeSet::new();
        let mut cursor = "0".to_owned();
        let mut changes = changes.into_iter();
        loop {
            let (next, keys) = page(&server, &format!("SCAN {cursor} COUNT {count}"));
            met.extend(keys.iter().map(|key| key.parse::<u16>().unwrap()));
            cursor = next;
            if cursor == "0" {
                break;
            }
            for change in changes.next().unwrap_or_default() {
                match change {
                    Meanwhile::Insert(number) => { set(number); }
                    Meanwhile::Remove(number) => {
                        server.run(&format!("DEL {number}"));
                        stable.remove(&number);
                    }
                    Meanwhile::Flush => {
                        server.run("FLUSHALL");
                        stable.clear();
                    }
                }
            }
        }
        prop_assert!(met.is_superset(&stable), "missed {:?}", stable.difference(&met));
    }
}

#[test]
fn a_pattern_over_the_limit_is_refused() {
    let server = Server::new();
    let line = |length| format!("KEYS {}", "a".repeat(length));
    assert_eq!(server.run(&line(1024)), Value::Array(vec![]));
    let refused = "ERR pattern is longer than the limit of 1024 bytes";
    assert_eq!(server.run(&line(1025)), Value::Error(refused.into()));
    let scan = format!("SCAN 0 MATCH {}", "a".repeat(1025));
    assert_eq!(server.run(&scan), Value::Error(refused.into()));
}
