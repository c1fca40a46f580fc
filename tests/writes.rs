//! Writes of the embedded store: every one of them does what a map would do, in every engine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/engines.rs"]
mod engines;
#[path = "common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use engines::{for_each_engine, options};
use kvs::{EngineKind, Error, Expiry, Options, Precondition, Store, WriteBatch};
use random::Random;

/// Values, each with true if it has an expiry.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, bool)>;

const FUTURE: Expiry = Expiry::After(Duration::from_secs(1 << 30));
const PAST: Expiry = Expiry::At(UNIX_EPOCH);

fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.below(limit as u64)).unwrap()
}

fn key(random: &mut Random) -> Vec<u8> {
    format!("{:02}", below(random, 12)).into_bytes()
}

fn value(random: &mut Random) -> Vec<u8> {
    match below(random, 3) {
        0 => below(random, 100).to_string().into_bytes(),
        1 => b"text".to_vec(),
        _ => vec![b'.'; 300],
    }
}

fn bound(random: &mut Random) -> Bound<Vec<u8>> {
    match below(random, 4) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(key(random)),
        _ => Bound::Included(key(random)),
    }
}

/// Draws a condition on a key; returns it with whether it holds.
fn condition(
    random: &mut Random,
    store: &Store,
    model: &Model,
    key: &[u8],
) -> (Precondition, bool) {
    let stored = model.get(key);
    let version = store.metadata(key).unwrap().map(|it| it.version);
    match below(random, 5) {
        0 => (Precondition::Absent, stored.is_none()),
        1 => (Precondition::Present, stored.is_some()),
        2 => {
            let value = value(random);
            let holds = stored.is_some_and(|(stored, _)| *stored == value);
            (Precondition::Value(value), holds)
        }
        3 => (Precondition::Version(version.unwrap_or(0)), stored.is_some()),
        _ => (Precondition::Version(version.unwrap_or(0) + 1), false),
    }
}

fn integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Does one random write on both sides and compares what they answer.
fn step(random: &mut Random, store: &Store, model: &mut Model) {
    let (key, value) = (key(random), value(random));
    match below(random, 13) {
        0 => {
            store.set(&key[..], &value[..]).unwrap();
            model.insert(key, (value, false));
        }
        1 => {
            store.set_expiring(&key[..], &value[..], FUTURE).unwrap();
            model.insert(key, (value, true));
        }
        2 => {
            store.set_expiring(&key[..], &value[..], PAST).unwrap();
            model.remove(&key);
        }
        3 => {
            let (condition, holds) = condition(random, store, model, &key);
            assert_eq!(store.set_if(&key[..], &value[..], condition).unwrap(), holds);
            if holds {
                model.insert(key, (value, false));
            }
        }
        4 => assert_eq!(store.remove(&key[..]).unwrap(), model.remove(&key).is_some()),
        5 => {
            let (condition, holds) = condition(random, store, model, &key);
            assert_eq!(store.remove_if(&key[..], condition).unwrap(), holds);
            if holds {
                model.remove(&key);
            }
        }
        6 => {
            let old = store.swap(&key[..], &value[..]).unwrap();
            assert_eq!(old, model.insert(key, (value, false)).map(|(old, _)| old));
        }
        7 => {
            let taken = store.take(&key[..]).unwrap();
            assert_eq!(taken, model.remove(&key).map(|(value, _)| value));
        }
        _ => update(random, store, model, (key, value)),
    }
}

/// Does one random write that depends on the entry of its key, or of a range.
fn update(random: &mut Random, store: &Store, model: &mut Model, (key, value): (Vec<u8>, Vec<u8>)) {
    let stored = model.get(&key).cloned();
    let expires = stored.as_ref().is_some_and(|(_, expires)| *expires);
    match below(random, 5) {
        0 => {
            let old = stored.as_ref().map_or(Some(0), |(value, _)| integer(value));
            match store.increment(&key[..], -7) {
                Ok(sum) => {
                    assert_eq!(Some(sum), old.map(|old| old - 7));
                    model.insert(key, (sum.to_string().into_bytes(), expires));
                }
                Err(error) => assert!(old.is_none() && matches!(error, Error::NotAnInteger { .. })),
            }
        }
        1 => {
            let appended = [stored.map_or_else(Vec::new, |(value, _)| value), value.clone()];
            let appended = appended.concat();
            assert_eq!(store.append(&key[..], &value[..]).unwrap(), appended.len() as u64);
            model.insert(key, (appended, expires));
        }
        2 => {
            let expiry = if below(random, 2) == 0 { FUTURE } else { PAST };
            assert_eq!(store.expire(&key[..], expiry).unwrap(), stored.is_some());
            if expiry == PAST {
                model.remove(&key);
            } else if let Some((_, expires)) = model.get_mut(&key) {
                *expires = true;
            }
        }
        3 => {
            assert_eq!(store.persist(&key[..]).unwrap(), expires);
            if let Some((_, expires)) = model.get_mut(&key) {
                *expires = false;
            }
        }
        _ => {
            let range = (bound(random), bound(random));
            store.remove_range(range.clone()).unwrap();
            let is_inside = |key: &Vec<u8>| std::ops::RangeBounds::contains(&range, key);
            model.retain(|key, _| !is_inside(key));
        }
    }
}

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
                step(&mut random, &store, &mut model);
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
