//! A server that works for a long time loses nothing, and its use of memory, descriptors, threads
//! and disk space does not grow.
//!
//! Clients with keys of their own do random operations that depend on a seed alone, and compare
//! every answer with what they wrote. In the first two fifths the server is stopped or killed after
//! every few thousand operations; the rest is one life. Growth is measured in the second half of
//! the soak.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod slope;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use client::{Client, Connections};
use common::connection::PATIENCE;
use common::form::by_form;
use common::linearizability::workload::Dice;
use common::process::Server;
use common::random::setting;
use common::resources::{Resources, mebibytes};
use slope::slope;
use tempfile::TempDir;

const CLIENTS: u64 = 4;

/// The operations of each client between two looks at the server.
const OPERATIONS_PER_ROUND: u64 = 2000;

/// The growth of memory that is allowed in the second half: allocators keep some of what they were
/// given back.
const GROWTH_BYTES_MAX: u64 = 32 << 20;

/// The space on disk that a store may take beside twice its live data: the garbage that it waits
/// for before it compacts, and what was written meanwhile.
const DISK_BYTES_MORE: u64 = 8 << 20;

/// About what the log adds to a key and its value.
const OVERHEAD_BYTES: u64 = 64;

/// The length of a soak.
#[derive(Debug, Clone, Copy)]
enum Length {
    Rounds(u32),
    Seconds(u32),
}

/// The end of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    GoOn,
    Restart,
    Kill,
}

/// The measurements after a round.
#[derive(Debug, Clone, Copy)]
struct Sample {
    hours: f64,
    operations: u64,
    live_bytes: u64,
    resources: Resources,
}

struct Soak {
    directory: TempDir,
    seed: u64,
    length: Length,
    started: Instant,
    rounds: u32,
    clients: Vec<Client>,
    operations: AtomicU64,
    restarts: u32,
    kills: u32,
}

impl Soak {
    fn new(seed: u64, length: Length) -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            seed,
            length,
            started: Instant::now(),
            rounds: 0,
            clients: (0..CLIENTS).map(|number| Client::new(seed, number)).collect(),
            operations: AtomicU64::new(0),
            restarts: 0,
            kills: 0,
        }
    }

    fn directory(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    fn start(&self) -> Server {
        Server::start(self.directory.path(), &[])
    }

    /// Returns the part of the soak that is over, from zero to one.
    fn progress(&self) -> f64 {
        match self.length {
            Length::Rounds(rounds) => f64::from(self.rounds) / f64::from(rounds),
            Length::Seconds(seconds) => self.started.elapsed().as_secs_f64() / f64::from(seconds),
        }
    }

    /// Lets every client work, and kills the server meanwhile if that is the ending.
    fn round(&mut self, server: &Server, ending: Ending) {
        let seed = self.seed;
        let killed_at = self.operations.load(Ordering::Relaxed)
            + Dice::new(seed, u64::from(self.rounds)).roll(4000) as u64;
        let operations = &self.operations;
        std::thread::scope(|scope| {
            let work = |client| move || work(client, server, operations);
            let clients: Vec<_> =
                self.clients.iter_mut().map(|client| scope.spawn(work(client))).collect();
            if ending == Ending::Kill {
                while operations.load(Ordering::Relaxed) < killed_at
                    && !clients.iter().all(ScopedJoinHandle::is_finished)
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                server.signal("KILL");
            }
            for client in clients {
                let is_whole = client.join().unwrap_or_else(|_| panic!("replay with seed {seed}"));
                assert!(is_whole || ending == Ending::Kill, "the connection broke, seed {seed}");
            }
        });
        self.rounds += 1;
    }

    /// Ends a server as asked and starts the next one, which has to hold what was acknowledged.
    fn restart(&mut self, server: Server, ending: Ending) -> Server {
        if ending == Ending::Kill {
            server.kill();
            self.kills += 1;
        } else {
            server.signal("TERM");
            let (status, log) = server.wait();
            assert!(status.success(), "{log}");
            self.restarts += 1;
        }
        let server = self.start();
        let mut connections = Connections::open(server.address).unwrap();
        for client in &mut self.clients {
            let held = client.settle(&mut connections);
            let held = held.and_then(|()| client.compare(&mut connections));
            held.unwrap_or_else(|error| panic!("after {ending:?}, seed {}: {error}", self.seed));
        }
        let count: usize = self.clients.iter().map(Client::count).sum();
        assert_eq!(connections.count(), count as u64, "seed {}", self.seed);
        server
    }

    /// Returns the resources of a server that has answered these connections, and so has started
    /// all its threads.
    fn resources(&self, server: &Server, connections: &mut Connections) -> Resources {
        connections.count();
        Resources::of(server.id(), &self.directory())
    }

    fn live_bytes(&self) -> u64 {
        let live = |client: &Client| client.live_bytes() + client.count() as u64 * OVERHEAD_BYTES;
        self.clients.iter().map(live).sum()
    }

    fn sample(&self, server: &Server) -> Sample {
        Sample {
            hours: self.started.elapsed().as_secs_f64() / 3600.0,
            operations: self.operations.load(Ordering::Relaxed),
            live_bytes: self.live_bytes(),
            resources: Resources::of(server.id(), &self.directory()),
        }
    }

    fn run(mut self) {
        let mut server = self.start();
        let base = self.resources(&server, &mut Connections::open(server.address).unwrap());
        let mut samples = vec![];
        let mut minutes = 0;
        while self.progress() < 1.0 {
            let ending = match (self.progress() < 0.4, self.rounds % 3) {
                (false, _) | (_, 0) => Ending::GoOn,
                (_, 1) => Ending::Restart,
                _ => Ending::Kill,
            };
            self.round(&server, ending);
            if ending != Ending::GoOn {
                server = self.restart(server, ending);
            }
            let sample = self.sample(&server);
            if self.progress() >= 0.5 {
                samples.push(sample);
            }
            if self.started.elapsed().as_secs() / 60 > minutes {
                minutes = self.started.elapsed().as_secs() / 60;
                println!(
                    "minute {minutes}: {} operations, {}",
                    sample.operations, sample.resources
                );
            }
        }
        self.judge_growth(&samples);
        self.judge_rest(&server, base);
        let server = self.restart(server, Ending::Restart);
        self.judge_rest(&server, base);
        println!("{} restarts, {} kills, seed {}", self.restarts, self.kills, self.seed);
        assert!(self.restarts > 1 && self.kills > 0, "too little happened to prove anything");
    }

    /// Prints how the memory grew, and fails if it was by more than what the live data did.
    fn judge_growth(&self, samples: &[Sample]) {
        let (first, last) = (samples[0], samples[samples.len() - 1]);
        let slope = |over: fn(&Sample) -> f64| {
            let point =
                |sample: &Sample| (over(sample), mebibytes(sample.resources.resident_bytes));
            slope(&samples.iter().map(point).collect::<Vec<_>>())
        };
        println!(
            "{} operations in {:.0} s; memory in the second half: {:.1} to {:.1} MiB, \
             {:+.2} MiB an hour, {:+.3} MiB per million operations",
            last.operations,
            self.started.elapsed().as_secs_f64(),
            mebibytes(first.resources.resident_bytes),
            mebibytes(last.resources.resident_bytes),
            slope(|sample| sample.hours),
            slope(|sample| mebibytes(sample.operations) * 1.048_576),
        );
        let explained = 2 * last.live_bytes.saturating_sub(first.live_bytes);
        let allowed = first.resources.resident_bytes + explained + GROWTH_BYTES_MAX;
        assert!(last.resources.resident_bytes <= allowed, "memory grew: {first:?}, {last:?}");
        let disk = samples.iter().map(|sample| sample.resources.disk_bytes).max().unwrap();
        let live = samples.iter().map(|sample| sample.live_bytes).max().unwrap();
        let (disk, live) = (mebibytes(disk), mebibytes(live));
        println!(
            "disk at most {disk:.1} MiB while at work, for at most {live:.1} MiB of live data"
        );
    }

    /// Waits until a server without other clients has come to rest, where it takes what it began
    /// with, and no more disk than a compacted log.
    fn judge_rest(&self, server: &Server, base: Resources) {
        let written: u64 = self.clients.iter().map(|client| client.written_bytes).sum();
        let disk_bytes_max = 2 * self.live_bytes() + DISK_BYTES_MORE;
        let deadline = Instant::now() + PATIENCE;
        let is_at_rest = |now: &Resources| {
            (now.threads, now.descriptors, now.removed_files) == (base.threads, base.descriptors, 0)
                && now.disk_bytes <= disk_bytes_max
        };
        let mut connections = Connections::open(server.address).unwrap();
        let mut now = self.resources(server, &mut connections);
        while !is_at_rest(&now) {
            assert!(
                Instant::now() < deadline,
                "it began with {base}, it is left with {now} after {written} bytes were written"
            );
            std::thread::sleep(Duration::from_millis(20));
            now = self.resources(server, &mut connections);
        }
        let (written, live) = (mebibytes(written), mebibytes(self.live_bytes()));
        println!("at rest: {now}; {live:.1} MiB are live, {written:.1} MiB were written");
    }
}

/// Lets a client do its operations of a round; false if the connection broke.
fn work(client: &mut Client, server: &Server, operations: &AtomicU64) -> bool {
    // It may be dead already.
    let Ok(mut connections) = Connections::open(server.address) else { return false };
    for _ in 0..OPERATIONS_PER_ROUND {
        if client.turn(&mut connections).is_none() {
            return false;
        }
        operations.fetch_add(1, Ordering::Relaxed);
    }
    true
}

/// Returns the length in this form of the tests; `KVS_SOAK_SECONDS` sets that of the long one.
fn length() -> Length {
    let seconds = u32::try_from(setting("KVS_SOAK_SECONDS", 600)).unwrap();
    by_form([Length::Rounds(6), Length::Rounds(16), Length::Seconds(seconds)])
}

#[test]
fn a_server_loses_nothing_and_its_use_of_resources_does_not_grow() {
    Soak::new(setting("KVS_SEED", 1), length()).run();
}

#[test]
fn descriptors_of_this_process_are_counted() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let before = Resources::of(std::process::id(), &path);
    let open = |name: &str| std::fs::File::create(path.join(name)).unwrap();
    let (_kept, _removed) = (open("kept"), open("removed"));
    std::fs::write(path.join("kept"), [0; 1000]).unwrap();
    std::fs::remove_file(path.join("removed")).unwrap();
    let after = Resources::of(std::process::id(), &path);
    assert_eq!((before.files, before.removed_files), (0, 0));
    assert_eq!((after.files, after.removed_files, after.disk_bytes), (1, 1, 1000));
}
