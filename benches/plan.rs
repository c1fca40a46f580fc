//! The plan of a store beside what one takes on this machine: memory, disk, the time of opening.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kvs::{Durability, Options, PlannedData, Store, WriteBatch};

const KEY_BYTES: u64 = 16;
const VALUE_BYTES: usize = 100;
const BATCH_KEYS: usize = 1000;

fn options(directory: &Path) -> Options {
    Options::new(directory).durability(Durability::Never).compaction_bytes_min(u64::MAX)
}

/// Returns keys of 16 bytes, each another one, in an order like chance.
fn key(number: u64) -> [u8; 16] {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let mut key = [0; 16];
    key[..8].copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn fill(directory: &Path, keys: u64) -> Store {
    let store = Store::open(options(directory)).expect("the directory is new");
    for from in (0..keys).step_by(BATCH_KEYS) {
        let mut batch = WriteBatch::new();
        for number in from..(from + BATCH_KEYS as u64).min(keys) {
            batch.set(key(number), vec![7; VALUE_BYTES]);
        }
        store.write(batch).expect("there is room");
    }
    store.sync().expect("there is room");
    store
}

/// Waits until every sealed segment has a hint.
fn wait_for_hints(store: &Store) {
    while store.stats().segments.iter().any(|segment| segment.is_sealed && !segment.is_hinted) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn time_opening(directory: &Path) -> (Duration, Store) {
    let start = Instant::now();
    let store = Store::open(options(directory)).expect("the store is whole");
    (start.elapsed(), store)
}

fn print(what: &str, measured: u64, planned: u64) {
    println!("{what:32} {measured:>14} {planned:>14}");
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let keys = if is_test { 10_000 } else { 2_000_000 };
    let data = PlannedData { keys, key_bytes: KEY_BYTES, value_bytes: VALUE_BYTES as u64 };
    let places = tempfile::tempdir().expect("there is room");
    let (data_directory, killed) = (places.path().join("data"), places.path().join("killed"));
    let plan = Store::plan(&options(&data_directory), &data).expect("the engine has a plan");
    let store = fill(&data_directory, keys);
    wait_for_hints(&store);
    let stats = store.stats();
    println!("{:32} {:>14} {:>14}", format!("{keys} keys"), "measured", "planned");
    print("index, bytes", stats.index.map_or(0, |index| index.bytes), plan.index_bytes);
    let log = stats.segments.iter().map(|segment| segment.bytes).sum();
    // In batches a record is shorter by the header of its frame.
    let frames = 32 * (keys - keys.div_ceil(BATCH_KEYS as u64));
    print("log, bytes", log, plan.log_bytes - frames);
    // As a kill leaves it.
    fs::create_dir(&killed).expect("there is room");
    for entry in fs::read_dir(&data_directory).expect("it is there") {
        let entry = entry.expect("it is there");
        fs::copy(entry.path(), killed.join(entry.file_name())).expect("there is room");
    }
    drop(store);
    let (clean, store) = time_opening(&data_directory);
    let index = store.stats().index.map_or(0, |index| index.bytes);
    print("index once opened, bytes", index, plan.index_bytes_opened);
    drop(store);
    let (unclean, _) = time_opening(&killed);
    print("opening after a close, ms", milliseconds(clean), milliseconds(plan.open_after_close));
    print("opening after a kill, ms", milliseconds(unclean), milliseconds(plan.open_after_kill));
}
