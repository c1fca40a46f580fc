//! The plan of a store says what data takes: compared with stores that hold such data.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::directory_bytes;
use common::form::by_form;
use common::random::Random;
use common::wait::wait_until;
use kvs::{Durability, EngineKind, Error, Options, PlannedData, Store};
use tempfile::TempDir;

fn options(directory: &Path) -> Options {
    Options::new(directory).durability(Durability::Never).segment_bytes_max(1 << 22)
}

/// Checks that a number is planned to within some percent.
#[track_caller]
fn assert_near(what: &str, measured: u64, planned: u64, percent: u64) {
    let apart = measured.abs_diff(planned);
    println!("{what}: {measured} measured, {planned} planned");
    assert!(apart * 100 <= measured * percent, "{what}: {measured} measured, {planned} planned");
}

/// Returns keys of one length in random order.
fn keys(data: &PlannedData) -> Vec<Vec<u8>> {
    let mut random = Random(data.keys);
    let mut key = || {
        let mut key = random.next().to_be_bytes().to_vec();
        key.resize(usize::try_from(data.key_bytes).unwrap(), b'k');
        key
    };
    (0..data.keys).map(|_| key()).collect()
}

fn bytes_of(directory: &Path, extension: &str) -> u64 {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let wanted = files.filter(|file| file.path().extension().is_some_and(|it| it == extension));
    wanted.map(|file| file.metadata().unwrap().len()).sum()
}

/// Fills a store, and compares it with its plan.
fn compare(data: PlannedData) {
    let directory = TempDir::new().unwrap();
    let plan = Store::plan(&options(directory.path()), &data).unwrap();
    let store = Store::open(options(directory.path())).unwrap();
    for key in keys(&data) {
        store.set(key, vec![b'v'; usize::try_from(data.value_bytes).unwrap()]).unwrap();
    }
    assert_eq!(store.len().unwrap(), data.keys, "keys are twice there");
    let index = |store: &Store| store.stats().index.unwrap().bytes;
    assert_near("index in random order", index(&store), plan.index_bytes, 5);
    let segments = store.stats().segments;
    let log_bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    assert_near("log", log_bytes, plan.log_bytes, 1);
    let keys_of = |is_hinted: bool| {
        let segments = store.stats().segments.into_iter();
        segments.filter(|it| it.is_hinted || !is_hinted).map(|it| it.live_keys).sum::<u64>()
    };
    let sealed = segments.iter().filter(|segment| segment.is_sealed).count();
    if sealed > 0 {
        let hinted = || store.stats().segments.iter().filter(|it| it.is_hinted).count();
        wait_until("every sealed segment has a hint", || hinted() == sealed);
        let part = |bytes: u64| bytes * keys_of(true) / keys_of(false);
        let measured = bytes_of(directory.path(), "hint");
        assert_near("hints", measured, part(plan.hint_bytes), 10);
    }
    // Everything is read, so that the cache holds it or is full.
    let found = store.scan(..).keys().map(Result::unwrap).collect::<Vec<_>>();
    found.iter().for_each(|key| assert!(store.get(key).unwrap().is_some()));
    let cached = store.stats().cache.unwrap();
    // Places in it are found by hash, so a few records find none.
    assert_near("cache", cached.bytes, plan.cache_bytes, 10);
    drop(store);
    let store = Store::open(options(directory.path())).unwrap();
    assert_near("index after opening", index(&store), plan.index_bytes_opened, 2);
}

#[test]
fn stores_take_what_their_plan_says() {
    let keys = by_form([20_000, 100_000, 1_000_000]);
    for (key_bytes, value_bytes) in [(8, 16), (16, 100), (17, 200), (40, 1000), (64, 4096)] {
        // The largest ones take as much time as the others.
        let keys = if value_bytes > 500 { keys / 4 } else { keys };
        println!("{keys} keys of {key_bytes} and {value_bytes} bytes");
        compare(PlannedData { keys, key_bytes, value_bytes });
    }
}

#[test]
fn a_store_that_is_overwritten_stays_below_the_most_that_is_planned() {
    let directory = TempDir::new().unwrap();
    let options = options(directory.path()).segment_bytes_max(1 << 18);
    let options = options.compaction_bytes_min(1 << 20);
    let data = PlannedData { keys: 10_000, key_bytes: 16, value_bytes: 200 };
    let plan = Store::plan(&options, &data).unwrap();
    let store = Store::open(options).unwrap();
    let (keys, mut random) = (keys(&data), Random(1));
    let rounds = by_form([40, 200, 2_000]);
    for _ in 0..rounds {
        for _ in 0..1000 {
            let key = &keys[usize::try_from(random.below(data.keys)).unwrap()];
            store.set(key.as_slice(), vec![b'v'; 200]).unwrap();
        }
        // While a compaction runs, writes go on: it comes back as soon as that is done.
        wait_until("the log is compacted", || {
            directory_bytes(directory.path()) <= plan.disk_bytes_max() / 10 * 11
        });
    }
    // One compaction may free the garbage of many rounds, if it begins late: how many there were is
    // up to the threads, but without any the log would be larger than is planned.
    let written = rounds * 1000 * (data.key_bytes + data.value_bytes);
    assert!(written > plan.disk_bytes_max() / 10 * 11, "too little is written to compact it");
    assert!(store.stats().compactions.unwrap().compactions > 0);
}

#[test]
fn small_and_huge_data_can_be_planned_and_other_engines_cannot() {
    let nothing = Store::plan(&Options::new("data"), &PlannedData::default()).unwrap();
    assert!(nothing.index_bytes < 1000 && nothing.cache_bytes == 0 && nothing.log_bytes < 200);
    let data = PlannedData { keys: u64::MAX, key_bytes: u64::MAX, value_bytes: u64::MAX };
    let huge = Store::plan(&Options::new("data"), &data).unwrap();
    assert_eq!(huge.disk_bytes_max(), u64::MAX);
    for &engine in EngineKind::available() {
        let planned = Store::plan(&Options::new("data").engine(engine), &data);
        match planned {
            Err(Error::Unsupported { engine: named, .. }) => assert_eq!(named, engine.name()),
            planned => assert!(planned.is_ok() && engine == EngineKind::Kvs),
        }
    }
}
