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

/// Some megabytes in all, so that a compaction takes a few milliseconds.
const KEYS_PER_CLIENT: u64 = 40;

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

/// The figures of a run: what was done and seen.
#[derive(Default)]
struct Figures {
    kills: u64,
    kills_in_compaction: u64,
    kills_in_recovery: u64,
    acknowledged: u64,
}

impl Figures {
    /// Returns true if enough was met and written. Only the log of `kvs` is compacted by files
    /// that a kill leaves over.
    fn prove_enough(&self, engine: &str, kills: u64) -> bool {
        let met_compaction = engine != "kvs" || self.kills_in_compaction > 0;
        met_compaction && self.kills_in_recovery > 0 && self.acknowledged > 30 * kills
    }
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

/// Waits for a random time, or for a random moment of a compaction.
fn wait_for_the_moment(directory: &Path, random: &mut Random) {
    let start = Instant::now();
    if random.below(2) == 0 {
        thread::sleep(Duration::from_millis(1) + random.milliseconds(300));
        return;
    }
    while start.elapsed() < Duration::from_secs(2) {
        if is_compacting(directory) {
            thread::sleep(random.milliseconds(4));
            return;
        }
        thread::yield_now();
    }
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

/// Starts the server, checks what it holds, and kills it while clients write. Returns true if a
/// compaction was cut short: its unfinished output lies in the directory.
fn kill_under_load(
    directory: &Path,
    arguments: &[&str],
    clients: &mut [Client],
    random: &mut Random,
) -> bool {
    let server = Server::start(directory, arguments);
    check(&server, clients);
    let is_over = AtomicBool::new(false);
    let log = thread::scope(|scope| {
        for client in clients {
            let connection = client.connect(&server);
            let is_over = &is_over;
            scope.spawn(move || {
                client.write(connection);
                assert!(is_over.load(Ordering::SeqCst), "the server went away by itself");
            });
        }
        wait_for_the_moment(directory, random);
        is_over.store(true, Ordering::SeqCst);
        server.kill()
    });
    assert!(!log.contains("panicked") && !log.contains(" ERROR "), "{log}");
    is_compacting(directory)
}

/// Compares everything with the journals.
fn check(server: &Server, clients: &mut [Client]) {
    let mut connection = KvsClient::connect(server.address).unwrap();
    for client in clients {
        client.journal.settle(|key| connection.get(key).unwrap()).unwrap();
    }
}

/// Kills servers `kills` times, and then until everything was met that a run has to prove: other
/// work on the machine decides what a kill meets.
fn kill_and_check(engine: &str, kills: u64, seed: u64) -> Figures {
    let directory = TempDir::new().unwrap();
    let mut random = Random(seed);
    let mut figures = Figures::default();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|name| Client { name, journal: Journal::default(), random: Random(random.next()) })
        .collect();
    let mut round = 0;
    while figures.kills < kills || !figures.prove_enough(engine, kills) {
        assert!(figures.kills < 20 * kills, "{engine}: {figures}: too little to prove anything");
        let durability = DURABILITIES[round % DURABILITIES.len()];
        let arguments = ["--engine", engine, "--durability", durability];
        round += 1;
        while random.below(3) == 0 {
            kill_in_recovery(directory.path(), &arguments, &mut random);
            figures.kills += 1;
            figures.kills_in_recovery += 1;
        }
        let cut_compaction =
            kill_under_load(directory.path(), &arguments, &mut clients, &mut random);
        figures.kills += 1;
        figures.kills_in_compaction += u64::from(cut_compaction);
        figures.acknowledged = clients.iter().map(|client| client.journal.acknowledged).sum();
    }
    check(&Server::start(directory.path(), &[]), &mut clients);
    figures
}

/// The seed decides what is written and when the server is killed; what that meets differs all the
/// same.
fn run(engine: &str, kills: u64) {
    let seed = setting("KVS_SEED", 1);
    println!("repeat with KVS_SEED={seed} in the same form");
    let figures = kill_and_check(engine, kills, seed);
    println!("{engine}: {figures}");
}

#[test]
fn nothing_acknowledged_is_lost_to_kills() {
    run("kvs", by_form([16, 25, 1000]));
}

#[test]
#[cfg(feature = "sled")]
fn nothing_acknowledged_is_lost_to_kills_with_sled() {
    run("sled", by_form([8, 15, 1000]));
}
