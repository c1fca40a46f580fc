//! A server that is killed without warning, over and over, loses nothing that it acknowledged.
//!
//! Clients of both protocols write to it all the while. It is killed at a moment that a seed
//! decides, while it compacts, or while it recovers from the kill before. The engines that keep
//! anything promise the same, in every durability.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::form::by_form;
use common::journal::{Journal, Outcome};
use common::journaled::Connection;
use common::process::{Server, is_compacting, wait};
use common::random::{Random, setting};
use kvs::KvsClient;
use tempfile::TempDir;

const DURABILITIES: [&str; 3] = ["always", "interval=20", "never"];

/// Two for each protocol.
const CLIENTS: usize = 4;

const KEYS_PER_CLIENT: u64 = 6;

const BATCH_KEYS: u64 = 4;

/// Large enough that a client's writes are worth a compaction several times a second.
const VALUE_BYTES_MAX: u64 = 24 << 10;

/// One client: what it knows, and what decides what it does.
struct Client {
    name: usize,
    journal: Journal,
    random: Random,
}

impl Client {
    fn connect(&self, server: &Server) -> Connection {
        match self.name % 2 {
            0 => Connection::native(server.address),
            _ => Connection::redis(server.address),
        }
    }

    /// Writes until the server goes away.
    fn write(&mut self, mut connection: Connection) {
        let mut is_answered = true;
        while is_answered {
            let key = |n: u64| format!("client{}:key{n}", self.name);
            let bytes = usize::try_from(self.random.below(VALUE_BYTES_MAX)).unwrap();
            let (one, choice) = (key(self.random.below(KEYS_PER_CLIENT)), self.random.below(10));
            let write = match choice {
                0 => self.journal.remove(&one),
                // Only Redis' protocol has a command for a batch.
                1..=3 if self.name % 2 == 1 => {
                    let keys: Vec<_> = (0..BATCH_KEYS).map(|n| key(100 + n)).collect();
                    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
                    self.journal.set(&keys, bytes / 10)
                }
                _ => self.journal.set(&[&one], bytes),
            };
            is_answered = match connection.send(&mut self.journal, &write) {
                Outcome::Acknowledged => true,
                Outcome::Unanswered => false,
                outcome => panic!("{outcome:?} on a healthy disk"),
            };
        }
    }
}

/// What was done and seen.
#[derive(Default)]
struct Figures {
    kills: u64,
    kills_in_compaction: u64,
    kills_in_recovery: u64,
    acknowledged: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} kills, {} of them during a compaction and {} during a recovery; {} acknowledged \
             writes checked",
            self.kills, self.kills_in_compaction, self.kills_in_recovery, self.acknowledged
        )
    }
}

/// Waits for a random time, or for a compaction; whether one runs.
fn wait_for_the_moment(directory: &Path, random: &mut Random) -> bool {
    let start = Instant::now();
    if random.below(2) == 0 {
        thread::sleep(Duration::from_millis(1) + random.milliseconds(300));
        return is_compacting(directory);
    }
    while start.elapsed() < Duration::from_secs(2) {
        if is_compacting(directory) {
            // Some time into it, or behind it.
            thread::sleep(random.milliseconds(4));
            return is_compacting(directory);
        }
        thread::yield_now();
    }
    false
}

/// Starts a server and kills it while it opens the directory, or soon after.
fn kill_in_recovery(directory: &Path, arguments: &[&str], random: &mut Random) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kvs-server"))
        .args(["--addr", "127.0.0.1:0", "--dir"])
        .arg(directory)
        .args(arguments)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(random.milliseconds(15));
    child.kill().unwrap();
    wait(&mut child);
}

/// Starts the server, checks what it holds, and kills it while clients write.
fn kill_under_load(
    directory: &Path,
    arguments: &[&str],
    clients: &mut [Client],
    random: &mut Random,
) -> bool {
    let server = Server::start(directory, arguments);
    check(&server, clients);
    let is_over = AtomicBool::new(false);
    let is_compacting = thread::scope(|scope| {
        for client in clients {
            let connection = client.connect(&server);
            let is_over = &is_over;
            scope.spawn(move || {
                client.write(connection);
                assert!(is_over.load(Ordering::SeqCst), "the server went away by itself");
            });
        }
        let is_compacting = wait_for_the_moment(directory, random);
        is_over.store(true, Ordering::SeqCst);
        server.signal("KILL");
        is_compacting
    });
    let (_, log) = server.wait();
    assert!(!log.contains("panicked") && !log.contains(" ERROR "), "{log}");
    is_compacting
}

/// Compares everything with the journals.
fn check(server: &Server, clients: &mut [Client]) {
    let mut connection = KvsClient::connect(server.address).unwrap();
    for client in clients {
        client.journal.settle(|key| connection.get(key).unwrap()).unwrap();
    }
}

fn kill_and_check(engine: &str, kills: u64, seed: u64) -> Figures {
    let directory = TempDir::new().unwrap();
    let mut random = Random(seed);
    let mut figures = Figures::default();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|name| Client { name, journal: Journal::default(), random: Random(random.next()) })
        .collect();
    let mut round = 0;
    while figures.kills < kills {
        let durability = DURABILITIES[round % DURABILITIES.len()];
        let arguments = ["--engine", engine, "--durability", durability];
        round += 1;
        while random.below(3) == 0 {
            kill_in_recovery(directory.path(), &arguments, &mut random);
            figures.kills += 1;
            figures.kills_in_recovery += 1;
        }
        let is_compacting =
            kill_under_load(directory.path(), &arguments, &mut clients, &mut random);
        figures.kills += 1;
        figures.kills_in_compaction += u64::from(is_compacting);
    }
    check(&Server::start(directory.path(), &[]), &mut clients);
    figures.acknowledged = clients.iter().map(|client| client.journal.acknowledged).sum();
    figures
}

/// The seed decides what is written and when the server is killed; what that meets differs all the
/// same.
fn run(engine: &str, kills: u64) -> Figures {
    let seed = setting("KVS_SEED", 1);
    println!("repeat with KVS_SEED={seed} in the same form");
    let figures = kill_and_check(engine, kills, seed);
    println!("{engine}: {figures}");
    assert!(figures.acknowledged > 30 * kills, "too little was written to prove anything");
    figures
}

#[test]
fn nothing_acknowledged_is_lost_to_kills() {
    let figures = run("kvs", by_form([16, 25, 1000]));
    assert!(figures.kills_in_recovery > 0 && figures.kills_in_compaction > 0);
}

#[test]
#[cfg(feature = "sled")]
fn nothing_acknowledged_is_lost_to_kills_with_sled() {
    run("sled", by_form([8, 15, 1000]));
}
