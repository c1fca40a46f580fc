//! Watches of the embedded store: what was committed, in order, once, for as long as it is kept.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/engines.rs"]
mod engines;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use engines::{for_each_engine, options};
use kvs::{Change, EngineKind, Error, Expiry, Options, Store, Watch, WatchEvent, WriteBatch};

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

/// Returns a change in short.
fn short(change: Change<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match change {
        Change::Set { key, value, expires_at: None } => format!("{}={}", text(key), text(value)),
        Change::Removed { key } => format!("-{}", text(key)),
        other => format!("{other:?}"),
    }
}

/// Returns an event in short.
fn told(event: &WatchEvent) -> String {
    match event {
        WatchEvent::Committed(batch) => batch.changes().map(short).collect::<Vec<_>>().join(" "),
        WatchEvent::Missed { first, last } => format!("missed {first} to {last}"),
    }
}

/// Returns the events that are there, in short.
fn all(watch: &mut Watch) -> Vec<String> {
    std::iter::from_fn(|| watch.try_next().unwrap()).map(|event| told(&event)).collect()
}

/// Returns the versions of the events that are there.
fn versions(watch: &mut Watch) -> Vec<u64> {
    let version = |event| match event {
        WatchEvent::Committed(batch) => batch.version(),
        WatchEvent::Missed { .. } => panic!("{event:?}"),
    };
    std::iter::from_fn(|| watch.try_next().unwrap()).map(version).collect()
}

fn version(store: &Store, key: &str) -> u64 {
    store.metadata(key).unwrap().unwrap().version
}

#[test]
fn changes_are_told_in_order_with_values_and_versions_and_batches_as_one() {
    for_each_engine(|engine, store| {
        store.set("before", "1").unwrap();
        let mut watch = store.watch(..).unwrap();
        assert!(watch.try_next().unwrap().is_none());
        store.set("a", "1").unwrap();
        assert!(!store.remove("absent").unwrap());
        store.set("a", "2").unwrap();
        let mut batch = WriteBatch::new();
        batch.set("b", "1");
        batch.remove("a");
        batch.remove("absent");
        batch.set("b", "2");
        store.write(batch).unwrap();
        assert_eq!(all(&mut watch), ["a=1", "a=2", "b=1 -a b=2"], "{engine}");
        assert_eq!(watch.version(), version(store, "b"));
        store.set("c", "1").unwrap();
        assert_eq!(versions(&mut watch), [version(store, "c")], "{engine}");
        assert!(all(&mut watch).is_empty());
    });
}

#[test]
fn what_expires_and_what_is_removed_by_range_is_told_as_such() {
    for_each_engine(|engine, store| {
        let mut watch = store.watch_prefix("a").unwrap();
        store.set_expiring("a1", "v", Expiry::After(Duration::from_millis(20))).unwrap();
        store.set("a2", "v").unwrap();
        store.remove_range("a2".."b").unwrap();
        store.remove_range("b"..).unwrap();
        let mut told = Vec::new();
        while told.len() < 4 {
            let Some(WatchEvent::Committed(batch)) = watch.next_timeout(LONG).unwrap() else {
                panic!("{engine} tells only {told:?}")
            };
            told.extend(batch.changes().map(|change| match change {
                Change::Set { key, expires_at, .. } => (key[1], expires_at.is_some(), "set"),
                Change::Expired { key } => (key[1], true, "expired"),
                Change::RangeRemoved { start: b"a2", end: Some(b"b") } => (b'2', false, "range"),
                other => panic!("{engine}: {other:?}"),
            }));
        }
        told.sort_unstable();
        let expected = [
            (b'1', true, "expired"),
            (b'1', true, "set"),
            (b'2', false, "range"),
            (b'2', false, "set"),
        ];
        assert_eq!(told, expected, "{engine}");
        assert_eq!(store.len().unwrap(), 0);
    });
}

#[test]
fn a_watch_is_about_its_range_and_its_keyspace() {
    for_each_engine(|engine, store| {
        let other = store.keyspace("other").unwrap();
        let mut watches = [
            store.watch_key("b").unwrap(),
            store.watch_prefix("b").unwrap(),
            store.watch("a".."b").unwrap(),
            other.watch(..).unwrap(),
            store.find_keyspace("default").unwrap().unwrap().watch("c"..).unwrap(),
        ];
        for key in ["a", "b", "ba", "c"] {
            store.set(key, key).unwrap();
        }
        other.set("b", "other").unwrap();
        let mut batch = WriteBatch::new();
        batch.set("b", "1");
        batch.on(&other).set("c", "2");
        batch.set("bb", "3");
        store.write(batch).unwrap();
        let found = watches.each_mut().map(|watch| all(watch).join(", "));
        let expected = ["b=b, b=1", "b=b, ba=ba, b=1 bb=3", "a=a", "b=other, c=2", "c=c"];
        assert_eq!(found, expected, "{engine}");
        // What concerns a watch no more than other keys is behind it all the same.
        let told = watches.each_ref().map(Watch::version);
        assert_eq!(told, [version(store, "bb"); 5], "{engine}");
    });
}

#[test]
fn a_watch_ends_after_its_keyspace_was_dropped() {
    for_each_engine(|engine, store| {
        let (a, b) = (store.keyspace("a").unwrap(), store.keyspace("b").unwrap());
        let mut watch = a.watch_key("k").unwrap();
        let mut of_other = b.watch(..).unwrap();
        store.rename_keyspace("a", "c").unwrap();
        store.swap_keyspaces("b", "c").unwrap();
        a.set("k", "v").unwrap();
        store.drop_keyspace("b").unwrap();
        store.keyspace("b").unwrap().set("k", "another").unwrap();
        assert_eq!(told(&watch.next().unwrap()), "k=v", "{engine}");
        assert_eq!(told(&watch.next().unwrap()), "Dropped", "{engine}");
        for _ in 0..2 {
            let ended = watch.try_next();
            assert!(matches!(&ended, Err(Error::KeyspaceDropped { name, .. }) if name == "a"));
            assert!(watch.next().is_none());
        }
        assert!(matches!(a.watch(..), Err(Error::KeyspaceDropped { .. })), "{engine}");
        assert!(all(&mut of_other).is_empty());
    });
}

#[test]
fn a_drop_that_was_missed_ends_the_watch_too() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(options(directory.path(), EngineKind::Memory).watch_bytes(0)).unwrap();
    let keyspace = store.keyspace("a").unwrap();
    let mut watch = keyspace.watch(..).unwrap();
    store.set("k", "v").unwrap();
    store.drop_keyspace("a").unwrap();
    assert!(matches!(watch.next(), Some(WatchEvent::Missed { .. })));
    assert!(watch.next().is_none());
    assert!(matches!(watch.try_next(), Err(Error::KeyspaceDropped { .. })));
}

#[test]
fn a_watch_does_not_keep_the_store_open_and_ends_with_it_after_everything() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let options = || options(directory.path(), engine).lock_wait(Duration::ZERO);
        let store = Store::open(options()).unwrap();
        let (mut waiting, mut late) = (store.watch(..).unwrap(), store.watch(..).unwrap());
        let ended = thread::spawn(move || waiting.by_ref().map(|event| told(&event)).collect());
        store.set("a", "1").unwrap();
        store.clone().set("b", "2").unwrap();
        drop(store);
        let ended: Vec<_> = ended.join().unwrap();
        assert_eq!(ended, ["a=1", "b=2"], "{engine}");
        let store = Store::open(options()).unwrap();
        store.set("c", "3").unwrap();
        let late_ones = [late.next().unwrap(), late.next().unwrap()].map(|event| told(&event));
        assert_eq!(late_ones, ["a=1", "b=2"], "{engine}");
        assert!(matches!(late.try_next(), Err(Error::Closed)));
        assert!(matches!(late.next_timeout(LONG), Err(Error::Closed)));
        assert!(late.next().is_none());
    }
}

#[test]
fn a_watch_goes_on_from_the_version_that_another_one_saw() {
    for_each_engine(|engine, store| {
        let mut watch = store.watch(..).unwrap();
        for key in ["a", "b", "c"] {
            store.set(key, "v").unwrap();
        }
        assert_eq!(told(&watch.next().unwrap()), "a=v");
        let seen = watch.version();
        drop(watch);
        store.set("d", "v").unwrap();
        let again = || store.watch(..).unwrap();
        assert_eq!(all(&mut again().after(seen)), ["b=v", "c=v", "d=v"], "{engine}");
        assert_eq!(all(&mut again().after(version(store, "c"))), ["d=v"], "{engine}");
        assert!(all(&mut again().after(version(store, "d"))).is_empty(), "{engine}");
        let mut future = again().after(u64::MAX);
        assert_eq!(future.version(), version(store, "d"));
        store.set("e", "v").unwrap();
        assert_eq!(all(&mut future), ["e=v"], "{engine}");
    });
}

#[test]
fn a_store_that_was_opened_again_has_no_earlier_changes() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let open = || Store::open(options(directory.path(), engine)).unwrap();
        let store = open();
        let mut watch = store.watch(..).unwrap();
        store.set("a", "1").unwrap();
        assert_eq!(all(&mut watch), ["a=1"]);
        store.set("b", "2").unwrap();
        drop(store);
        if engine == EngineKind::Memory {
            continue;
        }
        let store = open();
        let mut again = store.watch(..).unwrap().after(watch.version());
        let Some(WatchEvent::Missed { first, last }) = again.try_next().unwrap() else {
            panic!("{engine} tells nothing");
        };
        assert!(first == watch.version() + 1 && last >= version(&store, "b"), "{engine}");
        store.set("c", "3").unwrap();
        assert_eq!(all(&mut again), ["c=3"], "{engine}");
    }
}

#[test]
fn a_slow_watch_is_told_what_it_missed_and_goes_on_with_the_oldest_that_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let options = options(directory.path(), engine).watch_bytes(100_000);
        let store = Store::open(options).unwrap();
        let mut watch = store.watch(..).unwrap();
        let before = watch.version();
        for number in 0..1000 {
            store.set(format!("{number:03}"), vec![b'v'; 1000]).unwrap();
        }
        let Some(WatchEvent::Missed { first, last }) = watch.next() else { panic!("{engine}") };
        assert_eq!((first, last), (before + 1, watch.version()), "{engine}");
        let kept = versions(&mut watch);
        assert!((50..100).contains(&kept.len()), "{engine}: {} of 100 KB", kept.len());
        let newest = version(&store, "999");
        assert_eq!(kept, (last + 1..=newest).collect::<Vec<_>>(), "{engine}");
    }
}

#[test]
fn a_wait_ends_with_its_time_or_with_an_event() {
    for_each_engine(|engine, store| {
        let mut watch = store.watch_key("k").unwrap();
        for time in [Duration::ZERO, Duration::from_millis(20)] {
            assert!(watch.next_timeout(time).unwrap().is_none(), "{engine}");
        }
        let writing = {
            let store = store.clone();
            thread::spawn(move || {
                for key in ["a", "b", "k"] {
                    store.set(key, "v").unwrap();
                }
            })
        };
        assert_eq!(told(&watch.next_timeout(LONG).unwrap().unwrap()), "k=v", "{engine}");
        writing.join().unwrap();
        assert!(watch.next_timeout(Duration::ZERO).unwrap().is_none());
        store.set("k", "w").unwrap();
        assert_eq!(told(&watch.next_timeout(Duration::MAX).unwrap().unwrap()), "k=w");
    });
}

/// Waits for an event many times for a short while, so that waits end while others wait.
fn next_in_parts(watch: &mut Watch) -> WatchEvent {
    loop {
        if let Some(event) = watch.next_timeout(Duration::from_millis(1)).unwrap() {
            return event;
        }
    }
}

#[test]
fn a_hundred_watches_that_wait_are_all_told() {
    for_each_engine(|engine, store| {
        let (sender, receiver) = mpsc::channel();
        let watches: Vec<_> = (0..100)
            .map(|_| {
                let (mut watch, sender) = (store.watch(..).unwrap(), sender.clone());
                thread::spawn(move || {
                    for expected in ["k=0", "k=1", "k=2"] {
                        assert_eq!(told(&next_in_parts(&mut watch)), expected);
                        sender.send(()).unwrap();
                    }
                })
            })
            .collect();
        for number in 0..3 {
            store.set("k", number.to_string()).unwrap();
            for _ in 0..100 {
                receiver.recv_timeout(LONG).unwrap();
            }
        }
        watches.into_iter().for_each(|watch| watch.join().unwrap());
        assert!(receiver.try_recv().is_err(), "{engine}");
    });
}

/// Replays what a watch tells until it ends; every version is higher than the one before.
fn replay(watch: Watch) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (mut entries, mut newest) = (BTreeMap::new(), 0);
    for event in watch {
        let WatchEvent::Committed(batch) = event else { panic!("{event:?}") };
        assert!(batch.version() > newest);
        newest = batch.version();
        for change in batch.changes() {
            match change {
                Change::Set { key, value, .. } => {
                    entries.insert(key.to_vec(), value.to_vec());
                }
                Change::Removed { key } => assert!(entries.remove(key).is_some()),
                other => panic!("{other:?}"),
            }
        }
    }
    entries
}

#[test]
fn changes_that_many_threads_make_are_the_contents_when_they_are_replayed() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let store = Store::open(options(directory.path(), engine)).unwrap();
        let watches = [(); 3].map(|()| store.watch(..).unwrap());
        let watching = watches.map(|watch| thread::spawn(move || replay(watch)));
        thread::scope(|scope| {
            for writer in 0..4_u32 {
                let store = &store;
                scope.spawn(move || {
                    for number in 0..500_u32 {
                        let key = |n: u32| format!("{:02}", n * 7 % 40);
                        let mut batch = WriteBatch::new();
                        batch.set(key(number), format!("{writer} {number}"));
                        batch.remove(key(number + writer));
                        store.write(batch).unwrap();
                        store.remove(key(number + 3)).unwrap();
                    }
                });
            }
        });
        let contents: BTreeMap<_, _> = store.scan(..).map(Result::unwrap).collect();
        drop(store);
        for watching in watching {
            assert_eq!(watching.join().unwrap(), contents, "{engine}");
        }
    }
}

#[test]
fn what_a_read_after_the_call_does_not_see_is_told_while_others_write() {
    for_each_engine(|engine, store| {
        let writing = {
            let store = store.clone();
            thread::spawn(move || {
                for number in 0..2000 {
                    store.set("n", number.to_string()).unwrap();
                }
            })
        };
        // The first watch is made while others write; so are the later ones.
        let mut watches = Vec::new();
        for _ in 0..50 {
            let watch = store.watch_key("n").unwrap();
            let seen = store.metadata("n").unwrap().map_or(0, |metadata| metadata.version);
            watches.push((watch, seen));
        }
        writing.join().unwrap();
        let newest = version(store, "n");
        for (mut watch, seen) in watches {
            let told = versions(&mut watch);
            let first = told.first().copied().unwrap_or(newest + 1);
            assert!(first <= seen + 1, "{engine}: {seen} was seen, and {first} is the first");
            assert_eq!(told, (first..=newest).collect::<Vec<_>>(), "{engine}");
        }
    });
}

#[test]
fn a_store_that_is_only_read_has_nothing_to_tell() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options::new(directory.path());
    Store::open(options()).unwrap().set("k", "v").unwrap();
    let store = Store::open(options().read_only(true)).unwrap();
    let mut watch = store.watch(..).unwrap();
    assert!(matches!(store.set("k", "w"), Err(Error::ReadOnly)));
    assert!(watch.try_next().unwrap().is_none());
    drop(store);
    assert!(watch.next().is_none());
}
