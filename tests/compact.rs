//! Compaction on request: what is dead goes, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::form::by_form;
use common::random::Random;
use kvs::{CompactReport, Durability, EngineKind, Error, Options, Store, WriteBatch};
use tempfile::TempDir;

/// More garbage than any test makes: what is compacted is compacted on request.
const NEVER: u64 = 1 << 40;

/// The bytes of a segment that are no records, at the most.
const MARKS: u64 = 400;

fn options(directory: &Path) -> Options {
    let options = Options::new(directory).durability(Durability::Never);
    options.segment_bytes_max(1 << 16).compaction_bytes_min(NEVER)
}

fn open(directory: &Path) -> Store {
    Store::open(options(directory)).unwrap()
}

/// Sets 500 keys several times, and removes every seventh; returns what is left.
fn fill(store: &Store, seed: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut random = Random(seed);
    let mut model = BTreeMap::new();
    for round in 0..6 {
        for number in 0..500 {
            let key = format!("key{number:04}").into_bytes();
            if round == 5 && number % 7 == 0 {
                store.remove(key.as_slice()).unwrap();
                model.remove(&key);
            } else if random.below(3) > 0 {
                let value = vec![b'a' + round; 20 + usize::try_from(random.below(300)).unwrap()];
                store.set(key.as_slice(), value.as_slice()).unwrap();
                model.insert(key, value);
            }
        }
    }
    model
}

fn contents(store: &Store) -> BTreeMap<Vec<u8>, Vec<u8>> {
    store.scan(..).collect::<Result<_, _>>().unwrap()
}

/// Returns the bytes that are dead beside what each segment has in any case.
fn dead_bytes(store: &Store) -> u64 {
    let stats = store.stats();
    let of_segments = stats.segments.iter().map(|it| it.dead_bytes.saturating_sub(MARKS));
    let of_keyspaces = stats.keyspaces.iter().map(|it| it.dead_bytes.unwrap());
    of_segments.sum::<u64>() + of_keyspaces.sum::<u64>()
}

#[test]
fn nothing_dead_is_left_and_every_value_is_there() {
    let directory = TempDir::new().unwrap();
    let mut store = open(directory.path());
    let model = fill(&store, 1);
    for is_reopened in [false, true] {
        if is_reopened {
            fill(&store, 1);
            drop(store);
            store = open(directory.path());
        }
        assert!(dead_bytes(&store) > 100_000);
        let before = store.stats();
        let report = store.compact().unwrap();
        assert_eq!(dead_bytes(&store), 0, "{report:?}");
        assert_eq!(contents(&store), model);
        let bytes = |stats: &kvs::StoreStats| stats.segments.iter().map(|it| it.bytes).sum::<u64>();
        let after = store.stats();
        assert_eq!(report.segments_before, before.segments.len() as u64);
        assert_eq!(report.segments_after, after.segments.len() as u64);
        assert_eq!((report.bytes_before, report.bytes_after), (bytes(&before), bytes(&after)));
        assert!(report.bytes_freed() >= report.bytes_before - report.bytes_after);
        assert!(report.compactions > 1 && report.versions_held == 0, "{report:?}");
        // There is nothing left to do.
        let again = store.compact().unwrap();
        assert_eq!((again.compactions, again.bytes_before), (0, report.bytes_after));
    }
    drop(store);
    assert_eq!(contents(&open(directory.path())), model);
    assert!(Store::verify(options(directory.path())).unwrap().is_whole());
}

#[test]
fn keyspaces_that_were_cleared_or_dropped_give_their_space_back() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let (cleared, dropped) = (store.keyspace("cleared").unwrap(), store.keyspace("d").unwrap());
    for keyspace in [&cleared, &dropped] {
        for number in 0..2000 {
            keyspace.set(format!("key{number}"), vec![b'v'; 100]).unwrap();
        }
    }
    cleared.remove_range(..).unwrap();
    cleared.set("key", "new").unwrap();
    store.drop_keyspace("d").unwrap();
    let report = store.compact().unwrap();
    assert!(report.bytes_after < 2000, "{report:?}");
    assert_eq!(cleared.len().unwrap(), 1);
    drop((store, cleared, dropped));
    let store = open(directory.path());
    assert_eq!(store.keyspaces().unwrap(), ["cleared", "default"]);
    assert_eq!(store.keyspace("cleared").unwrap().get("key").unwrap(), Some(b"new".to_vec()));
}

#[test]
fn what_a_snapshot_sees_stays_until_it_goes() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let old = fill(&store, 1);
    let snapshot = store.snapshot().unwrap();
    let new = fill(&store, 2);
    let report = store.compact().unwrap();
    assert!(report.versions_held > 300 && report.bytes_held > 30_000, "{report:?}");
    assert!(report.bytes_freed() > 100_000, "{report:?}");
    let seen: BTreeMap<_, _> = snapshot.scan(..).collect::<Result<_, _>>().unwrap();
    assert!(seen == old && contents(&store) == new);
    drop(snapshot);
    let report = store.compact().unwrap();
    assert!(report.bytes_freed() > 30_000 && report.versions_held == 0, "{report:?}");
    assert_eq!(dead_bytes(&store), 0);
    assert_eq!(contents(&store), new);
}

#[test]
fn it_ends_while_others_write_and_every_call_is_answered() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    fill(&store, 1);
    let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    let reports: Vec<CompactReport> = thread::scope(|scope| {
        for writer in 0..2_u8 {
            let (store, stop, writes) = (&store, &stop, &writes);
            scope.spawn(move || {
                let mut round = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("writer{writer}:{}", round % 50);
                    let value = format!("{round};").repeat(20);
                    store.set(key.as_str(), value.as_str()).unwrap();
                    assert_eq!(store.get(&key).unwrap().unwrap(), value.as_bytes());
                    round += 1;
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let compacting: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let rounds = by_form([5, 20, 200]);
                    (0..rounds).map(|_| store.compact().unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        let reports = compacting.into_iter().flat_map(|it| it.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        reports
    });
    assert!(reports.iter().map(|report| report.compactions).sum::<u64>() > 0);
    println!("{} calls beside {} writes", reports.len(), writes.into_inner());
    // Of each of the 500 keys and of those of the writers there is one record.
    store.compact().unwrap();
    assert_eq!(dead_bytes(&store), 0);
}

#[test]
fn progress_is_told_and_never_goes_back() {
    let directory = TempDir::new().unwrap();
    let store = Store::open(options(directory.path()).segment_bytes_max(1 << 22)).unwrap();
    for number in (0..40).chain((0..40).step_by(2)) {
        store.set(format!("key{number}"), vec![b'v'; 1 << 20]).unwrap();
    }
    let mut told = Vec::new();
    let report = store.compact_with_progress(|progress| told.push(progress)).unwrap();
    assert!(report.compactions > 1, "{report:?}");
    assert!(told.is_sorted_by_key(|it| it.bytes_done), "{told:?}");
    assert!(told.iter().all(|it| it.bytes_done <= it.bytes_total), "{told:?}");
}

#[test]
fn batches_that_would_grow_stay_as_they_are() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let mut batch = WriteBatch::new();
    for number in 0..1000 {
        batch.set(format!("{number}"), "");
    }
    store.write(batch).unwrap();
    store.remove("7").unwrap();
    let report = store.compact().unwrap();
    assert_eq!((report.compactions, report.bytes_after), (0, report.bytes_before));
}

#[test]
fn other_engines_and_stores_that_are_only_read_say_so() {
    let directory = TempDir::new().unwrap();
    for &engine in EngineKind::available() {
        let path = directory.path().join(engine.name());
        let store = Store::open(options(&path).engine(engine)).unwrap();
        store.set("key", "value").unwrap();
        match store.compact() {
            Err(Error::Unsupported { engine: named, .. }) => assert_eq!(named, engine.name()),
            done => assert!(done.is_ok() && engine == EngineKind::Kvs, "{engine}: {done:?}"),
        }
    }
    let path = directory.path().join("kvs");
    let store = Store::open(options(&path).read_only(true)).unwrap();
    assert!(matches!(store.compact(), Err(Error::ReadOnly)));
}
