//! The saving of a shared commit: threads that write at the same time, and one that writes in
//! batches.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kvs::{Durability, EngineKind, Options, Store};
use tempfile::TempDir;

mod common;

use common::keys::{Picks, VALUE_BYTES};

/// The numbers of threads that write at once, or of keys that a batch sets.
const SIZES: [usize; 4] = [1, 8, 64, 512];

/// The distance between the first keys of a thread and of the one before it.
const PICKS_APART: usize = 127;

const INTERVAL: Duration = Duration::from_secs(1);

/// Engines and durabilities to compare by name; sled flushes every group in any durability.
const WRITERS: &[(&str, EngineKind, Durability)] = &[
    ("always", EngineKind::Kvs, Durability::Always),
    ("interval", EngineKind::Kvs, Durability::Interval(INTERVAL)),
    #[cfg(feature = "sled")]
    ("sled", EngineKind::Sled, Durability::Interval(INTERVAL)),
];

fn open(engine: EngineKind, durability: Durability) -> (Store, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let options = Options::new(directory.path()).engine(engine).durability(durability);
    (Store::open(options).expect("the temporary directory is empty"), directory)
}

/// Returns the time until each of the threads has set that many keys, one after the other.
fn write_at_once(store: &Store, picks: &Picks, threads: usize, sets: u64) -> Duration {
    let start = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..threads)
            .map(|number| {
                let (start, mut picks) = (&start, picks.starting_at(number * PICKS_APART));
                scope.spawn(move || {
                    start.wait();
                    for _ in 0..sets {
                        store.set(picks.key(), vec![8; VALUE_BYTES]).expect("there is room");
                    }
                })
            })
            .collect();
        start.wait();
        let begin = Instant::now();
        for writer in writers {
            writer.join().expect("no writer fails");
        }
        begin.elapsed()
    })
}

fn writers(criterion: &mut Criterion) {
    for &(name, engine, durability) in WRITERS {
        let mut group = criterion.benchmark_group(format!("writers, {name}"));
        for threads in SIZES {
            group.throughput(Throughput::Elements(threads as u64));
            let (store, _directory) = open(engine, durability);
            let picks = Picks::uniform(1);
            group.bench_function(threads.to_string(), |bencher| {
                bencher.iter_custom(|sets| write_at_once(&store, &picks, threads, sets));
            });
        }
        group.finish();
    }
}

fn batches(criterion: &mut Criterion) {
    for &(name, engine, durability) in WRITERS {
        let mut group = criterion.benchmark_group(format!("batches, {name}"));
        for keys in SIZES {
            group.throughput(Throughput::Elements(keys as u64));
            let (store, _directory) = open(engine, durability);
            let mut picks = Picks::uniform(1);
            group.bench_function(keys.to_string(), |bencher| {
                bencher.iter_batched(
                    || picks.batch(keys),
                    |batch| store.write(batch).expect("there is room"),
                    BatchSize::SmallInput,
                );
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = common::settings();
    targets = writers, batches
}
criterion_main!(benches);
