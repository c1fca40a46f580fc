//! The figures of a store, right after operations whose effect on them is known.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::random::Random;
use common::recount::{CountedKeyspace, CountedSegment, Recount, disk_bytes, recount};
use common::wait::{PATIENCE, wait_until};
use kvs::{
    Durability, EngineKind, Keyspace, Options, SnapshotStats, Store, StoreStats, WriteBatch,
};

/// More garbage than any test makes.
const NEVER_COMPACTED: u64 = 1 << 40;

fn options(directory: &Path) -> Options {
    let options = Options::new(directory).durability(Durability::Never);
    options.segment_bytes_max(1 << 14).compaction_bytes_min(NEVER_COMPACTED)
}

fn open(directory: &Path) -> Store {
    Store::open(options(directory)).unwrap()
}

fn engine(directory: &Path, engine: EngineKind) -> Store {
    Store::open(options(&directory.join(engine.to_string())).engine(engine)).unwrap()
}

fn snapshots(store: &Store) -> SnapshotStats {
    store.stats().snapshots.unwrap()
}

/// Returns what the figures say of what can be counted in the files.
fn counted(stats: &StoreStats, numbers: &[(&str, u64)]) -> Recount {
    let segments = stats.segments.iter().map(|segment| {
        assert_eq!(segment.live_bytes + segment.dead_bytes, segment.bytes);
        let counted = CountedSegment {
            bytes: segment.bytes,
            live_bytes: segment.live_bytes,
            live_keys: segment.live_keys,
            dead_values: segment.dead_values,
        };
        (segment.id, counted)
    });
    let keyspaces = stats.keyspaces.iter().map(|keyspace| {
        let (_, number) = numbers.iter().find(|(name, _)| *name == keyspace.name).unwrap();
        let (live_bytes, dead_bytes) = (keyspace.live_bytes.unwrap(), keyspace.dead_bytes.unwrap());
        (*number, CountedKeyspace { keys: keyspace.keys, live_bytes, dead_bytes })
    });
    Recount { segments: segments.collect(), keyspaces: keyspaces.collect() }
}

/// Counts the files, but for the records of the catalogue and of dropped keyspaces, which are
/// counted by segment alone.
fn in_files(directory: &Path, figures: &Recount) -> Recount {
    let mut found = recount(directory);
    const CATALOGUE: u64 = 1;
    found.keyspaces.remove(&CATALOGUE);
    found.keyspaces.retain(|number, it| it.keys > 0 || figures.keyspaces.contains_key(number));
    found
}

/// Waits until the figures are those of the files: what a drop leaves is counted some time later,
/// and a segment is made ahead in the background.
fn check_recount(store: &Store, directory: &Path, numbers: &[(&str, u64)], what: &str) {
    let mut both = None;
    let is_equal = || {
        let figures = counted(&store.stats(), numbers);
        let files = in_files(directory, &figures);
        let is_equal = figures == files;
        both = Some((figures, files));
        is_equal
    };
    let start = std::time::Instant::now();
    let mut is_equal = is_equal;
    while !is_equal() {
        if start.elapsed() > PATIENCE {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let (figures, files) = both.unwrap();
    assert_eq!(figures, files, "{what}");
}

fn change(random: &mut Random, keyspace: &Keyspace) {
    let key = format!("key{}", random.below(150));
    match random.below(4) {
        0 => drop(keyspace.remove(&*key).unwrap()),
        _ => {
            let length = usize::try_from(random.below(200)).unwrap();
            keyspace.set(&*key, vec![b'v'; length]).unwrap();
        }
    }
}

#[test]
fn the_figures_are_those_of_a_count_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut random = Random(7);
    let numbers = [("default", 0), ("a", 2), ("b", 3)];
    let store = open(path);
    let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
    for _ in 0..1000 {
        change(&mut random, &store);
        change(&mut random, &a);
        change(&mut random, &b);
    }
    check_recount(&store, path, &numbers, "after overwrites and removals");
    let stats = store.stats();
    assert!(stats.segments.len() > 5 && stats.segments.iter().any(|it| it.dead_values > 0));
    assert!(stats.segments.iter().rev().skip(1).all(|segment| segment.is_sealed));
    assert!(stats.keyspaces.iter().all(|keyspace| keyspace.dead_bytes > Some(1000)));
    assert_eq!(stats.disk_bytes, Some(disk_bytes(path)));
    store.drop_keyspace("b").unwrap();
    store.remove_range("key2".."key5").unwrap();
    check_recount(&store, path, &numbers, "after a drop and the removal of a range");
    drop((a, b, store));
    let store = open(path);
    check_recount(&store, path, &numbers, "after reopening");
    assert_eq!(store.stats().groups.unwrap().groups, 0);
    drop(store);

    let store = Store::open(options(path).compaction_bytes_min(1)).unwrap();
    let before: u64 = store.stats().segments.iter().map(|segment| segment.bytes).sum();
    for _ in 0..300 {
        change(&mut random, &store);
    }
    wait_until("a compaction", || {
        let compactions = store.stats().compactions.unwrap();
        compactions.compactions > 0 && !compactions.is_running
    });
    check_recount(&store, path, &numbers, "after a compaction");
    let stats = store.stats();
    let last = stats.compactions.unwrap().last.unwrap();
    assert!(last.bytes_read > last.bytes_written && last.bytes_written > 0, "{last:?}");
    assert_eq!(last.bytes_freed, last.bytes_read - last.bytes_written);
    assert!(last.finished.elapsed().unwrap() < PATIENCE && last.took < PATIENCE);
    assert!(stats.segments.iter().any(|segment| segment.is_compacted));
    assert!(stats.segments.iter().map(|segment| segment.bytes).sum::<u64>() < before);
}

#[test]
fn a_store_that_is_only_read_has_its_figures() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    (0..100).for_each(|number| store.set(format!("key{number}"), vec![1; 500]).unwrap());
    (0..50).for_each(|number| store.set(format!("key{number}"), vec![2; 500]).unwrap());
    drop(store);
    let store = Store::open(options(directory.path()).read_only(true)).unwrap();
    let figures = counted(&store.stats(), &[("default", 0)]);
    assert_eq!(figures, in_files(directory.path(), &figures));
    assert_eq!(store.stats().segments.iter().map(|it| it.dead_values).sum::<u64>(), 50);
}

#[test]
fn snapshots_hold_back_what_they_see_and_nobody_else_does() {
    let directory = tempfile::tempdir().unwrap();
    for kind in [EngineKind::Kvs, EngineKind::Memory] {
        let store = engine(directory.path(), kind);
        let other = store.keyspace("other").unwrap();
        for number in 0..10 {
            store.set(format!("key{number}"), vec![1; 100]).unwrap();
            other.set(format!("key{number}"), vec![1; 100]).unwrap();
        }
        let empty = SnapshotStats::default();
        assert_eq!(snapshots(&store), empty, "{kind}");
        let live = |name: &str| {
            let keyspaces = store.stats().keyspaces;
            keyspaces.into_iter().find(|it| it.name == name).unwrap().live_bytes.unwrap()
        };
        let (seen, seen_of_other) = (live("default"), live("other"));
        let version = store.metadata("key9").unwrap().unwrap().version + 1;
        let snapshot = store.snapshot().unwrap();
        let newest = other.metadata("key9").unwrap().unwrap().version;
        assert_eq!(newest, version);
        let held = snapshots(&store);
        assert_eq!((held.snapshots, held.oldest_version), (1, Some(version)), "{kind}");
        assert_eq!((held.versions_held, held.bytes_held), (0, 0), "{kind}");
        // Of each key one version is kept, whatever comes between.
        for value in [2, 3] {
            (0..10).for_each(|number| store.set(format!("key{number}"), vec![value; 99]).unwrap());
        }
        let held = snapshots(&store);
        assert_eq!((held.versions_held, held.bytes_held), (10, seen), "{kind}");
        store.remove("key0").unwrap();
        assert_eq!(snapshots(&store).versions_held, 11, "{kind}: the removal is kept as well");
        other.remove_range(..).unwrap();
        let held = snapshots(&store);
        assert_eq!(held.versions_held, 21, "{kind}");
        assert_eq!(held.bytes_held, seen + seen_of_other, "{kind}");
        thread::sleep(Duration::from_millis(5));
        let later = store.snapshot().unwrap();
        let held = snapshots(&store);
        assert_eq!((held.snapshots, held.oldest_version), (2, Some(version)), "{kind}");
        assert!(held.oldest_age.is_some_and(|age| age < PATIENCE), "{kind}: {held:?}");
        drop(snapshot);
        let held = snapshots(&store);
        assert_eq!((held.snapshots, held.versions_held, held.bytes_held), (1, 0, 0), "{kind}");
        drop(later);
        assert_eq!(snapshots(&store), empty, "{kind}");
    }
}

#[test]
fn a_dropped_keyspace_is_held_for_a_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    for kind in [EngineKind::Kvs, EngineKind::Memory] {
        let store = engine(directory.path(), kind);
        let dropped = store.keyspace("dropped").unwrap();
        (0..100).for_each(|number| dropped.set(format!("key{number}"), "value").unwrap());
        let snapshot = store.snapshot().unwrap();
        store.drop_keyspace("dropped").unwrap();
        assert!(snapshots(&store).versions_held >= 100, "{kind}");
        drop((snapshot, dropped));
        assert_eq!(snapshots(&store).versions_held, 0, "{kind}");
    }
}

#[test]
fn gets_hit_the_cache_once_it_has_their_value() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let cache = || store.stats().cache.unwrap();
    store.set("a", "1").unwrap();
    store.set("b", vec![2; 1000]).unwrap();
    assert_eq!((cache().hits, cache().misses, cache().entries, cache().bytes), (0, 0, 0, 0));
    for _ in 0..10 {
        assert!(store.get("a").unwrap().is_some());
    }
    assert_eq!((cache().hits, cache().misses, cache().entries), (9, 1, 1));
    assert!(store.get_with("b", |value| value.len()).unwrap() == Some(1000));
    assert!(store.get_with("b", |value| value.len()).unwrap() == Some(1000));
    assert_eq!((cache().hits, cache().misses, cache().entries), (10, 2, 2));
    assert!(cache().bytes > 1000 && cache().bytes <= cache().bytes_max);
    // What is not there is neither a hit nor a miss.
    assert!(store.get("c").unwrap().is_none());
    store.set("a", "2").unwrap();
    assert!(store.get("a").unwrap().is_some());
    assert_eq!((cache().hits, cache().misses, cache().entries), (10, 3, 2));
    let readers = (0..4).map(|_| {
        let store = store.clone();
        thread::spawn(move || (0..1000).for_each(|_| drop(store.get("a").unwrap())))
    });
    let readers: Vec<_> = readers.collect();
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!((cache().hits, cache().misses), (4010, 3));
}

#[test]
fn groups_are_counted_by_their_changes_and_syncs_with_them() {
    let directory = tempfile::tempdir().unwrap();
    for &kind in EngineKind::available() {
        let path = directory.path().join(kind.to_string());
        let options = options(&path).engine(kind).durability(Durability::Always);
        let store = Store::open(options).unwrap();
        store.set("a", "1").unwrap();
        let mut batch = WriteBatch::new();
        (0..5).for_each(|number| batch.set(format!("key{number}"), "value"));
        store.write(batch).unwrap();
        let groups = store.stats().groups.unwrap();
        assert_eq!((groups.groups, groups.operations), (2, 6), "{kind}");
        let buckets: Vec<_> = groups.by_operations.buckets().collect();
        assert_eq!(buckets, [(0, 1), (4, 1)], "{kind}");
        // What changes nothing is no group.
        assert!(!store.remove("missing").unwrap());
        assert_eq!(store.stats().groups.unwrap(), groups, "{kind}");
        let writers = (0..4).map(|writer| {
            let store = store.clone();
            thread::spawn(move || {
                (0..50).for_each(|number| store.set(format!("{writer}{number}"), "v").unwrap());
            })
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let stats = store.stats();
        let groups = stats.groups.unwrap();
        assert_eq!(groups.operations, 206, "{kind}");
        assert!((3..=202).contains(&groups.groups), "{kind}: {groups:?}");
        assert_eq!(groups.by_operations.total(), groups.groups, "{kind}");
        assert_eq!(stats.syncs.is_some(), kind == EngineKind::Kvs, "{kind}");
        if let Some(syncs) = stats.syncs {
            assert_eq!(syncs.syncs, groups.groups, "every group waits for the disk");
            assert_eq!(syncs.by_microseconds.total(), syncs.syncs);
            assert!(syncs.longest <= syncs.total && syncs.longest > Duration::ZERO);
        }
    }
}

#[test]
fn every_engine_has_the_figures_that_its_nature_allows() {
    let directory = tempfile::tempdir().unwrap();
    for &kind in EngineKind::available() {
        let store = engine(directory.path(), kind);
        store.set("a", vec![1; 100]).unwrap();
        store.set("b", vec![1; 100]).unwrap();
        store.keyspace("empty").unwrap();
        let stats = store.stats();
        let (is_kvs, is_sled) = (kind == EngineKind::Kvs, kind == EngineKind::Sled);
        let keyspaces = stats.keyspaces.iter().map(|it| (&*it.name, it.keys));
        assert_eq!(keyspaces.collect::<BTreeMap<_, _>>(), [("default", 2), ("empty", 0)].into());
        assert_eq!(stats.segments.is_empty(), !is_kvs, "{kind}");
        assert_eq!(stats.cache.is_some(), is_kvs, "{kind}");
        assert_eq!(stats.compactions.is_some(), is_kvs, "{kind}");
        assert_eq!(stats.disk_bytes.is_some(), kind != EngineKind::Memory, "{kind}");
        assert_eq!(stats.snapshots.is_some(), !is_sled, "{kind}");
        assert_eq!(stats.index.is_some(), !is_sled, "{kind}");
        if let Some(index) = stats.index {
            // The catalogue has an entry for the other keyspace, and its next number.
            assert_eq!(index.keys, 4, "{kind}");
            assert!(index.bytes_per_key() > 16, "{kind}: {index:?}");
            let default = &stats.keyspaces[0];
            assert!(default.live_bytes.unwrap() >= 200 && default.index_bytes.unwrap() > 0);
        }
        let dead_bytes = stats.keyspaces.iter().map(|keyspace| keyspace.dead_bytes);
        assert!(dead_bytes.eq([is_kvs.then_some(0); 2]), "{kind}");
        let text = stats.to_string();
        assert!(text.contains("\nkeyspace.default.keys: 2\n"), "{kind}: {text}");
        let mut names: Vec<_> = text.lines().map(|line| line.split_once(": ").unwrap().0).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{kind}: one name for two figures in {text}");
    }
}

#[test]
fn watches_are_counted_while_they_are_open() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let watches = || store.stats().watches;
    assert_eq!((watches().watches, watches().bytes), (0, 0));
    let (first, second) = (store.watch(..).unwrap(), store.watch_key("a").unwrap());
    assert_eq!((watches().watches, watches().bytes), (2, 0));
    store.set("a", vec![1; 1000]).unwrap();
    assert!(watches().bytes > 1000);
    drop(first);
    assert_eq!(watches().watches, 1);
    drop(second);
    assert_eq!(watches().watches, 0);
}

#[test]
fn figures_come_while_writers_and_compactions_run_and_the_store_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(options(directory.path()).compaction_bytes_min(1)).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers = (0..3).map(|writer| {
            let store = &store;
            scope.spawn(move || {
                for number in 0..2000 {
                    store.set(format!("{writer}{}", number % 50), vec![writer; 300]).unwrap();
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let (store, is_over) = (&store, &is_over);
        let looks = scope.spawn(move || {
            let (mut looks, mut groups) = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                let stats = store.stats();
                let now = stats.groups.as_ref().unwrap().groups;
                assert!(now >= groups, "a counter went back");
                assert!(stats.keyspaces[0].keys <= 150);
                let live: u64 = stats.segments.iter().map(|it| it.live_bytes).sum();
                assert!(live <= stats.segments.iter().map(|it| it.bytes).sum());
                (looks, groups) = (looks + 1, now);
            }
            looks
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
        assert!(looks.join().unwrap() > 0);
    });
    let stats = store.stats();
    assert_eq!(stats.groups.unwrap().operations, 6000);
    assert!(stats.compactions.unwrap().compactions > 0);
    // The last handle goes while another thread looks; nobody waits for ever.
    let (done, is_done) = mpsc::channel();
    let other = store.clone();
    let looking = thread::spawn(move || {
        (0..100).for_each(|_| assert_eq!(other.stats().keyspaces[0].keys, 150));
        drop(other);
        done.send(()).unwrap();
    });
    drop(store);
    is_done.recv_timeout(PATIENCE).unwrap();
    looking.join().unwrap();
    assert_eq!(open(directory.path()).stats().keyspaces[0].keys, 150);
}
