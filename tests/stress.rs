//! Invariants that hold at every moment while everything goes on at once: a live key is never
//! missing, a value never goes back, and no value is ever another key's.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::directory_bytes;
use common::form::by_form;
use common::wait::{PATIENCE, wait_until};
use kvs::{EngineKind, Options, Store};
use tempfile::TempDir;

/// Returns the time for which each engine is under stress.
fn duration() -> Duration {
    Duration::from_secs(by_form([1, 10, 60]))
}

/// Returns the number of reads, and of writes, that prove something. All threads do their share of
/// them, however little time the machine gives them.
fn least() -> u64 {
    by_form([2_000, 5_000, 5_000])
}

const KEYS: usize = 200;
const READERS: usize = 2;

/// Each owns every so-many-th key, so that the rounds of one key stay in order.
const WRITERS: usize = 16;

fn round_of(key: usize, value: &[u8]) -> u64 {
    let text = std::str::from_utf8(value).unwrap();
    let (owner, round) = text.split_once(':').unwrap();
    assert_eq!(owner.parse::<usize>().unwrap(), key, "another key's value");
    round.trim_end_matches('.').parse().unwrap()
}

/// Overwrites every key again and again while readers check what they see, for some time and until
/// it is enough; returns reads and writes.
fn overwrite_and_read(store: &Store, is_enough: impl Fn() -> bool) -> (u64, u64) {
    let set = |key: usize, round: u64| {
        // Lengths vary from the first round on, so that places in the log do not line up.
        let padding = ".".repeat(usize::try_from(round * 37 % 97).unwrap() * 5);
        store.set(format!("key{key}"), format!("{key}:{round}{padding}")).unwrap();
    };
    (0..KEYS).for_each(|key| set(key, 0));
    let acknowledged: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    let stop = AtomicBool::new(false);
    let (start, duration) = (Instant::now(), duration());
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let (store, acknowledged, stop) = (store.clone(), &acknowledged, &stop);
                scope.spawn(move || {
                    let mut seen = vec![0; KEYS];
                    let mut reads = 0;
                    let mut key = reader;
                    while !stop.load(Ordering::Relaxed) || reads < least() / READERS as u64 {
                        key = (key * 31 + 17) % KEYS;
                        let floor = acknowledged[key].load(Ordering::Acquire).max(seen[key]);
                        let value = store.get(format!("key{key}")).unwrap();
                        let round = round_of(key, &value.expect("a live key was missing"));
                        assert!(round >= floor, "key {key} went back from {floor} to {round}");
                        seen[key] = round;
                        reads += 1;
                        key += 1;
                    }
                    reads
                })
            })
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (acknowledged, stop, set) = (&acknowledged, &stop, &set);
                scope.spawn(move || {
                    let (mut round, mut writes) = (0, 0);
                    while !stop.load(Ordering::Relaxed) || writes < least() / WRITERS as u64 {
                        round += 1;
                        for key in (writer..KEYS).step_by(WRITERS) {
                            set(key, round);
                            acknowledged[key].store(round, Ordering::Release);
                            writes += 1;
                        }
                    }
                    writes
                })
            })
            .collect();
        let is_over = || start.elapsed() >= duration && (is_enough() || start.elapsed() > PATIENCE);
        while !is_over() && !readers.iter().any(|reader| reader.is_finished()) {
            thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
        let writes = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        let reads = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        (reads, writes)
    })
}

#[test]
fn a_live_key_is_never_missing_while_it_is_overwritten_and_compacted() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).segment_bytes_max(64 << 10);
    let store = Store::open(options.compaction_bytes_min(64 << 10)).unwrap();
    let first = directory.path().join("00000000000000000001.log");
    store.set("key0", "0:0").unwrap();
    assert!(first.exists());
    let (reads, writes) = overwrite_and_read(&store, || !first.exists());
    assert!(!first.exists(), "nothing was compacted beside {writes} writes");
    // A third of what was written, but the segment that is written to and the one that is made
    // ahead are there in any case.
    let bytes_max = writes * 100 + (128 << 10);
    wait_until("garbage is compacted", || directory_bytes(directory.path()) < bytes_max);
    let bytes = directory_bytes(directory.path());
    println!("kvs: {reads} reads beside {writes} writes, {bytes} bytes are left");

    // One after the other, so that each has the machine to itself.
    let options = Options::new("unused").engine(EngineKind::Memory);
    let (reads, writes) = overwrite_and_read(&Store::open(options).unwrap(), || true);
    println!("memory: {reads} reads beside {writes} writes");
}
