//! Reads of the embedded store: every one of them gives what a map would, at one point in time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/engines.rs"]
mod engines;
#[path = "common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;

use engines::{for_each_engine, options};
use kvs::{EngineKind, Error, Keyspace, Options, Store, WriteBatch};
use random::Random;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;
type Entry = (Vec<u8>, Vec<u8>);

/// Returns what an iterator has, none of which is an error.
fn all<T>(scan: impl Iterator<Item = kvs::Result<T>>) -> Vec<T> {
    scan.map(Result::unwrap).collect()
}

fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.below(limit as u64)).unwrap()
}

/// Returns a key of few different ones, some of which begin with others.
fn key(random: &mut Random) -> Vec<u8> {
    let letters = [b'a', b'b', u8::MAX];
    (0..below(random, 6)).map(|_| letters[below(random, 3)]).collect()
}

fn bound(random: &mut Random) -> Bound<Vec<u8>> {
    match below(random, 4) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(key(random)),
        _ => Bound::Included(key(random)),
    }
}

/// Writes and removes at random, and returns what is there then.
fn fill(keyspace: &Keyspace, random: &mut Random) -> Model {
    let mut model = Model::new();
    for number in 0..600 {
        let key = key(random);
        if below(random, 4) == 0 {
            assert_eq!(keyspace.remove(&key[..]).unwrap(), model.remove(&key).is_some());
        } else {
            let value = vec![b'v'; [0, 10, 300, 9000][below(random, 4)] + number % 7];
            keyspace.set(&key[..], &value[..]).unwrap();
            model.insert(key, value);
        }
    }
    model
}

/// Returns the entries of a map in a range that may end before it starts.
fn range(model: &Model, range: &(Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Vec<Entry> {
    let is_behind = |key: &Vec<u8>| match &range.0 {
        Bound::Unbounded => true,
        Bound::Included(start) => start <= key,
        Bound::Excluded(start) => start < key,
    };
    let is_before = |key: &Vec<u8>| match &range.1 {
        Bound::Unbounded => true,
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
    };
    let entries = model.iter().filter(|(key, _)| is_behind(key) && is_before(key));
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[test]
fn every_read_gives_what_a_map_does() {
    for_each_engine(|engine, store| {
        let mut random = Random(7);
        let keyspace = store.keyspace("a").unwrap();
        store.set("ab", "of another keyspace").unwrap();
        let model = fill(&keyspace, &mut random);
        assert_eq!(keyspace.len().unwrap(), model.len() as u64, "{engine}");
        for _ in 0..300 {
            let bounds = (bound(&mut random), bound(&mut random));
            let expected = range(&model, &bounds);
            let at = format!("{engine}, {bounds:?}");
            assert_eq!(all(keyspace.scan(bounds.clone())), expected, "{at}");
            let keys: Vec<_> = expected.iter().map(|(key, _)| key.clone()).collect();
            assert_eq!(all(keyspace.scan(bounds.clone()).keys()), keys, "{at}");
            assert_eq!(keyspace.first(bounds.clone()).unwrap(), expected.first().cloned(), "{at}");
            assert_eq!(keyspace.last(bounds.clone()).unwrap(), expected.last().cloned(), "{at}");
            assert_eq!(keyspace.count(bounds.clone()).unwrap(), expected.len() as u64, "{at}");
            let (mut reversed, mut keys) = (expected, keys);
            reversed.reverse();
            keys.reverse();
            assert_eq!(all(keyspace.scan(bounds.clone()).reverse()), reversed, "{at}");
            assert_eq!(all(keyspace.scan(bounds).keys().reverse()), keys, "{at}");

            let prefix = key(&mut random);
            let expected = model.iter().filter(|(key, _)| key.starts_with(&prefix));
            let expected: Vec<_> = expected.map(|(k, v)| (k.clone(), v.clone())).collect();
            assert_eq!(all(keyspace.scan_prefix(&prefix)), expected, "{engine}, {prefix:?}");

            let keys: Vec<_> = (0..below(&mut random, 9)).map(|_| key(&mut random)).collect();
            let expected: Vec<_> = keys.iter().map(|key| model.get(key).cloned()).collect();
            assert_eq!(keyspace.get_many(&keys).unwrap(), expected, "{engine}, {keys:?}");
            for (key, value) in keys.iter().zip(expected) {
                assert_eq!(keyspace.contains(key).unwrap(), value.is_some(), "{engine}, {key:?}");
                let (entry, metadata) =
                    (keyspace.entry(key).unwrap(), keyspace.metadata(key).unwrap());
                let version = entry.as_ref().map(|entry| entry.version);
                assert_eq!(metadata.map(|metadata| metadata.version), version, "{engine}");
                assert_eq!(entry.map(|entry| entry.value), value, "{engine}, {key:?}");
                // It may be cached now.
                let with = keyspace.get_with(key, <[u8]>::to_vec).unwrap();
                assert_eq!(with, value, "{engine}, {key:?}");
            }
        }
    });
}

#[test]
fn ranges_may_be_written_with_keys_of_any_type() {
    for_each_engine(|engine, store| {
        for key in ["a", "b", "c", "d"] {
            store.set(key, "v").unwrap();
        }
        let (from, to) = (b"b".to_vec(), String::from("c"));
        assert_eq!(store.count(..).unwrap(), 4, "{engine}");
        assert_eq!(store.count(from.clone()..).unwrap(), 3, "{engine}");
        assert_eq!(store.count(&from..).unwrap(), 3, "{engine}");
        assert_eq!(store.count(..&to).unwrap(), 2, "{engine}");
        assert_eq!(store.count(..=to).unwrap(), 3, "{engine}");
        assert_eq!(store.count("b"..="c").unwrap(), 2, "{engine}");
        assert_eq!(store.count("b".."c").unwrap(), 1, "{engine}");
        assert_eq!(store.count("c".."b").unwrap(), 0, "{engine}");
        assert_eq!(store.count((Bound::Excluded(b"b"), Bound::Unbounded)).unwrap(), 2, "{engine}");
    });
}

#[test]
fn an_iterator_turns_round_where_it_is() {
    for_each_engine(|engine, store| {
        let mut batch = WriteBatch::new();
        (0..1000).for_each(|number| batch.set(format!("{number:03}"), "v"));
        store.write(batch).unwrap();
        for taken in [0, 1, 15, 16, 17, 300, 999, 1000] {
            let number =
                |(key, _): Entry| String::from_utf8(key).unwrap().parse::<usize>().unwrap();
            let mut scan = store.scan(..);
            let first: Vec<_> = scan.by_ref().take(taken).map(|it| number(it.unwrap())).collect();
            assert_eq!(first, (0..taken).collect::<Vec<_>>(), "{engine}");
            let mut scan = scan.reverse();
            let left = 1000 - taken;
            let second: Vec<_> =
                scan.by_ref().take(left / 2).map(|it| number(it.unwrap())).collect();
            let middle = 1000 - left / 2;
            assert_eq!(second, (middle..1000).rev().collect::<Vec<_>>(), "{engine}, {taken}");
            let third: Vec<_> = scan.reverse().map(|it| number(it.unwrap())).collect();
            assert_eq!(third, (taken..middle).collect::<Vec<_>>(), "{engine}, {taken}");
        }
    });
}

#[test]
fn an_iterator_sees_the_moment_of_its_call_and_holds_up_nobody() {
    let directory = tempfile::tempdir().unwrap();
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        // Segments of a few records, which are compacted meanwhile.
        let small = options(directory.path(), engine).segment_bytes_max(1 << 16);
        let store = Store::open(small.compaction_bytes_min(1)).unwrap();
        let mut batch = WriteBatch::new();
        (0..2000).for_each(|number| batch.set(format!("{number:04}"), format!("{number}")));
        store.write(batch).unwrap();
        let (mut ahead, behind) = (store.scan(..), store.scan(..).reverse().keys());
        for (number, entry) in (0..1000).zip(ahead.by_ref()) {
            let expected = (format!("{number:04}").into_bytes(), number.to_string().into_bytes());
            assert_eq!(entry.unwrap(), expected, "{engine}");
            store.set(format!("{:04}", 1999 - number), "later").unwrap();
            store.set(format!("{number:04}+"), "new").unwrap();
            store.remove(format!("{:04}", number / 2)).unwrap();
        }
        // A handle is not needed any more.
        drop(store);
        for (number, entry) in (1000..2000).zip(ahead) {
            let expected = (format!("{number:04}").into_bytes(), number.to_string().into_bytes());
            assert_eq!(entry.unwrap(), expected, "{engine}");
        }
        let expected: Vec<_> = (0..2000).rev().map(|n| format!("{n:04}").into_bytes()).collect();
        assert_eq!(all(behind), expected, "{engine}");
    }
}

#[test]
fn get_many_sees_a_batch_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        let store = Store::open(options(directory.path(), engine)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 0..2000 {
                    let mut batch = WriteBatch::new();
                    ["a", "b", "c"].iter().for_each(|key| batch.set(*key, number.to_string()));
                    store.write(batch).unwrap();
                }
            });
            while !writer.is_finished() {
                let mut values = store.get_many(["a", "b", "c"]).unwrap();
                values.dedup();
                assert_eq!(values.len(), 1, "{engine}: {values:?}");
            }
        });
    }
}

#[test]
fn damage_is_the_last_item_of_an_iterator() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(directory.path()).cache_bytes(0)).unwrap();
    for number in 0..200 {
        store.set(format!("key{number:03}"), vec![b'v'; 3000]).unwrap();
    }
    let log = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut logs = log.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let log = logs.next().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    let place = bytes.windows(6).position(|window| window == b"key100").unwrap();
    bytes[place + 20] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let mut scan = store.scan(..);
    for number in 0..100 {
        assert_eq!(scan.next().unwrap().unwrap().0, format!("key{number:03}").into_bytes());
    }
    let failed = scan.next().unwrap();
    assert!(matches!(failed, Err(Error::Corrupt { offset: Some(_), .. })), "{failed:?}");
    assert!(scan.next().is_none() && scan.next().is_none());
    // One that turns round before the damage was given has what lies on its side of it.
    let mut scan = store.scan(..);
    assert_eq!(scan.by_ref().take(90).filter(Result::is_ok).count(), 90);
    let (good, bad): (Vec<_>, Vec<_>) = scan.reverse().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (99, 1));
    assert_eq!(store.count(..).unwrap(), 200);
    assert_eq!(all(store.scan(..).keys()).len(), 200);
    assert!(store.get_many(["key099", "key100"]).is_err());
}

#[test]
fn a_value_is_shown_where_it_lies_and_the_closure_may_use_the_store() {
    for_each_engine(|engine, store| {
        store.set("a", "one").unwrap();
        let snapshot = store.snapshot();
        for _ in 0..3 {
            let shown = store.get_with("a", |value| {
                store.set("a", "two").unwrap();
                let inner = store.get_with("a", <[u8]>::to_vec).unwrap();
                (value.to_vec(), inner)
            });
            assert_eq!(shown.unwrap(), Some((b"one".to_vec(), Some(b"two".to_vec()))), "{engine}");
            store.set("a", "one").unwrap();
        }
        if let Ok(snapshot) = snapshot {
            store.remove("a").unwrap();
            assert_eq!(snapshot.get_with("a", <[u8]>::len).unwrap(), Some(3), "{engine}");
        }
        store.remove("a").unwrap();
        assert_eq!(store.get_with("a", |_| panic!("there is no value")).unwrap(), None::<()>);
    });
}

#[test]
fn keys_over_the_limit_are_refused_where_a_value_is_asked_for() {
    for_each_engine(|engine, store| {
        let long = vec![b'k'; 70_000];
        assert!(matches!(store.get(&long), Err(Error::KeyTooLarge { .. })), "{engine}");
        assert!(matches!(store.entry(&long), Err(Error::KeyTooLarge { .. })), "{engine}");
        let with = store.get_with(&long, <[u8]>::len);
        assert!(matches!(with, Err(Error::KeyTooLarge { .. })), "{engine}");
        assert!(matches!(store.get_many([&long]), Err(Error::KeyTooLarge { .. })), "{engine}");
        assert!(!store.contains(&long).unwrap(), "{engine}");
        assert_eq!(store.metadata(&long).unwrap(), None, "{engine}");
        assert_eq!(store.count(&long..).unwrap(), 0, "{engine}");
    });
}
