//! The number of actors that pays: connection workers and readers of a server, by what its clients
//! do.
//!
//! | group | what varies | why |
//! |---|---|---|
//! | `warm get`, `warm set` | workers | no reader has anything to do while the values are in memory |
//! | `warm mixed` | workers and readers | to show just that |
//! | `cold get` | workers and readers | every read waits for the disk, and so goes to a reader |
//! | `cold mixed` | readers | the same beside writes |
//!
//! Warm means that the values are in memory, where workers read them; cold that they are only on
//! the disk: the files are dropped from the page cache before the clients read them. The clients
//! share the machine with the server.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kvs::Durability;

mod common;

use common::actor_server::ActorServer;
use common::filled::Filled;
use common::keys::{KEYS, Picks, VALUE_BYTES};
use common::load::{Load, Mix};
use common::page_cache;

const WORKERS: [usize; 4] = [1, 2, 4, 8];
/// There is always a reader: a worker waits for no disk.
const READERS: [usize; 4] = [1, 2, 4, 8];

/// As many as the most workers, so that each of them has a connection.
const CLIENTS: u64 = 8;

/// The number of requests that a client sends before it waits for the replies.
const DEPTH: usize = 16;

/// The number of keys of its own that a cold client reads.
const COLD_KEYS: u64 = 1 << 11;

/// Values of a page each, so that reading one brings no other into memory.
const COLD_VALUE_BYTES: usize = 4 << 10;

/// After so many rounds a cold client would come to keys that it has read: the cache is dropped
/// before.
const COLD_ROUNDS: u64 = COLD_KEYS / DEPTH as u64;

/// Returns a store whose values are in its cache once they were read, and in the page cache before.
fn fill_warm() -> Filled {
    Filled::new(KEYS, VALUE_BYTES, |options| options.durability(Durability::Never))
}

/// Returns a store that leaves its files alone and remembers no value: a compaction would read what
/// is to be cold.
fn fill_cold() -> Filled {
    Filled::new(CLIENTS * COLD_KEYS, COLD_VALUE_BYTES, |options| {
        options.durability(Durability::Never).compaction_bytes_min(u64::MAX).cache_bytes(0)
    })
}

/// Leaves the values on the disk alone.
fn cool(filled: &Filled) {
    filled.store.sync().expect("the disk takes what was written");
    page_cache::drop_files(filled.directory.path());
}

/// Measures the load of all clients on a server with each of the counts of workers and readers.
fn compare(
    criterion: &mut Criterion,
    name: &str,
    counts: &[(usize, usize)],
    connect: impl Fn(&ActorServer) -> Load,
    fill: fn() -> Filled,
    mut run: impl FnMut(&Filled, &mut Load, u64) -> Duration,
) {
    let mut filled = None;
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(CLIENTS * DEPTH as u64));
    for &(workers, readers) in counts {
        let id = BenchmarkId::new(format!("{workers} workers"), format!("{readers} readers"));
        // Clients leave before their server stops.
        let mut running = None;
        group.bench_function(id, |bencher| {
            let filled = filled.get_or_insert_with(fill);
            let (load, _server) = running.get_or_insert_with(|| {
                let server = ActorServer::start(&filled.store, workers, readers);
                (connect(&server), server)
            });
            bencher.iter_custom(|rounds| run(filled, load, rounds));
        });
    }
    group.finish();
}

/// Measures reads of values in memory.
fn warm(criterion: &mut Criterion, mix: Mix, counts: &[(usize, usize)]) {
    let connect = |server: &ActorServer| {
        let picks = (0..CLIENTS).map(Picks::uniform).collect();
        Load::connect(server.address, picks, DEPTH, VALUE_BYTES)
    };
    let name = format!("warm {}", mix.name());
    compare(criterion, &name, counts, connect, fill_warm, |_, load, rounds| load.run(mix, rounds));
}

/// Measures reads of values on the disk.
fn cold(criterion: &mut Criterion, mix: Mix, counts: &[(usize, usize)]) {
    let connect = |server: &ActorServer| {
        let of_its_own = |client| Picks::each_once(client * COLD_KEYS, COLD_KEYS);
        let picks = (0..CLIENTS).map(of_its_own).collect();
        Load::connect(server.address, picks, DEPTH, COLD_VALUE_BYTES)
    };
    let name = format!("cold {}", mix.name());
    compare(criterion, &name, counts, connect, fill_cold, |filled, load, rounds| {
        let mut took = Duration::ZERO;
        let mut left = rounds;
        while left > 0 {
            let now = left.min(COLD_ROUNDS);
            cool(filled);
            took += load.run(mix, now);
            left -= now;
        }
        took
    });
}

fn crossed() -> Vec<(usize, usize)> {
    let pairs = WORKERS.iter().map(|workers| READERS.map(|readers| (*workers, readers)));
    pairs.flatten().collect()
}

fn actors(criterion: &mut Criterion) {
    let workers = WORKERS.map(|workers| (workers, 1));
    let readers = READERS.map(|readers| (2, readers));
    warm(criterion, Mix::Reads, &workers);
    warm(criterion, Mix::Writes, &workers);
    warm(criterion, Mix::Mixed, &crossed());
    cold(criterion, Mix::Reads, &crossed());
    cold(criterion, Mix::Mixed, &readers);
}

criterion_group! {
    name = benches;
    config = common::settings();
    targets = actors
}
criterion_main!(benches);
