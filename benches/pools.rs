//! The server of actors against the classic one: a thread pool, and a store behind a lock.
//!
//! | server | threads that serve | store |
//! |---|---|---|
//! | `actors, 1 worker` | one worker for all connections, one reader | `kvs` |
//! | `actors, 2 workers` | two workers, two readers | `kvs` |
//! | `naive, lock` | one for each connection | a log and an index behind a mutex |
//! | `shared queue, lock` | as many as there are connections | the same |
//! | `rayon, lock` | as many as there are connections | the same |
//! | `shared queue, kvs` | as many as there are connections | `kvs`, which needs no lock |
//!
//! Nobody syncs, and nobody compacts, which the log cannot. A pool with fewer threads than
//! connections would leave some of them without an answer, so there is no single thread of a pool
//! that serves many clients; one worker does. The clients share the machine.

use std::sync::{Arc, Mutex};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use kvs::Durability;
use kvs::thread_pool::{NaiveThreadPool, RayonThreadPool, SharedQueueThreadPool};
use tempfile::TempDir;

mod common;

use common::actor_server::ActorServer;
use common::filled::Filled;
use common::keys::{KEYS, Picks, VALUE_BYTES, key};
use common::load::{Load, Mix};
use common::log_store::LogStore;
use common::pool_server::{Locked, PoolServer};

/// The number of clients, and of requests that each sends before it waits.
const LOADS: [(u32, usize); 3] = [(1, 1), (16, 1), (16, 16)];

/// Returns a log with all keys, and its directory.
fn fill_log() -> (Locked, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    let mut log = LogStore::create(directory.path()).expect("the directory is empty");
    for number in 0..KEYS {
        log.set(&key(number), &[7; VALUE_BYTES]).expect("there is room");
    }
    (Arc::new(Mutex::new(log)), directory)
}

/// Measures the load on a server that is started for it.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mix: Mix,
    (clients, depth): (u32, usize),
    start: impl Fn() -> Server,
) {
    // Clients leave before their server stops.
    let mut running = None;
    group.bench_function(name, |bencher| {
        let (load, _server) = running.get_or_insert_with(|| {
            let server = start();
            let picks = (0..clients).map(|client| Picks::uniform(client.into())).collect();
            (Load::connect(server.address(), picks, depth, VALUE_BYTES), server)
        });
        bencher.iter_custom(|rounds| load.run(mix, rounds));
    });
}

/// Any of them.
enum Server {
    Actors(ActorServer),
    Pool(PoolServer),
}

impl Server {
    fn address(&self) -> std::net::SocketAddr {
        match self {
            Self::Actors(server) => server.address,
            Self::Pool(server) => server.address,
        }
    }
}

fn pools(criterion: &mut Criterion) {
    let (locked, _directory) = &fill_log();
    // The log does neither, and what is compared is the way to the store.
    let filled = Filled::new(KEYS, VALUE_BYTES, |options| {
        options.durability(Durability::Never).compaction_bytes_min(u64::MAX)
    });
    let kvs = &filled.store;
    for mix in [Mix::Reads, Mix::Writes] {
        for (clients, depth) in LOADS {
            let name = format!("{}, clients {clients}, pipeline {depth}", mix.name());
            let mut group = criterion.benchmark_group(name);
            group.throughput(Throughput::Elements(u64::from(clients) * depth as u64));
            let mut add = |name: &str, start: &dyn Fn() -> Server| {
                measure(&mut group, name, mix, (clients, depth), start);
            };
            add("actors, 1 worker", &|| Server::Actors(ActorServer::start(kvs, 1, 1)));
            add("actors, 2 workers", &|| Server::Actors(ActorServer::start(kvs, 2, 2)));
            add("naive, lock", &|| {
                Server::Pool(PoolServer::start::<NaiveThreadPool>(clients, Arc::clone(locked)))
            });
            add("shared queue, lock", &|| {
                let store = Arc::clone(locked);
                Server::Pool(PoolServer::start::<SharedQueueThreadPool>(clients, store))
            });
            add("rayon, lock", &|| {
                Server::Pool(PoolServer::start::<RayonThreadPool>(clients, Arc::clone(locked)))
            });
            add("shared queue, kvs", &|| {
                Server::Pool(PoolServer::start::<SharedQueueThreadPool>(clients, kvs.clone()))
            });
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = common::settings();
    targets = pools
}
criterion_main!(benches);
