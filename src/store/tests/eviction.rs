//! A store whose memory is used up.

use std::time::Duration;

use super::writer::Bench;
use super::*;
use crate::store::clock::manual;
use crate::{EvictionPolicy, Expiry};

/// The memory of the keys: that of some thousands in the `kvs` engine.
const BYTES_MAX: u64 = 1 << 19;

const KEYS: usize = 10_000;

/// The bytes that a write may add before the next eviction: those of a leaf that is split.
const LEAF_BYTES: u64 = 16 << 10;

fn store(engine: EngineKind, policy: EvictionPolicy) -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path()).engine(engine).cache_bytes(1 << 20);
    (Store::open(options.memory_max(BYTES_MAX).eviction(policy)).unwrap(), directory)
}

fn key(number: usize) -> String {
    // Neighbours in time are none in the order of keys.
    format!("key:{}:{number}", number * 7919 % KEYS)
}

#[test]
fn keys_are_evicted_until_the_others_have_room() {
    use EvictionPolicy::{AllKeysLfu, AllKeysLru, AllKeysRandom};
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        for policy in [AllKeysLru, AllKeysLfu, AllKeysRandom] {
            let (store, directory) = store(engine, policy);
            for number in 0..KEYS {
                store.set(key(number), "value").unwrap();
                let used = store.memory().used().unwrap();
                assert!(used <= BYTES_MAX + LEAF_BYTES, "{engine} {policy}: {used} at {number}");
            }
            let left = store.len().unwrap();
            let (evicted, keys) = (store.removed().evicted(), KEYS as u64);
            assert_eq!(left + evicted, keys, "{engine} {policy}");
            assert!(left > keys / 20 && evicted > keys / 10, "{engine} {policy}: {left} are left");
            let is_there = |number: &usize| store.contains(key(*number)).unwrap();
            assert!(is_there(&(KEYS - 1)), "what was written last is not evicted");
            let there: Vec<_> = (0..KEYS).filter(is_there).collect();
            drop(store);
            if engine == EngineKind::Kvs {
                let store = Store::open(Options::new(directory.path())).unwrap();
                let is_there = |number: &usize| store.contains(key(*number)).unwrap();
                assert_eq!((0..KEYS).filter(is_there).collect::<Vec<_>>(), there, "{policy}");
            }
        }
    }
}

#[test]
fn without_a_policy_what_adds_something_is_refused_and_the_rest_goes_on() {
    let (store, _directory) = store(EngineKind::Kvs, EvictionPolicy::NoEviction);
    let written = (0..KEYS).take_while(|number| store.set(key(*number), "value").is_ok()).count();
    assert!((1000..KEYS).contains(&written), "{written}");
    let refused = store.set("more", "value").unwrap_err();
    assert!(matches!(refused, Error::MemoryFull { used, max: BYTES_MAX } if used > BYTES_MAX));
    assert!(refused.is_retryable() && refused.to_string().contains("memory"), "{refused}");
    assert!(matches!(store.increment("number", 1), Err(Error::MemoryFull { .. })));
    let mut batch = WriteBatch::new();
    batch.remove(key(0));
    batch.set(key(0), "again");
    assert!(matches!(store.write(batch), Err(Error::MemoryFull { .. })));
    assert_eq!(store.get(key(0)).unwrap().as_deref(), Some(&b"value"[..]));
    assert!(store.expire(key(0), Expiry::After(Duration::from_secs(3600))).unwrap());
    assert_eq!(store.removed().evicted(), 0);
    for number in 0..written / 2 {
        assert!(store.remove(key(number)).unwrap());
    }
    store.set("more", "value").unwrap();
}

#[test]
fn a_limit_that_is_lowered_holds_without_another_write() {
    let (store, _directory) = store(EngineKind::Memory, EvictionPolicy::AllKeysRandom);
    store.change_memory_limit(|settings| settings.bytes_max = 0);
    for number in 0..KEYS {
        store.set(key(number), "value").unwrap();
    }
    assert_eq!((store.len().unwrap(), store.memory().used()), (KEYS as u64, None));
    store.change_memory_limit(|settings| settings.bytes_max = BYTES_MAX);
    let start = std::time::Instant::now();
    while store.memory().used().is_none_or(|used| used == 0 || used > BYTES_MAX) {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing is evicted");
        std::thread::yield_now();
    }
    assert!(store.len().unwrap() < KEYS as u64);
}

#[test]
fn where_only_expiring_keys_are_evicted_the_others_stay_until_there_is_no_room() {
    use EvictionPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
    for policy in [VolatileLru, VolatileLfu, VolatileRandom, VolatileTtl] {
        let (store, _directory) = store(EngineKind::Kvs, policy);
        let other = store.keyspace("other").unwrap();
        for number in 0..1000 {
            store.set(key(number), "lasting").unwrap();
        }
        for number in 1000..KEYS {
            // Those that come later expire sooner.
            let time = Duration::from_secs(3600 + (KEYS - number) as u64);
            let place = if number % 2 == 0 { &other } else { &*store };
            place.set_expiring(key(number), "short", Expiry::After(time)).unwrap();
        }
        let lasting = (0..1000).filter(|number| store.contains(key(*number)).unwrap()).count();
        assert_eq!(lasting, 1000, "{policy}");
        assert!(store.removed().evicted() > 1000, "{policy}");
        if policy == VolatileTtl {
            assert!(
                store.contains(key(1001)).unwrap() && !store.contains(key(KEYS - 1001)).unwrap()
            );
        }
        let refused = (KEYS..2 * KEYS).find_map(|number| store.set(key(number), "lasting").err());
        assert!(matches!(refused, Some(Error::MemoryFull { .. })), "{policy}");
        assert_eq!(store.len().unwrap() + other.len().unwrap(), store.len().unwrap(), "{policy}");
    }
}

#[test]
fn keys_that_are_read_often_outlive_those_that_are_not() {
    let (store, _directory) = store(EngineKind::Kvs, EvictionPolicy::AllKeysLfu);
    store.change_memory_limit(|settings| settings.samples = 10);
    let hot = || (0..100).map(|number| format!("hot:{number}"));
    hot().for_each(|key| store.set(key, "value").unwrap());
    for number in 0..KEYS {
        if number % 50 == 0 {
            hot().for_each(|key| drop(store.get(key).unwrap()));
        }
        store.set(key(number), "value").unwrap();
    }
    assert!(store.removed().evicted() > 1000);
    let left = hot().filter(|key| store.contains(key).unwrap()).count();
    assert!(left >= 99, "{left} of the keys that are used are left");
    assert!(store.frequency(b"hot:1").is_none_or(|frequency| frequency > 10));
}

#[test]
fn keys_that_were_not_used_for_the_longest_time_go_first() {
    let mut bench = Bench::new();
    let change = |settings: &mut crate::store::memory_limit::MemorySettings| {
        settings.bytes_max = 200_000;
        settings.policy = EvictionPolicy::AllKeysLru;
        settings.samples = 10;
    };
    bench.writer.memory.change(bench.writer.clock.instant(), change);
    let put =
        |key: String| WriteOperation::Put { key: key.into(), value: vec![], expires_at: None };
    for number in 0..3000 {
        manual::pass(Duration::from_millis(200));
        let used = format!("used:{}", number % 30);
        let operations = vec![put(key(number)), put(used)];
        assert!(bench.write(operations).iter().all(Result::is_ok));
    }
    let is_there = |key: String| bench.reader.metadata(key.as_bytes()).unwrap().is_some();
    let left: Vec<_> = (0..3000).filter(|number| is_there(key(*number))).collect();
    assert!((0..30).all(|number| is_there(format!("used:{number}"))));
    assert!(left.len() < 2000, "{} are left", left.len());
    // A key may share the cell of its uses with one that is used later.
    let newest = 3000 - left.len();
    let old = left.iter().filter(|number| **number < newest - left.len() / 4).count();
    assert!(old * 5 < left.len(), "{old} of {} should have gone first", left.len());
}

#[test]
fn a_snapshot_that_keeps_what_was_evicted_makes_no_more_be_evicted() {
    let (store, _directory) = store(EngineKind::Kvs, EvictionPolicy::AllKeysRandom);
    for number in 0..KEYS {
        store.set(key(number), "value").unwrap();
    }
    let before = store.len().unwrap();
    let snapshot = store.snapshot().unwrap();
    for number in KEYS..KEYS + 2000 {
        store.set(key(number), "value").unwrap();
    }
    let after = store.len().unwrap();
    assert!(after > before / 2, "{after} of {before} keys are left");
    assert_eq!(snapshot.count(..).unwrap(), before);
}

#[test]
fn those_who_watch_are_told_of_what_is_evicted() {
    let (store, _directory) = store(EngineKind::Memory, EvictionPolicy::AllKeysRandom);
    let mut watch = store.watch(..).unwrap();
    let mut there = std::collections::BTreeSet::new();
    for number in 0..KEYS / 2 {
        store.set(key(number), "value").unwrap();
        while let Some(event) = watch.try_next().unwrap() {
            let WatchEvent::Committed(batch) = event else { panic!("{event:?}") };
            for change in batch.changes() {
                match change {
                    Change::Set { key, .. } => assert!(there.insert(key.to_vec())),
                    Change::Removed { key } => assert!(there.remove(key)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    assert!(store.removed().evicted() > 0);
    let keys = store.scan(..).keys().map(Result::unwrap).collect();
    assert_eq!(there, keys);
}
