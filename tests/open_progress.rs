//! The progress of openings, as a program is told of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::wait::wait_until;
use kvs::{Durability, EngineKind, OpenPhase, OpenProgress, Options, Store};

fn options(directory: &Path) -> Options {
    let options = Options::new(directory).durability(Durability::Never);
    options.compaction_bytes_min(1 << 40)
}

/// Opens the store, and returns what was told meanwhile, once it is what every opening tells.
fn told(options: Options) -> (Store, Vec<OpenProgress>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&told);
    let store = Store::open(options.on_open_progress(move |now| all.lock().unwrap().push(now)));
    let told = told.lock().unwrap().clone();
    check(&told);
    (store.unwrap(), told)
}

/// Checks that no number goes back, that each is within its total, and that all reach theirs.
fn check(told: &[OpenProgress]) {
    for pair in told.windows(2) {
        let [before, after] = pair else { continue };
        assert!(before.bytes_read <= after.bytes_read, "{pair:?}");
        assert!(before.bytes_total <= after.bytes_total, "{pair:?}");
        assert!(before.records_indexed <= after.records_indexed, "{pair:?}");
        assert!(before.records_found <= after.records_found, "{pair:?}");
        assert_ne!(before.phase, OpenPhase::Finished);
    }
    for now in told {
        assert!(now.bytes_read <= now.bytes_total, "{now:?}");
        assert!(now.records_indexed <= now.records_found, "{now:?}");
    }
    let last = told.last().unwrap();
    assert_eq!(last.phase, OpenPhase::Finished);
    assert_eq!(last.bytes_read, last.bytes_total);
    assert_eq!(last.records_indexed, last.records_found);
}

/// Checks that something was told at the beginning, and for each mebibyte that was read.
fn check_steps(told: &[OpenProgress], segments_read: usize) {
    let first = told[0];
    assert_eq!((first.bytes_read, first.records_found), (0, 0));
    assert_eq!(first.phase, OpenPhase::Reading);
    let steps = told.windows(2).filter(|pair| pair[0].bytes_read < pair[1].bytes_read).count();
    let mebibytes = usize::try_from(first.bytes_total >> 20).unwrap();
    assert!(steps >= mebibytes.min(mebibytes / 2 + segments_read), "{steps} of {mebibytes} MiB");
    assert!(told.iter().any(|now| now.phase == OpenPhase::Indexing));
}

/// Returns the bytes of the segments that hold something.
fn log_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let logs = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "log"));
    logs.map(|entry| entry.metadata().unwrap().len()).filter(|bytes| *bytes > 72).sum()
}

fn hints(directory: &Path) -> Vec<std::path::PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "hint")).collect()
}

fn fill(store: &Store, keys: usize) {
    (0..keys).for_each(|key| store.set(format!("key{key:06}"), vec![7; 4000]).unwrap());
}

#[test]
fn a_log_of_several_segments_is_told_with_hints_and_without() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let options = || options(path).segment_bytes_max(2 << 20);
    let (store, told_empty) = told(options());
    assert_eq!(told_empty.last().unwrap().bytes_total, 0);
    fill(&store, 3000);
    wait_until("hints", || hints(path).len() >= 5);
    drop(store);
    let (store, told_hinted) = told(options());
    assert_eq!(told_hinted[0].bytes_total, log_bytes(path));
    assert_eq!(told_hinted.last().unwrap().records_found, 3000);
    check_steps(&told_hinted, 0);
    drop(store);
    hints(path).into_iter().for_each(|hint| fs::remove_file(hint).unwrap());
    let (store, told_whole) = told(options());
    assert_eq!(told_whole.last().unwrap().records_found, 3000);
    check_steps(&told_whole, 5);
    assert!(told_whole.len() > told_hinted.len());
    assert_eq!(store.len().unwrap(), 3000);
}

#[test]
fn one_long_segment_is_told_by_the_mebibyte() {
    let directory = tempfile::tempdir().unwrap();
    fill(&told(options(directory.path())).0, 2000);
    let (_, told) = told(options(directory.path()));
    check_steps(&told, 1);
    assert!(told.len() >= 8, "{told:?}");
}

#[test]
fn every_engine_tells_of_the_end() {
    for &engine in EngineKind::available() {
        let directory = tempfile::tempdir().unwrap();
        let (_, told) = told(options(directory.path()).engine(engine));
        assert!(!told.is_empty(), "{engine}");
    }
}

#[test]
fn an_opening_that_fails_is_never_told_as_finished() {
    let directory = tempfile::tempdir().unwrap();
    fill(&Store::open(options(directory.path())).unwrap(), 500);
    let log = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let log = log.into_iter().find(|path| path.ends_with("00000000000000000001.log")).unwrap();
    let mut bytes = fs::read(&log).unwrap();
    bytes[500_000] ^= 1;
    fs::write(&log, bytes).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&told);
    let options =
        options(directory.path()).on_open_progress(move |now| all.lock().unwrap().push(now));
    assert!(Store::open(options).unwrap_err().is_corruption());
    let told = told.lock().unwrap();
    assert!(!told.is_empty() && told.iter().all(|now| now.phase != OpenPhase::Finished));
}

#[test]
fn a_function_that_panics_is_not_called_again_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    fill(&Store::open(options(directory.path())).unwrap(), 2000);
    for panics_at in 0..8 {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let options = options(directory.path()).on_open_progress(move |_| {
            assert!(counted.fetch_add(1, Ordering::Relaxed) < panics_at, "planted");
        });
        let store = Store::open(options).unwrap();
        assert_eq!(store.len().unwrap(), 2000);
        assert_eq!(calls.load(Ordering::Relaxed), panics_at + 1);
        store.set("another", "value").unwrap();
        store.remove("another").unwrap();
    }
}

/// The directory of the store that a process opens which dies in the middle of it.
const DIES_IN: &str = "KVS_TEST_DIES_IN";
/// The number of the call in which it dies.
const DIES_AT: &str = "KVS_TEST_DIES_AT";

/// Does nothing but in a process that another test starts.
#[test]
fn dies_while_it_opens() {
    let Ok(directory) = env::var(DIES_IN) else { return };
    let dies_at: usize = env::var(DIES_AT).unwrap().parse().unwrap();
    let calls = AtomicUsize::new(0);
    let options = options(Path::new(&directory)).on_open_progress(move |_| {
        if calls.fetch_add(1, Ordering::Relaxed) == dies_at {
            process::abort();
        }
    });
    let store = Store::open(options).unwrap();
    store.set("written", "after it").unwrap();
    process::abort();
}

#[test]
fn an_opening_that_was_killed_is_told_anew_from_the_beginning() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fill(&Store::open(options(path).segment_bytes_max(1 << 20)).unwrap(), 2000);
    for dies_at in [0, 1, 4, 9, usize::MAX] {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "dies_while_it_opens"]);
        child.env(DIES_IN, path).env(DIES_AT, dies_at.to_string());
        assert!(!child.output().unwrap().status.success());
        let is_written = dies_at == usize::MAX;
        // Opened to be read first, which leaves the torn end as it is.
        for is_read_only in [true, false] {
            let (store, told) = told(options(path).read_only(is_read_only));
            check_steps(&told, 0);
            assert_eq!(store.len().unwrap(), 2000 + u64::from(is_written));
        }
    }
}
