//! Keyspaces of the embedded store: each is a map of its own, whatever is done to the others and to
//! the names.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/engines.rs"]
mod engines;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use engines::{for_each_engine, options};
use kvs::{EngineKind, Error, Keyspace, Store, WriteBatch};

fn contents(keyspace: &Keyspace) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let entries: Vec<_> = keyspace.scan(..).map(Result::unwrap).collect();
    assert_eq!(keyspace.len().unwrap(), entries.len() as u64, "{keyspace:?}");
    assert_eq!(keyspace.is_empty().unwrap(), entries.is_empty(), "{keyspace:?}");
    entries.into_iter().map(|(key, value)| (text(key), text(value))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn is_dropped(result: kvs::Result<()>, expected: &str) -> bool {
    match result {
        Err(error @ Error::KeyspaceDropped { .. }) => error.to_string().contains(expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_key_is_another_one_in_each_keyspace() {
    for_each_engine(|_, store| {
        let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
        store.set("k", "default").unwrap();
        a.set("k", "of a").unwrap();
        a.set("l", "of a").unwrap();
        assert_eq!(contents(store), pairs(&[("k", "default")]));
        assert_eq!(contents(&a), pairs(&[("k", "of a"), ("l", "of a")]));
        assert_eq!(contents(&b), []);
        assert!(a.remove("k").unwrap() && !b.remove("l").unwrap());
        assert_eq!(contents(&store.keyspace("a").unwrap()), pairs(&[("l", "of a")]));
        assert_eq!((a.name(), store.name()), ("a", "default"));
        assert_eq!(contents(&store.keyspace("default").unwrap()), pairs(&[("k", "default")]));
    });
}

#[test]
fn keyspaces_are_there_again_after_a_reopen() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available().iter().filter(|kind| **kind != EngineKind::Memory) {
        let open = || Store::open(options(directory.path(), engine)).unwrap();
        let store = open();
        for name in ["one", "two", "three", "émpty"] {
            store.keyspace(name).unwrap();
        }
        store.keyspace("one").unwrap().set("k", "1").unwrap();
        store.keyspace("two").unwrap().set("k", "2").unwrap();
        store.keyspace("three").unwrap().set("k", "3").unwrap();
        store.swap_keyspaces("one", "two").unwrap();
        store.drop_keyspace("three").unwrap();
        store.rename_keyspace("émpty", "still empty").unwrap();
        drop(store);
        let store = open();
        let expected = ["default", "one", "still empty", "two"];
        assert_eq!(store.keyspaces().unwrap(), expected, "{engine}");
        assert_eq!(contents(&store.keyspace("one").unwrap()), pairs(&[("k", "2")]), "{engine}");
        assert_eq!(contents(&store.keyspace("two").unwrap()), pairs(&[("k", "1")]), "{engine}");
        assert!(store.find_keyspace("three").unwrap().is_none(), "{engine}");
        // A new one of an old name begins empty.
        assert_eq!(contents(&store.keyspace("three").unwrap()), [], "{engine}");
    }
}

#[test]
fn a_batch_reaches_several_keyspaces_or_none() {
    for_each_engine(|engine, store| {
        let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
        a.set("old", "1").unwrap();
        let batch = || {
            let mut batch = WriteBatch::new();
            batch.set("k", "of the handle");
            batch.on(&a).set("k", "of a");
            batch.on(&a).remove("old");
            batch.on(&b).set("k", "of b");
            batch.on(store).set("d", "of the default one");
            batch
        };
        assert_eq!(batch().len(), 5);
        b.write(batch()).unwrap();
        assert_eq!(contents(&a), pairs(&[("k", "of a")]), "{engine}");
        assert_eq!(contents(&b), pairs(&[("k", "of b")]), "{engine}");
        assert_eq!(contents(store), pairs(&[("d", "of the default one")]), "{engine}");
        store.drop_keyspace("b").unwrap();
        a.set("old", "2").unwrap();
        assert!(is_dropped(store.write(batch()), "\"b\" was dropped"), "{engine}");
        assert_eq!(contents(&a), pairs(&[("k", "of a"), ("old", "2")]), "{engine}");
        assert_eq!(contents(store), pairs(&[("d", "of the default one")]), "{engine}");
    });
}

#[test]
fn a_keyspace_of_another_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        Store::open(options(&directory.path().join(name), EngineKind::Memory)).unwrap()
    };
    let (store, other) = (open("one"), open("other"));
    let (ours, theirs) = (store.keyspace("a").unwrap(), other.keyspace("a").unwrap());
    let mut batch = WriteBatch::new();
    batch.on(&ours).set("k", "1");
    batch.on(&theirs).set("k", "1");
    let refused = store.write(batch);
    assert!(matches!(&refused, Err(Error::ForeignKeyspace { name }) if name == "a"), "{refused:?}");
    assert_eq!((ours.len().unwrap(), theirs.len().unwrap()), (0, 0));
}

#[test]
fn a_handle_follows_its_keyspace_and_not_the_name() {
    for_each_engine(|engine, store| {
        let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
        a.set("k", "first").unwrap();
        b.set("k", "second").unwrap();
        store.swap_keyspaces("a", "b").unwrap();
        a.set("l", "first").unwrap();
        assert_eq!(store.keyspace("b").unwrap().get("l").unwrap().unwrap(), b"first", "{engine}");
        assert_eq!(contents(&b), pairs(&[("k", "second")]), "{engine}");
        store.rename_keyspace("a", "c").unwrap();
        b.set("k", "renamed").unwrap();
        let renamed = store.keyspace("c").unwrap();
        assert_eq!(contents(&renamed), pairs(&[("k", "renamed")]), "{engine}");
        assert_eq!((b.name(), renamed.name()), ("b", "c"));
        assert_eq!(contents(&store.keyspace("a").unwrap()), [], "{engine}");
    });
}

#[test]
fn a_dropped_keyspace_is_empty_and_takes_no_writes() {
    for_each_engine(|engine, store| {
        let a = store.keyspace("a").unwrap();
        for number in 0..1000 {
            a.set(format!("k{number}"), "v").unwrap();
        }
        store.set("k1", "v").unwrap();
        store.drop_keyspace("a").unwrap();
        for remade in [false, true] {
            assert_eq!(contents(&a), [], "{engine}");
            assert!(is_dropped(a.set("k", "lost"), "\"a\" was dropped"), "{engine}");
            assert!(is_dropped(a.remove("k").map(drop), "\"a\" was dropped"), "{engine}");
            let mut batch = WriteBatch::new();
            batch.remove("k1");
            assert!(is_dropped(a.write(batch), "\"a\" was dropped"), "{engine}");
            if !remade {
                let new = store.keyspace("a").unwrap();
                new.set("k", "new").unwrap();
                assert_eq!(contents(&new), pairs(&[("k", "new")]), "{engine}");
            }
        }
        assert_eq!(contents(store), pairs(&[("k1", "v")]), "{engine}");
    });
}

#[test]
fn a_close_right_after_the_drop_of_many_keys_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available().iter().filter(|kind| **kind != EngineKind::Memory) {
        let open = || Store::open(options(directory.path(), engine)).unwrap();
        for round in 0..2 {
            let store = open();
            assert_eq!(store.len().unwrap(), round, "{engine}");
            let a = store.keyspace("a").unwrap();
            assert_eq!(contents(&a), [], "{engine}");
            let mut batch = WriteBatch::new();
            (0..20_000).for_each(|number| batch.on(&a).set(format!("{number}"), "v"));
            store.write(batch).unwrap();
            store.drop_keyspace("a").unwrap();
            store.set(format!("kept {round}"), "v").unwrap();
        }
    }
}

#[test]
fn what_is_not_possible_is_refused_by_name() {
    for_each_engine(|engine, store| {
        store.keyspace("a").unwrap();
        let missing = [
            store.rename_keyspace("b", "c"),
            store.drop_keyspace("b"),
            store.swap_keyspaces("a", "b"),
        ];
        for refused in missing {
            let is_named = matches!(&refused, Err(Error::NoSuchKeyspace { name }) if name == "b");
            assert!(is_named, "{engine}: {refused:?}");
        }
        store.keyspace("b").unwrap();
        for to in ["b", "default"] {
            let refused = store.rename_keyspace("a", to);
            assert!(matches!(refused, Err(Error::KeyspaceExists { .. })), "{engine}: {refused:?}");
        }
        let default = [
            store.rename_keyspace("default", "c"),
            store.drop_keyspace("default"),
            store.swap_keyspaces("a", "default"),
            store.swap_keyspaces("default", "a"),
        ];
        for refused in default {
            assert!(matches!(refused, Err(Error::DefaultKeyspace)), "{engine}: {refused:?}");
        }
        let (longest, longer) = ("x".repeat(255), "x".repeat(256));
        store.keyspace(&longest).unwrap();
        for name in ["", &*longer] {
            let refused = [
                store.keyspace(name).map(drop),
                store.find_keyspace(name).map(drop),
                store.rename_keyspace("a", name),
                store.drop_keyspace(name),
                store.swap_keyspaces("a", name),
            ];
            for refused in refused {
                match refused {
                    Err(Error::InvalidKeyspaceName { bytes }) => assert_eq!(bytes, name.len()),
                    other => panic!("{engine}: {other:?}"),
                }
            }
        }
        assert_eq!(store.keyspaces().unwrap(), ["a", "b", "default", &*longest], "{engine}");
    });
}

#[test]
fn a_store_for_reading_only_has_its_keyspaces_and_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let options = || options(directory.path(), EngineKind::Kvs);
    let store = Store::open(options()).unwrap();
    store.keyspace("a").unwrap().set("k", "v").unwrap();
    drop(store);
    let store = Store::open(options().read_only(true)).unwrap();
    let a = store.keyspace("a").unwrap();
    assert_eq!(contents(&a), pairs(&[("k", "v")]));
    assert!(matches!(a.set("k", "w"), Err(Error::ReadOnly)));
    assert!(matches!(store.keyspace("b"), Err(Error::NoSuchKeyspace { .. })));
    assert!(store.find_keyspace("b").unwrap().is_none());
    assert!(matches!(store.drop_keyspace("a"), Err(Error::ReadOnly)));
}

#[test]
fn no_write_beside_a_drop_is_acknowledged_and_lost() {
    const ROUNDS: usize = 50;
    for_each_engine(|engine, store| {
        for round in 0..ROUNDS {
            let name = format!("round {round}");
            let keyspace = store.keyspace(&name).unwrap();
            let started = std::sync::Barrier::new(3);
            let is_done = AtomicBool::new(false);
            let write = |key: &'static str| {
                started.wait();
                loop {
                    let was_done = is_done.load(Ordering::SeqCst);
                    let written = keyspace.set(key, "v");
                    if written.is_err() {
                        assert!(is_dropped(written, &name), "{engine}");
                        return;
                    }
                    assert!(!was_done, "{engine}: a write behind the drop was taken");
                }
            };
            thread::scope(|scope| {
                scope.spawn(|| write("a"));
                scope.spawn(|| write("b"));
                started.wait();
                store.drop_keyspace(&name).unwrap();
                is_done.store(true, Ordering::SeqCst);
            });
            assert_eq!(contents(&keyspace), [], "{engine}");
        }
    });
}

#[test]
fn many_threads_that_open_one_name_get_one_keyspace() {
    for_each_engine(|engine, store| {
        thread::scope(|scope| {
            for number in 0..8 {
                scope.spawn(move || {
                    let keyspace = store.keyspace("a").unwrap();
                    keyspace.set(format!("{number}"), "v").unwrap();
                });
            }
        });
        assert_eq!(store.keyspace("a").unwrap().len().unwrap(), 8, "{engine}");
        assert_eq!(store.keyspaces().unwrap(), ["a", "default"], "{engine}");
    });
}
