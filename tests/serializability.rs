//! Random transactions of many threads are as if they had run one after the other, in the order in
//! which they were committed, also where the process was killed in between.
//!
//! Each transaction writes down what it did and what it saw, in a keyspace of its own and under a
//! key of its own: that record is there if and only if the transaction was committed, and its
//! version says when. Doing them again one by one must show each of them the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/form.rs"]
mod form;
#[path = "common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;
#[cfg(feature = "cli")]
#[path = "common/running.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod running;

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::env;
use std::ops::{Bound, Range};
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use form::by_form;
use kvs::{EngineKind, Error, Keyspace, Options, Store, Transaction};
use random::Random;

const KEYS: u64 = 6;
const THREADS: u64 = 4;

/// Says in the environment which directory a child uses.
const DIRECTORY: &str = "KVS_SERIALIZABILITY_DIRECTORY";

/// A step of a transaction with what it showed, as a line of text.
#[derive(Debug, PartialEq)]
enum Step {
    Get { key: String, seen: Option<String> },
    Scan { from: String, to: String, limit: usize, reverse: bool, seen: Vec<(String, String)> },
    Count { from: String, to: String, seen: u64 },
    Set { key: String, value: String },
    Remove { key: String },
    RemoveRange { from: String, to: String },
}

impl Step {
    fn write(&self) -> String {
        match self {
            Self::Get { key, seen } => format!("get {key} {}", seen.as_deref().unwrap_or("-")),
            Self::Scan { from, to, limit, reverse, seen } => {
                let seen: Vec<_> =
                    seen.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("scan {from} {to} {limit} {reverse} {}", seen.join(","))
            }
            Self::Set { key, value } => format!("set {key} {value}"),
            Self::Count { from, to, seen } => format!("count {from} {to} {seen}"),
            Self::Remove { key } => format!("remove {key}"),
            Self::RemoveRange { from, to } => format!("remove_range {from} {to}"),
        }
    }

    fn read(line: &str) -> Self {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let word = |position: usize| words[position].clone();
        match &*words[0] {
            "get" => Self::Get { key: word(1), seen: Some(word(2)).filter(|seen| seen != "-") },
            "scan" => {
                let entries = words[5].split(',').filter_map(|entry| entry.split_once('='));
                Self::Scan {
                    from: word(1),
                    to: word(2),
                    limit: words[3].parse().unwrap(),
                    reverse: words[4] == "true",
                    seen: entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
                }
            }
            "set" => Self::Set { key: word(1), value: word(2) },
            "remove" => Self::Remove { key: word(1) },
            "count" => Self::Count { from: word(1), to: word(2), seen: words[3].parse().unwrap() },
            "remove_range" => Self::RemoveRange { from: word(1), to: word(2) },
            other => panic!("{other:?} is no step"),
        }
    }

    /// Does the step on a map; returns the step as it went there.
    fn again(&self, entries: &mut Entries) -> Self {
        match self {
            Self::Get { key, .. } => {
                Self::Get { key: key.clone(), seen: entries.get(key).cloned() }
            }
            Self::Scan { from, to, limit, reverse, .. } => {
                let owned = |(key, value): (&String, &String)| (key.clone(), value.clone());
                let range = between(entries, from, to);
                let seen = match reverse {
                    true => range.rev().take(*limit).map(owned).collect(),
                    false => range.take(*limit).map(owned).collect(),
                };
                let (from, to, limit, reverse) = (from.clone(), to.clone(), *limit, *reverse);
                Self::Scan { from, to, limit, reverse, seen }
            }
            Self::Set { key, value } => {
                entries.insert(key.clone(), value.clone());
                Self::Set { key: key.clone(), value: value.clone() }
            }
            Self::Count { from, to, .. } => {
                let seen = between(entries, from, to).count() as u64;
                Self::Count { from: from.clone(), to: to.clone(), seen }
            }
            Self::Remove { key } => {
                entries.remove(key);
                Self::Remove { key: key.clone() }
            }
            Self::RemoveRange { from, to } => {
                entries.retain(|key, _| !(from..to).contains(&key));
                Self::RemoveRange { from: from.clone(), to: to.clone() }
            }
        }
    }
}

type Entries = BTreeMap<String, String>;

fn between<'a>(entries: &'a Entries, from: &str, to: &str) -> btree_map::Range<'a, String, String> {
    entries.range::<str, _>((Bound::Included(from), Bound::Excluded(to)))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

type Entry = (Vec<u8>, Vec<u8>);

/// A transaction, of a store in this process or of one behind a server.
trait Steps {
    fn get(&mut self, key: &str) -> Option<Vec<u8>>;
    fn scan(&mut self, range: Range<&str>, limit: usize, reverse: bool) -> Vec<Entry>;
    fn count(&mut self, range: Range<&str>) -> u64;
    fn set(&mut self, key: &str, value: &str);
    fn remove(&mut self, key: &str);
    fn remove_range(&mut self, range: Range<&str>);
    /// Writes down what was done, and commits; returns false after a conflict.
    fn commit(self, name: &str, lines: &str) -> bool;
}

/// A transaction of a store, and the keyspace of the history.
struct OfStore<'h>(Transaction, &'h Keyspace);

impl Steps for OfStore<'_> {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.0.get(key).unwrap()
    }

    fn scan(&mut self, range: Range<&str>, limit: usize, reverse: bool) -> Vec<Entry> {
        let scan = self.0.scan(range);
        let scan = if reverse { scan.reverse() } else { scan };
        scan.take(limit).map(Result::unwrap).collect()
    }

    fn count(&mut self, range: Range<&str>) -> u64 {
        self.0.count(range).unwrap()
    }

    fn set(&mut self, key: &str, value: &str) {
        self.0.set(key, value);
    }

    fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn remove_range(&mut self, range: Range<&str>) {
        self.0.remove_range(range);
    }

    fn commit(self, name: &str, lines: &str) -> bool {
        self.0.of(self.1).unwrap().set(name, lines);
        match self.0.commit() {
            Ok(()) => true,
            Err(Error::TransactionConflict) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

#[cfg(feature = "cli")]
impl Steps for kvs::ClientTransaction<'_> {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.get(key).unwrap()
    }

    fn scan(&mut self, range: Range<&str>, limit: usize, reverse: bool) -> Vec<Entry> {
        match reverse {
            true => self.scan_reverse(range, limit).unwrap(),
            false => self.scan(range, limit).unwrap(),
        }
    }

    fn count(&mut self, range: Range<&str>) -> u64 {
        self.count(range).unwrap()
    }

    fn set(&mut self, key: &str, value: &str) {
        self.set(key, value);
    }

    fn remove(&mut self, key: &str) {
        self.remove(key);
    }

    fn remove_range(&mut self, range: Range<&str>) {
        self.remove_range(range);
    }

    fn commit(mut self, name: &str, lines: &str) -> bool {
        self.on("history").set(name, lines);
        match self.commit() {
            Ok(()) => true,
            Err(error) => {
                let conflict = Some(kvs::protocol::native::FailureKind::TransactionConflict);
                assert_eq!(error.failure_kind(), conflict, "{error}");
                false
            }
        }
    }
}

/// Draws a step and does it.
fn step(transaction: &mut impl Steps, random: &mut Random, value: String) -> Step {
    let key = format!("k{}", random.below(KEYS));
    let mut range = [key.clone(), format!("k{}", random.below(KEYS + 1))];
    range.sort();
    let [from, to] = range;
    match random.below(12) {
        0..=2 => {
            let seen = transaction.get(&key).map(text);
            Step::Get { key, seen }
        }
        3 | 4 => {
            let (limit, reverse) =
                (1 + usize::try_from(random.below(KEYS)).unwrap(), random.below(2) == 0);
            let seen = transaction.scan(&from[..]..&to[..], limit, reverse).into_iter();
            let seen = seen.map(|(key, value)| (text(key), text(value))).collect();
            Step::Scan { from, to, limit, reverse, seen }
        }
        5 => Step::Count { seen: transaction.count(&from[..]..&to[..]), from, to },
        6 | 7 => {
            transaction.remove(&key);
            Step::Remove { key }
        }
        8 => {
            transaction.remove_range(&from[..]..&to[..]);
            Step::RemoveRange { from, to }
        }
        _ => {
            transaction.set(&key, &value);
            Step::Set { key, value }
        }
    }
}

/// Runs a random transaction; returns true if it was committed.
fn run(mut transaction: impl Steps, name: &str, random: &mut Random) -> bool {
    let mut lines = Vec::new();
    for number in 0..=random.below(5) {
        let step = step(&mut transaction, random, format!("{name}.{number}"));
        lines.push(step.write());
        // Another thread comes in between, on one core too.
        if random.below(2) == 0 {
            thread::yield_now();
        }
    }
    transaction.commit(name, &lines.join("\n"))
}

/// Does every transaction of the history again, in order, and compares what it showed. Returns how
/// many there are.
fn check(store: &Store) -> usize {
    let history = store.keyspace("history").unwrap();
    let mut committed = Vec::new();
    for key in history.scan(..).keys() {
        let entry = history.entry(key.unwrap()).unwrap().unwrap();
        committed.push((entry.version, text(entry.value)));
    }
    committed.sort_unstable();
    let mut entries = BTreeMap::new();
    for (version, lines) in &committed {
        for line in lines.lines() {
            let step = Step::read(line);
            assert_eq!(step.again(&mut entries), step, "in commit {version} of {committed:#?}");
        }
    }
    let stored = store.scan(..).map(Result::unwrap);
    let stored: BTreeMap<_, _> = stored.map(|(key, value)| (text(key), text(value))).collect();
    assert_eq!(stored, entries, "the store holds what the transactions left");
    committed.len()
}

/// Lets threads run so many transactions each; returns how many were refused.
fn run_threads(store: &Store, seed: u64, transactions: usize) -> usize {
    let history = store.keyspace("history").unwrap();
    let refused = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (history, refused) = (&history, &refused);
            scope.spawn(move || {
                let mut random = Random(seed * THREADS + thread);
                for number in 0..transactions {
                    let name = format!("{seed}.{thread}.{number}");
                    let transaction = OfStore(store.begin().unwrap(), history);
                    if !run(transaction, &name, &mut random) {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    refused.into_inner()
}

#[test]
fn transactions_of_many_threads_are_serializable() {
    let mut refused = 0;
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        for seed in 1..=by_form([4, 40, 1000]) {
            let directory = tempfile::tempdir().unwrap();
            let options = Options::new(directory.path()).engine(engine).segment_bytes_max(64 << 10);
            let store = Store::open(options.compaction_bytes_min(16 << 10)).unwrap();
            // With bad luck no two of them meet, so more are run until some do.
            for round in 0..100 {
                let met = run_threads(&store, seed * 100 + round, 250);
                refused += met;
                if met > 0 {
                    break;
                }
            }
            assert!(check(&store) > 0);
        }
    }
    assert!(refused > 0, "no two transactions met");
}

/// Lets clients run so many transactions each; returns how many were refused.
#[cfg(feature = "cli")]
fn run_clients(server: &running::Running, seed: u64, transactions: usize) -> usize {
    server.store.keyspace("history").unwrap();
    let refused = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let refused = &refused;
            scope.spawn(move || {
                let mut client = kvs::KvsClient::connect(server.address).unwrap();
                let mut random = Random(seed * THREADS + thread);
                for number in 0..transactions {
                    let name = format!("{seed}.{thread}.{number}");
                    if !run(client.begin().unwrap(), &name, &mut random) {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    refused.into_inner()
}

#[cfg(feature = "cli")]
#[test]
fn transactions_of_many_clients_are_serializable() {
    let mut refused = 0;
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        for seed in 1..=by_form([2, 10, 200]) {
            let directory = tempfile::tempdir().unwrap();
            let options = Options::new(directory.path()).engine(engine).segment_bytes_max(64 << 10);
            let options = options.compaction_bytes_min(16 << 10);
            let workers = kvs::ServerOptions::default().workers(2);
            let server = running::Running::start_on(options, workers);
            // With bad luck no two of them meet, so more are run until some do.
            for round in 0..100 {
                let met = run_clients(&server, seed * 100 + round, 100);
                refused += met;
                if met > 0 {
                    break;
                }
            }
            assert!(check(&server.store) > 0);
        }
    }
    assert!(refused > 0, "no two transactions met");
}

#[test]
fn transactions_of_killed_processes_are_serializable() {
    for seed in 1..=by_form([2, 10, 200]) {
        let directory = tempfile::tempdir().unwrap();
        let (mut random, mut kills, mut committed) = (Random(seed), 0, 0);
        // A child that is killed before it committed anything is followed by another one.
        while kills < 4 || committed == 0 {
            let mut child = Command::new(env::current_exe().unwrap())
                .args(["--exact", "child", "--ignored"])
                .env(DIRECTORY, directory.path())
                .env("KVS_SERIALIZABILITY_SEED", (seed * 1000 + kills).to_string())
                .stdout(process::Stdio::null())
                .stderr(process::Stdio::null())
                .spawn()
                .unwrap();
            thread::sleep(Duration::from_millis(30) + random.milliseconds(200));
            child.kill().unwrap();
            let status = child.wait().unwrap();
            assert_eq!(status.code(), None, "it runs until it is killed");
            let count = check(&open(directory.path()));
            assert!(count >= committed, "{committed} were committed before");
            (kills, committed) = (kills + 1, count);
            assert!(kills < 100, "nothing is ever committed");
        }
    }
}

fn open(directory: &Path) -> Store {
    let options = Options::new(directory).lock_wait(Duration::from_secs(30));
    let options = options.segment_bytes_max(64 << 10).compaction_bytes_min(16 << 10);
    Store::open(options).unwrap()
}

#[test]
#[ignore = "it is what another test runs and kills"]
fn child() {
    let Ok(directory) = env::var(DIRECTORY) else { return };
    let seed: u64 = env::var("KVS_SERIALIZABILITY_SEED").unwrap().parse().unwrap();
    let store = open(Path::new(&directory));
    for round in 0.. {
        run_threads(&store, seed * 1_000_000 + round, 100);
    }
}
