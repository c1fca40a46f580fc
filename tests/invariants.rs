//! Invariants that hold at every moment of a busy server, whatever the order of things: a batch is
//! seen whole, no increment is lost, and nobody sees time go back.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Instant;

use common::connection::PATIENCE;
use common::connection::redis::{RedisConnection, Reply};
use common::form::by_form;
use common::running::Running;
use common::text;
use kvs::{ClientOptions, Durability, EngineKind, KvsClient, Options, ServerOptions};
use tempfile::TempDir;

/// The number of keys that a batch sets to the same number.
const KEYS: usize = 20;

/// Returns the number of batches that each writer writes.
fn batches() -> usize {
    by_form([150, 600, 600])
}

/// Returns the number of reads beside them that proves something.
fn reads_least() -> u64 {
    by_form([100, 500, 500])
}

const WRITERS: usize = 3;

/// Returns a server with segments so small that they are compacted all the time.
fn start(directory: &TempDir, engine: EngineKind) -> Running {
    let options = Options::new(directory.path()).engine(engine).durability(Durability::Never);
    let options = options.segment_bytes_max(64 << 10).compaction_bytes_min(16 << 10);
    Running::start_on(options, ServerOptions::default().workers(3).readers(2))
}

fn connect(address: SocketAddr) -> KvsClient {
    KvsClient::connect_with(address, &ClientOptions::default().timeout(PATIENCE)).unwrap()
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|key| format!("key{key:02}")).collect()
}

fn command(name: &str, arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(arguments).collect()
}

/// Returns the one number that all keys have, in this order: nothing else may be read.
fn one_number(values: impl IntoIterator<Item = Option<Vec<u8>>>, how: &str) -> usize {
    let values: Vec<_> = values.into_iter().map(|value| value.map(|value| text(&value))).collect();
    assert_eq!(values.len(), KEYS, "{how}");
    assert!(values.iter().all(|value| *value == values[0]), "{how} saw parts: {values:?}");
    values[0].as_ref().expect("a live key is missing").parse().unwrap()
}

/// Tells the readers to stop once the writers are done, even if one failed.
fn stop_after(writers: Vec<ScopedJoinHandle<'_, ()>>, done: &AtomicBool) {
    let results: Vec<_> = writers.into_iter().map(ScopedJoinHandle::join).collect();
    done.store(true, Ordering::Relaxed);
    assert!(results.iter().all(Result::is_ok), "a writer failed");
}

fn redis_values(replies: Vec<Reply>) -> Vec<Option<Vec<u8>>> {
    let [Reply::Array(values)] = &replies[..] else { panic!("{replies:?}") };
    let value = |value: &Reply| match value {
        Reply::Bulk(value) => value.clone(),
        other => panic!("{other:?}"),
    };
    values.iter().map(value).collect()
}

/// Reads every key at one moment in each way there is; the number, which may be older in the next
/// call.
fn read(address: SocketAddr, number: usize) -> Box<dyn FnMut() -> usize + Send> {
    if number.is_multiple_of(3) {
        let mut redis = RedisConnection::open(address).unwrap();
        return Box::new(move || {
            let replies = redis.call(&[command("MGET", keys())]).unwrap();
            one_number(redis_values(replies), "MGET")
        });
    }
    let mut client = connect(address);
    Box::new(move || match number % 3 {
        1 => one_number(client.get_many(&keys()).unwrap(), "a read of many keys"),
        _ => {
            let range = b"key".to_vec()..b"kez".to_vec();
            let entries = client.scan(range, KEYS + 1).unwrap().into_iter();
            one_number(entries.map(|(_, value)| Some(value)), "a scan")
        }
    })
}

/// Writes the same number to all keys, each writer numbers of its own that grow, and goes on until
/// so many reads were made meanwhile.
fn write(address: SocketAddr, writer: usize, reads: &AtomicU64) {
    let mut redis = RedisConnection::open(address).unwrap();
    let start = Instant::now();
    let is_wanted = |batch: &usize| {
        let is_read = reads.load(Ordering::Relaxed) >= reads_least();
        *batch <= batches() || !is_read && start.elapsed() < PATIENCE
    };
    for batch in (1..).take_while(is_wanted) {
        let number = (batch * WRITERS + writer).to_string();
        let pairs = keys().into_iter().flat_map(|key| [key, number.clone()]);
        let set = command("MSET", pairs);
        let replies = redis.call(&[set]).unwrap();
        assert_eq!(replies, [Reply::Simple("OK".to_owned())]);
    }
}

fn batches_are_seen_whole(engine: EngineKind) {
    let directory = TempDir::new().unwrap();
    let server = start(&directory, engine);
    let pairs = keys().into_iter().flat_map(|key| [key, "0".to_owned()]);
    RedisConnection::open(server.address).unwrap().call(&[command("MSET", pairs)]).unwrap();
    let done = AtomicBool::new(false);
    let reads = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (address, done, reads) = (server.address, &done, &reads);
        let write = |writer| scope.spawn(move || write(address, writer, reads));
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        for number in 0..6 {
            scope.spawn(move || {
                let mut read = read(address, number);
                // Of each writer.
                let mut newest = [0; WRITERS];
                while !done.load(Ordering::Relaxed) {
                    let number = read();
                    let newest = &mut newest[number % WRITERS];
                    assert!(number >= *newest, "{number} came back after {newest}");
                    *newest = number;
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        stop_after(writers, done);
    });
    let reads = reads.into_inner();
    println!(
        "{engine}: {reads} reads of {KEYS} keys beside at least {} batches",
        batches() * WRITERS
    );
    assert!(reads >= reads_least(), "too little was read");
}

#[test]
fn batches_are_seen_whole_on_kvs() {
    batches_are_seen_whole(EngineKind::Kvs);
}

#[test]
fn batches_are_seen_whole_in_memory() {
    batches_are_seen_whole(EngineKind::Memory);
}

#[test]
fn keys_that_come_and_go_together_are_counted_together() {
    let directory = TempDir::new().unwrap();
    let server = start(&directory, EngineKind::Kvs);
    // Both were seen, or something else.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut redis = RedisConnection::open(server.address).unwrap();
            let set = command("MSET", keys().into_iter().flat_map(|key| [key, "x".to_owned()]));
            let remove = command("DEL", keys());
            let start = Instant::now();
            let is_wanted = |batch: &usize| {
                let is_over = is_over.load(Ordering::Relaxed);
                *batch <= batches() || !is_over && start.elapsed() < PATIENCE
            };
            for _ in (1..).take_while(is_wanted) {
                redis.call(std::slice::from_ref(&set)).unwrap();
                redis.call(std::slice::from_ref(&remove)).unwrap();
            }
        });
        let mut redis = RedisConnection::open(server.address).unwrap();
        let (mut all, mut none) = (0, 0);
        while !writer.is_finished() {
            match &redis.call(&[command("EXISTS", keys())]).unwrap()[..] {
                [Reply::Integer(0)] => none += 1,
                [Reply::Integer(count)] if usize::try_from(*count) == Ok(KEYS) => all += 1,
                other => {
                    is_over.store(true, Ordering::Relaxed);
                    panic!("EXISTS saw parts of a batch: {other:?}");
                }
            }
            is_over.store(all > 0 && none > 0, Ordering::Relaxed);
        }
        println!("{all} times all keys were there and {none} times none");
        assert!(all > 0 && none > 0, "too little was seen");
    });
}

#[test]
fn no_acknowledged_increment_is_lost() {
    const THREADS: usize = 6;
    let rounds: i64 = by_form([100, 400, 400]);
    for &engine in EngineKind::available() {
        let directory = TempDir::new().unwrap();
        let server = start(&directory, engine);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let address = server.address;
                scope.spawn(move || {
                    let mut redis = RedisConnection::open(address).unwrap();
                    let mut last = 0;
                    let pipeline = [
                        command("INCRBY", ["n".to_owned(), "2".to_owned()]),
                        command("GET", ["n".to_owned()]),
                        command("DECR", ["n".to_owned()]),
                        command("INCR", [format!("own{thread}")]),
                    ];
                    for round in 1..=rounds {
                        let replies = redis.call(&pipeline).unwrap();
                        let [
                            Reply::Integer(added),
                            Reply::Bulk(Some(read)),
                            Reply::Integer(taken),
                            own,
                        ] = &replies[..]
                        else {
                            panic!("{replies:?}")
                        };
                        // Each thread adds at least what it takes, so its sum never falls below its
                        // own.
                        assert!(*added > last && *taken >= round, "{added} and {taken} in {round}");
                        assert!(text(read).parse::<i64>().unwrap() > round);
                        assert_eq!(*own, Reply::Integer(round));
                        last = round;
                    }
                });
            }
        });
        let sum = i64::try_from(THREADS).unwrap() * rounds;
        let value = server.store.get("n").unwrap().unwrap();
        assert_eq!(text(&value), sum.to_string(), "{engine}");
    }
}

#[test]
fn no_reader_sees_a_counter_go_back_while_it_is_compacted() {
    const COUNTERS: usize = 50;
    let rounds: usize = by_form([40, 150, 150]);
    let directory = TempDir::new().unwrap();
    let server = start(&directory, EngineKind::Kvs);
    let done = AtomicBool::new(false);
    let acknowledged: Vec<_> = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (address, acknowledged) = (server.address, &acknowledged);
                scope.spawn(move || {
                    let mut redis = RedisConnection::open(address).unwrap();
                    for _ in 0..rounds {
                        for counter in (writer..COUNTERS).step_by(2) {
                            let increment = command("INCR", [format!("counter{counter}")]);
                            let replies = redis.call(&[increment]).unwrap();
                            let [Reply::Integer(value)] = replies[..] else {
                                panic!("{replies:?}")
                            };
                            let value = u64::try_from(value).unwrap();
                            acknowledged[counter].store(value, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = connect(server.address);
                let mut seen = [0; COUNTERS];
                while !done.load(Ordering::Relaxed) {
                    for (counter, seen) in seen.iter_mut().enumerate() {
                        let floor = acknowledged[counter].load(Ordering::SeqCst).max(*seen);
                        let value = client.get(format!("counter{counter}")).unwrap();
                        *seen = value.map_or(0, |value| text(&value).parse().unwrap());
                        assert!(*seen >= floor, "counter {counter} is {seen}, was {floor}");
                    }
                }
            });
        }
        stop_after(writers, &done);
    });
}
