//! Histories of a server are linearizable, over both protocols and across kills.
//!
//! The operations depend on a seed alone, the moments at which they meet do not.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use common::connection::{self, Connection, KINDS};
use common::form::by_form;
use common::linearizability::specification::{
    KeyAnswer, KeyOperation, StoreAnswer, StoreOperation,
};
use common::linearizability::workload::{self, Clock, Dice, Tally};
use common::linearizability::{Call, NEVER, Outcome};
use common::process::Server;
use common::random::setting;
use common::running::Running;
use common::wait::PATIENCE;
use kvs::{Durability, KvsClient, Options, ServerOptions};
use tempfile::TempDir;

/// One connection that takes part in a history.
struct Client<'a> {
    number: usize,
    connection: &'a mut dyn Connection,
    clock: &'a Clock,
    dice: Dice,
    seen: HashMap<usize, i64>,
    calls: Vec<Call<StoreOperation>>,
}

impl<'a> Client<'a> {
    fn new(
        number: usize,
        connection: &'a mut dyn Connection,
        clock: &'a Clock,
        dice: Dice,
    ) -> Self {
        Self { number, connection, clock, dice, seen: HashMap::new(), calls: vec![] }
    }

    /// Returns an operation on the key.
    fn on_key(&mut self, key: usize) -> StoreOperation {
        let seen = self.seen.get(&key).copied();
        StoreOperation::Key(key, workload::operation(&mut self.dice, self.clock, seen))
    }

    /// Returns an operation on some of so many keys.
    fn on_keys(&mut self, keys: usize) -> StoreOperation {
        match self.dice.roll(16) {
            0..=4 => StoreOperation::Read((0..keys).collect()),
            5..=7 => {
                let key = self.dice.roll(keys);
                self.on_key(key)
            }
            8 if self.dice.roll(3) == 0 => StoreOperation::Clear,
            n => {
                let condition = workload::condition(&mut self.dice, None);
                let require = if n > 12 { vec![(self.dice.roll(keys), condition)] } else { vec![] };
                let number = self.clock.number();
                let removed = self.dice.roll(5);
                let written = (0..keys).filter(|_| self.dice.roll(4) > 0).collect::<Vec<_>>();
                let write = written.into_iter();
                let write = write.map(|key| (key, (key != removed).then_some(number))).collect();
                StoreOperation::Batch { require, write }
            }
        }
    }

    /// Asks for the operations together; false if the connection broke.
    fn exchange(&mut self, prefix: &str, operations: Vec<StoreOperation>) -> bool {
        let operations: Vec<_> =
            operations.into_iter().map(|operation| self.connection.fit(operation)).collect();
        let invoked: Vec<_> = operations.iter().map(|_| self.clock.now()).collect();
        let mut answers = self.connection.exchange(prefix, &operations).into_iter();
        let mut is_whole = true;
        for (operation, invoked) in operations.into_iter().zip(invoked) {
            let answer = answers.next();
            is_whole &= answer.is_some();
            if let (StoreOperation::Key(key, _), Some(StoreAnswer::Key(answer))) =
                (&operation, &answer)
                && let KeyAnswer::Value(Some(number)) = answer
            {
                self.seen.insert(*key, *number);
            }
            let returned = if answer.is_some() { self.clock.now() } else { NEVER };
            let outcome = answer.map_or(Outcome::Unknown, Outcome::Known);
            let client = self.number;
            self.calls.push(Call { client, invoked, returned, operation, outcome });
        }
        is_whole
    }
}

/// Sorts calls into the history of each of their keys.
fn by_key(calls: Vec<Call<StoreOperation>>) -> Vec<(usize, Call<KeyOperation>)> {
    let on_one_key = calls.into_iter().map(|call| {
        let Call { client, invoked, returned, operation, outcome } = call;
        let StoreOperation::Key(key, operation) = operation else { panic!("not on one key") };
        let outcome = match outcome {
            Outcome::Known(StoreAnswer::Key(answer)) => Outcome::Known(answer),
            Outcome::Known(other) => panic!("{operation:?} was answered {other:?}"),
            Outcome::Unknown => Outcome::Unknown,
            Outcome::Failed => Outcome::Failed,
        };
        (key, Call { client, invoked, returned, operation, outcome })
    });
    on_one_key.collect()
}

/// A server with segments so small that they are compacted all the time, and its connections.
struct Bench {
    connections: Vec<Box<dyn Connection>>,
    clock: Clock,
    _server: Running,
    /// Goes last: a server whose files are gone fails.
    _directory: TempDir,
}

impl Bench {
    fn new(connections: usize) -> Self {
        let directory = TempDir::new().unwrap();
        let options = Options::new(directory.path()).durability(Durability::Never);
        let options = options.segment_bytes_max(4096).compaction_bytes_min(512);
        let server = Running::start_on(options, ServerOptions::default().workers(3).readers(2));
        let connections =
            (0..connections).map(|kind| connection::open(kind, server.address).unwrap());
        let connections = connections.collect();
        Self { _directory: directory, _server: server, connections, clock: Clock::default() }
    }

    /// Lets every connection take turns at the same time, and returns their calls.
    fn round(
        &mut self,
        seed: u64,
        turns: usize,
        turn: impl Fn(&mut Client<'_>) -> Vec<StoreOperation> + Sync,
    ) -> Vec<Call<StoreOperation>> {
        let start = Barrier::new(self.connections.len());
        let (clock, prefix) = (&self.clock, seed.to_string());
        std::thread::scope(|scope| {
            let mut clients = Vec::new();
            for (number, connection) in self.connections.iter_mut().enumerate() {
                let dice = Dice::new(seed, u64::try_from(number).unwrap());
                let mut client = Client::new(number, &mut **connection, clock, dice);
                let (start, turn, prefix) = (&start, &turn, &prefix);
                clients.push(scope.spawn(move || {
                    start.wait();
                    for _ in 0..turns {
                        let operations = turn(&mut client);
                        assert!(client.exchange(prefix, operations), "the connection broke");
                    }
                    client.calls
                }));
            }
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        })
    }
}

fn finish(what: &str, tally: Tally) {
    println!("{what}: {tally}");
    assert!(tally.undecided * 1000 <= tally.histories, "too many prove nothing: {tally}");
}

#[test]
fn histories_over_both_protocols_are_linearizable() {
    let mut bench = Bench::new(2 * KINDS);
    let mut sum = Tally::default();
    for seed in 0..by_form([60, 500, 10_000]) {
        let keys = 1 + usize::try_from(seed % 2).unwrap();
        let calls = bench.round(seed, 4, |client| {
            let count = 1 + client.dice.roll(3);
            let mut key = || client.dice.roll(keys);
            let chosen: Vec<_> = (0..count).map(|_| key()).collect();
            chosen.into_iter().map(|key| client.on_key(key)).collect()
        });
        let tally = Tally::judge_keys(by_key(calls));
        sum += tally.unwrap_or_else(|error| panic!("seed {seed}, {error}"));
    }
    assert_eq!(sum.unknown, 0);
    finish("single keys", sum);
}

#[test]
fn batches_and_reads_of_many_keys_are_linearizable() {
    const KEYS: usize = 3;
    let mut bench = Bench::new(5);
    let mut sum = Tally::default();
    for seed in 0..by_form([100, 500, 5000]) {
        let calls = bench.round(seed, 3, |client| {
            let count = 1 + client.dice.roll(2);
            (0..count).map(|_| client.on_keys(KEYS)).collect()
        });
        sum += Tally::judge(&calls).unwrap_or_else(|error| panic!("seed {seed}, {error}"));
    }
    assert_eq!(sum.unknown, 0);
    finish("many keys", sum);
}

/// The number of keys in use at a time.
const KEYS: usize = 16;

/// The number of operations on one key before it is the turn of the next.
const OPERATIONS_PER_KEY: usize = 48;

/// The number of lives of the server that the history of a key spans.
const LIVES: u64 = 5;

/// The number of connections when the server is killed.
const CLIENTS: usize = 6;

/// One directory that many servers die on.
struct Killing {
    directory: TempDir,
    seed: u64,
    clock: Clock,
    /// Decides which key all clients use at the moment.
    operations: AtomicUsize,
    calls: Mutex<Vec<Call<StoreOperation>>>,
}

impl Killing {
    fn first_key(life: u64) -> usize {
        usize::try_from(life / LIVES).unwrap() * KEYS
    }

    /// Lets a server live for a moment, and notes what its clients did and were told.
    fn live(&self, life: u64) {
        let mut dice = Dice::new(self.seed, life << 8);
        let durability = ["always", "interval=5", "never"][dice.roll(3)];
        let server = Server::start(self.directory.path(), &["--durability", durability]);
        self.read_all(server.address, life);
        let address = server.address;
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                scope.spawn(move || self.work(address, life, number));
            }
            scope.spawn(move || make_garbage(address));
            // Clients are at work by then, so that the kill meets operations under way.
            let killed_at = self.operations.load(Ordering::Relaxed) + 200 + dice.roll(2000);
            let start = Instant::now();
            let is_due = || self.operations.load(Ordering::Relaxed) >= killed_at;
            while !is_due() && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            server.kill();
            assert!(is_due(), "the server served too little before it was killed");
        });
        // What the server did not do while it lived it will never do.
        let over = self.clock.now();
        for call in self.calls.lock().unwrap().iter_mut().filter(|call| call.returned == NEVER) {
            call.returned = over;
        }
    }

    /// Reads every key that the life before could write.
    fn read_all(&self, address: SocketAddr, life: u64) {
        let first = Self::first_key(life.saturating_sub(1));
        let mut connection = connection::open(0, address).unwrap();
        let mut client =
            Client::new(self.client(life, CLIENTS), &mut *connection, &self.clock, Dice::new(0, 0));
        let reads = (first..first + KEYS).map(|key| StoreOperation::Key(key, KeyOperation::Get));
        assert!(client.exchange("key", reads.collect()), "the server does not answer");
        self.calls.lock().unwrap().append(&mut client.calls);
    }

    fn work(&self, address: SocketAddr, life: u64, number: usize) {
        // It may be dead already.
        let Ok(mut connection) = connection::open(number, address) else { return };
        let part = (life << 8) + u64::try_from(number).unwrap() + 1;
        let dice = Dice::new(self.seed, part);
        let number = self.client(life, number);
        let mut client = Client::new(number, &mut *connection, &self.clock, dice);
        loop {
            let count = 1 + client.dice.roll(3);
            let done = self.operations.fetch_add(count, Ordering::Relaxed);
            let key = Self::first_key(life) + done / OPERATIONS_PER_KEY % KEYS;
            let operations = (0..count).map(|_| client.on_key(key)).collect();
            if !client.exchange("key", operations) {
                self.calls.lock().unwrap().append(&mut client.calls);
                return;
            }
        }
    }

    /// Returns a number of its own for each client of each life.
    fn client(&self, life: u64, number: usize) -> usize {
        usize::try_from(life).unwrap() * (CLIENTS + 1) + number
    }
}

/// Overwrites large values, so that there is always something to compact.
fn make_garbage(address: SocketAddr) {
    let Ok(mut client) = KvsClient::connect(address) else { return };
    let value = vec![7; 64 << 10];
    for number in 0.. {
        if client.set(format!("garbage{}", number % 4), &value).is_err() {
            return;
        }
    }
}

fn kill(kills: u64, seed: u64) -> Tally {
    let killing = Killing {
        directory: TempDir::new().unwrap(),
        seed,
        clock: Clock::default(),
        operations: AtomicUsize::new(0),
        calls: Mutex::default(),
    };
    let mut sum = Tally::default();
    for life in 0..kills {
        killing.live(life);
        // A life later the last reads of these keys are done too.
        if life > 0 && life % LIVES == 0 || life + 1 == kills {
            let next = if life + 1 == kills { usize::MAX } else { Killing::first_key(life) };
            let calls = std::mem::take(&mut *killing.calls.lock().unwrap());
            let (over, going_on): (Vec<_>, Vec<_>) = calls.into_iter().partition(
                |call| matches!(call.operation, StoreOperation::Key(key, _) if key < next),
            );
            *killing.calls.lock().unwrap() = going_on;
            let tally = Tally::judge_keys(by_key(over));
            sum += tally.unwrap_or_else(|error| panic!("seed {seed}, life {life}, {error}"));
        }
    }
    println!("{kills} kills, repeat with KVS_SEED={seed} in the same form");
    finish("across kills", sum);
    assert!(sum.unknown > 0, "no kill met an operation under way");
    sum
}

#[test]
fn histories_across_kills_are_linearizable() {
    let kills = by_form([6, 20, 500]);
    let sum = kill(kills, setting("KVS_SEED", 1));
    assert!(sum.operations as u64 > 100 * kills, "too little was done to prove anything");
}
