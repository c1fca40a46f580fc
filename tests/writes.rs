//! Writes of the embedded store: every one of them does what a map would do, in every engine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/any_write.rs"]
mod any_write;
#[path = "common/engines.rs"]
mod engines;
#[path = "common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;

use std::ops::Bound;
use std::thread;

use any_write::{FUTURE, Model, PAST, any_write, integer};
use engines::{for_each_engine, options};
use kvs::{EngineKind, Error, Options, Precondition, Store, WriteBatch};
use random::Random;

fn check(store: &Store, model: &Model) {
    let entries: Vec<_> = store.scan(..).map(Result::unwrap).collect();
    let expected: Vec<_> =
        model.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect();
    assert_eq!(entries, expected);
    for (key, (_, expires)) in model {
        let metadata = store.metadata(key).unwrap().unwrap();
        assert_eq!(metadata.expires_at.is_some(), *expires, "{}", key.escape_ascii());
    }
}

#[test]
fn random_writes_do_what_they_do_to_a_map_reopenings_included() {
    for &engine in EngineKind::available() {
        for seed in 1..=4 {
            let directory = tempfile::tempdir().unwrap();
            let open = || {
                let options = options(directory.path(), engine).segment_bytes_max(4096);
                Store::open(options.compaction_bytes_min(2048)).unwrap()
            };
            let (mut random, mut store, mut model) = (Random(seed), open(), Model::new());
            for number in 0..1500 {
                any_write(&mut random, &store, &mut model);
                if number % 50 == 0 {
                    check(&store, &model);
                }
                if number % 300 == 0 && engine != EngineKind::Memory {
                    drop(store);
                    store = open();
                }
            }
            check(&store, &model);
        }
    }
}

#[test]
fn a_batch_is_written_only_if_all_of_its_conditions_hold_where_they_stand() {
    for_each_engine(|engine, store| {
        store.set("a", "1").unwrap();
        let version = store.metadata("a").unwrap().unwrap().version;
        let audit = store.keyspace("audit").unwrap();
        for (condition, holds) in [
            (Precondition::Absent, false),
            (Precondition::value("2"), false),
            (Precondition::Version(version + 1), false),
            (Precondition::Version(version), true),
        ] {
            let mut batch = WriteBatch::new();
            batch.on(&audit).set("k", "v");
            // It holds behind the write before it.
            batch.on(&audit).require("k", Precondition::value("v"));
            batch.require("a", condition);
            batch.set("b", "2");
            match store.write(batch) {
                Ok(()) => assert!(holds, "{engine}"),
                Err(Error::ConditionFailed { key }) => assert!(!holds && key == "a", "{engine}"),
                Err(error) => panic!("{engine}: {error}"),
            }
            assert_eq!(store.contains("b").unwrap(), holds, "{engine}");
            assert_eq!(audit.contains("k").unwrap(), holds, "{engine}");
        }
    });
}

#[test]
fn the_writes_of_a_batch_see_those_before_them() {
    for_each_engine(|engine, store| {
        let users = store.keyspace("users").unwrap();
        let mut batch = WriteBatch::new();
        batch.set("n", "40");
        batch.increment("n", 2);
        batch.append("n", "0");
        batch.set_expiring("n", "1", FUTURE);
        batch.increment("n", 6);
        batch.on(&users).set("old:1", "");
        batch.on(&users).set("old:2", "");
        batch.on(&users).set("new:1", "");
        batch.on(&users).remove_prefix("old:");
        batch.on(&users).set("old:2", "again");
        batch.on(&users).set_expiring("kept", "", FUTURE);
        batch.on(&users).persist("kept");
        batch.on(&users).set("gone", "");
        batch.on(&users).expire("gone", PAST);
        assert_eq!(batch.len(), 14);
        store.write(batch).unwrap();
        assert_eq!(store.get("n").unwrap().unwrap(), b"7", "{engine}");
        assert!(store.metadata("n").unwrap().unwrap().expires_at.is_some(), "{engine}");
        let keys: Vec<_> = users.scan(..).keys().map(Result::unwrap).collect();
        assert_eq!(keys, [&b"kept"[..], b"new:1", b"old:2"], "{engine}");
        assert_eq!(users.metadata("kept").unwrap().unwrap().expires_at, None, "{engine}");
    });
}

#[test]
fn a_batch_with_a_sum_that_cannot_be_is_not_written() {
    for_each_engine(|engine, store| {
        store.set("text", "one").unwrap();
        store.set("most", i64::MAX.to_string()).unwrap();
        for key in ["text", "most"] {
            let mut batch = WriteBatch::new();
            batch.set("a", "1");
            batch.increment(key, 1);
            let error = store.write(batch).unwrap_err();
            let told = match &error {
                Error::NotAnInteger { key } => key == "text",
                Error::IntegerOverflow { key, amount } => key == "most" && *amount == 1,
                _ => false,
            };
            assert!(told && error.to_string().contains(key), "{engine}: {error}");
            assert!(!store.contains("a").unwrap(), "{engine}");
        }
    });
}

#[test]
fn counters_of_many_threads_lose_nothing() {
    const THREADS: i64 = 4;
    const TIMES: i64 = 200;
    for_each_engine(|engine, store| {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..TIMES {
                        store.increment("added", 1).unwrap();
                        loop {
                            let seen = store.entry("swapped").unwrap();
                            let (condition, old) = match seen {
                                None => (Precondition::Absent, 0),
                                Some(entry) => (
                                    Precondition::Version(entry.version),
                                    integer(&entry.value).unwrap(),
                                ),
                            };
                            let next = (old + 1).to_string();
                            if store.set_if("swapped", next, condition).unwrap() {
                                break;
                            }
                        }
                    }
                });
            }
        });
        for key in ["added", "swapped"] {
            let total = integer(&store.get(key).unwrap().unwrap());
            assert_eq!(total, Some(THREADS * TIMES), "{engine}: {key}");
        }
    });
}

#[test]
fn keys_values_and_ends_of_ranges_are_refused_beyond_their_limits() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path()).key_bytes_max(4).value_bytes_max(8);
    let store = Store::open(options).unwrap();
    let is_key = |refused: Option<Error>| matches!(refused, Some(Error::KeyTooLarge { .. }));
    let is_value = |refused: Option<Error>| matches!(refused, Some(Error::ValueTooLarge { .. }));
    assert_eq!(store.append("abcd", "12345678").unwrap(), 8);
    assert!(is_value(store.append("abcd", "9").err()));
    assert!(is_value(store.swap("abcd", "123456789").err()));
    assert!(is_value(store.set_expiring("abcd", "123456789", FUTURE).err()));
    assert!(is_value(store.set_if("abcd", "123456789", Precondition::Present).err()));
    assert!(is_key(store.increment("abcde", 1).err()));
    assert!(is_key(store.take("abcde").err()));
    assert!(is_key(store.expire("abcde", PAST).err()));
    assert!(is_key(store.remove_if("abcde", Precondition::Absent).err()));
    assert!(is_key(store.remove_range("abcde"..).err()));
    assert_eq!(store.get("abcd").unwrap().unwrap(), b"12345678");
    store.set("abcc", "").unwrap();
    // The key behind the longest one is longer.
    store.remove_range((Bound::Excluded("abcc"), Bound::Included("abcd"))).unwrap();
    assert_eq!(store.scan(..).keys().map(Result::unwrap).collect::<Vec<_>>(), [b"abcc"]);
}
