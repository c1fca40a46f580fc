//! The saving of a shared commit: threads that write at the same time, and one that writes in
//! batches; and of the writer's turn on the thread that brings a write.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kvs::internals::set_by_message;
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

type Set = fn(&Store, Vec<u8>, Vec<u8>) -> kvs::Result<()>;

/// Ways of a set: in the turn of the thread that brings it where that can be, or always in one of
/// the writer's own thread.
const TURNS: [(&str, Set); 2] = [
    ("turn of the caller", |store, key, value| store.set(key, value)),
    ("turn of the thread", set_by_message),
];

fn open(engine: EngineKind, durability: Durability) -> (Store, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let options = Options::new(directory.path()).engine(engine).durability(durability);
    (Store::open(options).expect("the temporary directory is empty"), directory)
}

/// Returns the time until each of the threads has set that many keys, one after the other.
fn write_at_once(
    set: impl Fn(Vec<u8>, Vec<u8>) -> kvs::Result<()> + Copy + Send,
    picks: &Picks,
    threads: usize,
    sets: u64,
) -> Duration {
    let start = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..threads)
            .map(|number| {
                let (start, mut picks) = (&start, picks.starting_at(number * PICKS_APART));
                scope.spawn(move || {
                    start.wait();
                    for _ in 0..sets {
                        set(picks.key().to_vec(), vec![8; VALUE_BYTES]).expect("there is room");
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
            for (turn, set) in TURNS {
                let (store, _directory) = open(engine, durability);
                let picks = Picks::uniform(1);
                group.bench_function(BenchmarkId::new(turn, threads), |bencher| {
                    let set = |key, value| set(&store, key, value);
                    bencher.iter_custom(|sets| write_at_once(set, &picks, threads, sets));
                });
            }
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
