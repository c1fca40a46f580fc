//! Snapshots of the embedded store: the same answers for as long as they live.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::thread;

use kvs::{Durability, EngineKind, Error, KeyspaceView, Options, Store, WriteBatch};

/// Segments of a few records, which are compacted meanwhile.
fn open(directory: &Path, engine: EngineKind) -> Store {
    let options = Options::new(directory.join(engine.to_string())).engine(engine);
    let options = options.segment_bytes_max(1 << 14).compaction_bytes_min(1);
    Store::open(options.durability(Durability::Never)).unwrap()
}

/// Calls a test with an empty store of every engine that has snapshots.
fn for_each_engine(test: impl Fn(EngineKind, &Store)) {
    let directory = tempfile::tempdir().unwrap();
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        test(engine, &open(directory.path(), engine));
    }
}

/// Returns every entry, read in every way there is.
fn contents(view: &KeyspaceView) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries: Vec<_> = view.scan(..).map(Result::unwrap).collect();
    let mut reversed: Vec<_> = view.scan(..).reverse().map(Result::unwrap).collect();
    reversed.reverse();
    assert_eq!(reversed, entries);
    assert_eq!(
        (view.len().unwrap(), view.is_empty().unwrap()),
        (entries.len() as u64, entries.is_empty())
    );
    assert_eq!(view.count(..).unwrap(), entries.len() as u64);
    assert_eq!(view.first(..).unwrap().as_ref(), entries.first());
    assert_eq!(view.last(..).unwrap().as_ref(), entries.last());
    let values = view.get_many(entries.iter().map(|(key, _)| key)).unwrap();
    for ((key, value), found) in entries.iter().zip(values) {
        assert_eq!(found.as_ref(), Some(value));
        assert_eq!(view.get(key).unwrap().as_ref(), Some(value));
        let (entry, metadata) = (view.entry(key).unwrap().unwrap(), view.metadata(key).unwrap());
        assert_eq!(metadata.map(|metadata| metadata.version), Some(entry.version));
        assert!(view.contains(key).unwrap());
    }
    entries
}

fn fill(store: &Store, value: &str) {
    let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
    for number in 0..100 {
        let mut batch = WriteBatch::new();
        let key = format!("{number:02}");
        batch.set(&*key, format!("{value} of default"));
        batch.on(&a).set(&*key, format!("{value} of a"));
        batch.on(&b).set(&*key, format!("{value} of b"));
        store.write(batch).unwrap();
    }
}

#[test]
fn a_snapshot_gives_the_same_answers_whatever_is_done_later() {
    for_each_engine(|engine, store| {
        fill(store, "old");
        let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
        let snapshot = store.snapshot().unwrap();
        let views = || {
            let mut views: Vec<KeyspaceView> = vec![KeyspaceView::clone(&snapshot)];
            views.extend(["a", "b", "default"].map(|name| snapshot.keyspace(name).unwrap()));
            views.extend([store, &a, &b].map(|keyspace| snapshot.of(keyspace).unwrap()));
            views
        };
        let before: Vec<_> = views().iter().map(contents).collect();
        let unchanged = |what: &str| {
            let now: Vec<_> = views().iter().map(contents).collect();
            assert_eq!(now, before, "{engine}: {what}");
            assert_eq!(snapshot.keyspaces().unwrap(), ["a", "b", "default"], "{engine}: {what}");
        };
        assert_eq!(before[0].len(), 100);
        fill(store, "new");
        unchanged("overwritten");
        // Often, so that segments are compacted.
        (0..30).for_each(|round| fill(store, &format!("round {round}")));
        unchanged("overwritten often");
        for number in 0..50 {
            store.remove(format!("{number:02}")).unwrap();
            a.set(format!("{number:02}+"), "between").unwrap();
        }
        unchanged("removed, and more added");
        store.swap_keyspaces("a", "b").unwrap();
        store.rename_keyspace("a", "c").unwrap();
        unchanged("renamed");
        store.drop_keyspace("c").unwrap();
        store.drop_keyspace("b").unwrap();
        unchanged("dropped");
        assert_eq!((a.len().unwrap(), b.len().unwrap()), (0, 0), "{engine}");
        fill(store, "remade");
        unchanged("made again");
        let later = store.snapshot().unwrap();
        assert_eq!(later.keyspace("a").unwrap().get("07").unwrap().unwrap(), b"remade of a");
    });
}

#[test]
fn a_snapshot_and_a_scan_see_many_keys_whole_while_their_keyspace_is_dropped() {
    const KEYS: u32 = 20_000;
    for_each_engine(|engine, store| {
        let key = |number: u32| format!("{number:06}");
        let fill = |value: &str| {
            let keyspace = store.keyspace("a").unwrap();
            for first in (0..KEYS).step_by(1000) {
                let mut batch = WriteBatch::new();
                (first..first + 1000).for_each(|number| batch.set(key(number), value));
                keyspace.write(batch).unwrap();
            }
            keyspace
        };
        let dropped = fill("old");
        let snapshot = store.snapshot().unwrap();
        let old = snapshot.of(&dropped).unwrap();
        let mut scan = dropped.scan(..);
        assert_eq!(scan.next().unwrap().unwrap().0, key(0).into_bytes());
        for round in 0..3 {
            store.drop_keyspace("a").unwrap();
            assert_eq!((dropped.len().unwrap(), dropped.get(key(7)).unwrap()), (0, None));
            let remade = fill("new");
            assert_eq!(remade.get(key(7)).unwrap().unwrap(), b"new", "{engine}, round {round}");
            assert_eq!(old.get(key(7)).unwrap().unwrap(), b"old", "{engine}, round {round}");
            assert_eq!(old.count(..).unwrap(), u64::from(KEYS), "{engine}, round {round}");
        }
        assert!(scan.map(Result::unwrap).all(|(_, value)| value == b"old"), "{engine}");
        assert_eq!(store.keyspace("a").unwrap().count(..).unwrap(), u64::from(KEYS), "{engine}");
    });
}

#[test]
fn what_was_made_after_a_snapshot_is_not_in_it() {
    for_each_engine(|engine, store| {
        let snapshot = store.snapshot().unwrap();
        let a = store.keyspace("a").unwrap();
        a.set("k", "v").unwrap();
        store.set("k", "v").unwrap();
        let missing = snapshot.keyspace("a");
        assert!(matches!(missing, Err(Error::NoSuchKeyspace { .. })), "{engine}: {missing:?}");
        let refused = snapshot.keyspace("");
        assert!(matches!(refused, Err(Error::InvalidKeyspaceName { bytes: 0 })), "{refused:?}");
        assert_eq!(contents(&snapshot.of(&a).unwrap()), [], "{engine}");
        assert_eq!(contents(&snapshot), [], "{engine}");
        assert_eq!(snapshot.keyspaces().unwrap(), ["default"], "{engine}");
    });
}

#[test]
fn views_and_iterators_outlive_their_snapshot_and_every_handle() {
    let directory = tempfile::tempdir().unwrap();
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        let store = open(directory.path(), engine);
        fill(&store, "old");
        let snapshot = store.snapshot().unwrap();
        let (view, keys) = (snapshot.keyspace("a").unwrap(), snapshot.scan(..).keys());
        drop(snapshot);
        (0..30).for_each(|_| fill(&store, "new"));
        drop(store);
        assert!(contents(&view).iter().all(|(_, value)| value == b"old of a"), "{engine}");
        drop(view);
        assert_eq!(keys.map(Result::unwrap).count(), 100, "{engine}");
        // Nothing keeps the directory any more.
        let store = open(directory.path(), engine);
        let is_kept = engine == EngineKind::Kvs;
        assert_eq!(store.contains("00").unwrap(), is_kept, "{engine}");
    }
}

#[test]
fn a_snapshot_beside_writers_sees_batches_whole_in_every_keyspace() {
    for_each_engine(|engine, store| {
        let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
        let write = |number: u32| {
            let mut batch = WriteBatch::new();
            batch.on(&a).set("k", number.to_string());
            batch.on(&b).set(format!("{number:04}"), "v");
            store.write(batch).unwrap();
        };
        write(0);
        thread::scope(|scope| {
            let writer = scope.spawn(|| (1..2000).for_each(write));
            while !writer.is_finished() {
                let snapshot = store.snapshot().unwrap();
                let view = snapshot.of(&b).unwrap();
                let (last, _) = view.last(..).unwrap().unwrap();
                let number = snapshot.of(&a).unwrap().get("k").unwrap().unwrap();
                let number: u32 = String::from_utf8(number).unwrap().parse().unwrap();
                assert_eq!(last, format!("{number:04}").into_bytes(), "{engine}");
                assert_eq!(view.len().unwrap(), u64::from(number) + 1, "{engine}");
            }
        });
    });
}

#[test]
fn a_keyspace_of_another_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), EngineKind::Memory);
    let other = open(&directory.path().join("other"), EngineKind::Memory);
    let theirs = other.keyspace("a").unwrap();
    let refused = store.snapshot().unwrap().of(&theirs);
    assert!(matches!(refused, Err(Error::ForeignKeyspace { .. })), "{refused:?}");
}

#[cfg(feature = "sled")]
#[test]
fn sled_says_that_it_has_no_snapshots() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), EngineKind::Sled);
    let refused = store.snapshot().unwrap_err();
    assert_eq!(refused.to_string(), "engine sled does not support snapshots");
}
