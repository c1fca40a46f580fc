//! Histories of a store that several threads use at once are linearizable, while segments of a few
//! kilobytes are compacted and the store is opened again and again.
//!
//! The operations depend on a seed alone, the moments at which they meet do not.

mod batches;
mod planted;
#[cfg(kvs_shuttle)]
#[path = "../../../loom-tests/shuttle.rs"]
mod shuttle;

use std::collections::HashMap;
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;
use crate::Precondition;
use crate::bugs;
use crate::form::by_form;
use crate::linearizability::specification::{self, KeyAnswer, KeyOperation};
use crate::linearizability::workload::{self, Dice, SMALLEST_UNIQUE, Tally};
use crate::linearizability::{Call, NEVER, Outcome as Known};

/// Time of the harness; the store's own is another.
type Time = workload::Clock;

/// Encodes a number of a history as text, with padding so that places in the log do not line
/// up.
fn encode(number: i64) -> Vec<u8> {
    let padding = usize::try_from((number / 1000 + number).rem_euclid(251)).unwrap();
    (number.to_string() + &".".repeat(padding)).into_bytes()
}

fn decode(value: &[u8]) -> i64 {
    String::from_utf8_lossy(value).trim_end_matches('.').parse().unwrap()
}

fn condition(condition: specification::Condition) -> Precondition {
    match condition {
        specification::Condition::Absent => Precondition::Absent,
        specification::Condition::Present => Precondition::Present,
        specification::Condition::Value(number) => Precondition::Value(encode(number)),
    }
}

/// Returns the batch for an operation of a history.
fn batch(key: &str, operation: KeyOperation) -> Batch {
    let key: Vec<u8> = key.into();
    let put =
        |number| WriteOperation::Put { key: key.clone(), value: encode(number), expires_at: None };
    match operation {
        KeyOperation::Get | KeyOperation::Contains => unreachable!("a read is no batch"),
        KeyOperation::Set(number) => Batch::single(put(number)),
        KeyOperation::Remove => Batch::single(WriteOperation::Remove { key }),
        KeyOperation::SetIf(expected, number) => {
            let condition = condition(expected);
            let require = WriteOperation::Require { key: key.clone(), condition };
            Batch::from_iter([require, put(number)])
        }
        KeyOperation::Increment(amount) => {
            // Not an addition, which takes no value with padding.
            let update = Probe::change(move |entry| {
                let sum = entry.map_or(0, |entry| decode(&entry.value)) + amount;
                let (value, expires_at, value_type) =
                    (encode(sum), None, engine::ValueType::STRING);
                let change = KeyChange::Put { value, expires_at, value_type };
                (change, WriteAnswer::Integer(sum))
            });
            Batch::single(WriteOperation::Update { key, update })
        }
        KeyOperation::GetSet(new) => {
            let expiry = NewExpiry::At(None);
            let update = Update::Swap { value: encode(new), expiry, condition: None };
            Batch::single(WriteOperation::Update { key, update })
        }
    }
}

/// Returns what the outcome of that batch tells; the error is one that no history may contain.
fn known(outcome: BatchOutcome) -> std::result::Result<Known<KeyAnswer>, String> {
    let answers = match outcome {
        Ok(Applied { answers, .. }) => answers,
        Err(Error::ConditionFailed { .. }) => return Ok(Known::Known(KeyAnswer::Flag(false))),
        Err(Error::Io { .. }) => return Ok(Known::Failed),
        Err(Error::UnknownOutcome(_)) => return Ok(Known::Unknown),
        Err(error) => return Err(format!("a write failed: {error}")),
    };
    let answer = match &answers[..] {
        [WriteAnswer::Done] => KeyAnswer::Done,
        [WriteAnswer::Done, WriteAnswer::Done] => KeyAnswer::Flag(true),
        [WriteAnswer::Flag(flag)] => KeyAnswer::Flag(*flag),
        [WriteAnswer::Integer(number)] => KeyAnswer::Number(*number),
        [WriteAnswer::Bytes(value)] => KeyAnswer::Value(value.as_deref().map(decode)),
        other => return Err(format!("a write answered {other:?}")),
    };
    Ok(Known::Known(answer))
}

type Calls = Vec<(String, Call<KeyOperation>)>;

/// One thread of a history.
struct Client<'a> {
    number: usize,
    store: &'a Store,
    time: &'a Time,
    dice: Dice,
    /// The value that it last read of each key, with its version.
    seen: HashMap<&'a str, (i64, u64)>,
    calls: Calls,
}

impl<'a> Client<'a> {
    /// Does a random operation, or a few writes that the store is handed together.
    fn turn(&mut self, keys: &'a [String]) -> std::result::Result<(), String> {
        if self.dice.roll(6) == 0 {
            return self.write_together(keys);
        }
        let key = keys[self.dice.roll(keys.len())].as_str();
        let seen = self.seen.get(key).copied();
        let operation = self.operation(key);
        let invoked = self.time.now();
        let outcome = match operation {
            KeyOperation::Get => {
                let entry = self.store.entry(key);
                let entry = entry.map_err(|error| format!("a read of {key} failed: {error}"))?;
                let found = entry.map(|entry| (decode(&entry.value), entry.version));
                self.seen.remove(key);
                self.seen.extend(found.map(|found| (key, found)));
                Known::Known(KeyAnswer::Value(found.map(|(number, _)| number)))
            }
            KeyOperation::Contains => {
                let stamp = self.store.reader().metadata(key.as_bytes());
                let stamp = stamp.map_err(|error| format!("a peek at {key} failed: {error}"))?;
                Known::Known(KeyAnswer::Flag(stamp.is_some()))
            }
            // A version says the same as the value, as long as the value is not met twice.
            KeyOperation::SetIf(specification::Condition::Value(expected), _)
                if expected >= SMALLEST_UNIQUE
                    && seen.is_some_and(|(number, _)| number == expected)
                    && self.dice.roll(2) == 0 =>
            {
                let mut batch = batch(key, operation);
                if let (WriteOperation::Require { condition, .. }, Some((_, version))) =
                    (&mut batch.operations[0].operation, seen)
                {
                    *condition = Precondition::Version(version);
                }
                known(self.store.apply(batch))?
            }
            _ => known(self.store.apply(batch(key, operation)))?,
        };
        self.record(key, operation, invoked, outcome);
        Ok(())
    }

    fn write_together(&mut self, keys: &'a [String]) -> std::result::Result<(), String> {
        let count = 2 + self.dice.roll(3);
        let mut operations = Vec::new();
        while operations.len() < count {
            let key = keys[self.dice.roll(keys.len())].as_str();
            let operation = self.operation(key);
            if !operation.reads_only() {
                operations.push((key, operation, self.time.now()));
            }
        }
        let batches = operations.iter().map(|(key, operation, _)| batch(key, *operation)).collect();
        let (reply, answer) = Reply::channel();
        if self.store.submit_batches(batches, reply).is_err() {
            return Err("the writer's mailbox is full".to_owned());
        }
        let outcomes = answer.wait().map_err(|_| "the writer is gone".to_owned())?;
        for ((key, operation, invoked), outcome) in operations.into_iter().zip(outcomes) {
            self.record(key, operation, invoked, known(outcome)?);
        }
        Ok(())
    }

    fn operation(&mut self, key: &str) -> KeyOperation {
        let seen = self.seen.get(key).map(|(number, _)| *number);
        workload::operation(&mut self.dice, self.time, seen)
    }

    fn record(
        &mut self,
        key: &str,
        operation: KeyOperation,
        invoked: u64,
        outcome: Known<KeyAnswer>,
    ) {
        let returned = if outcome == Known::Unknown { NEVER } else { self.time.now() };
        let client = self.number;
        let call = Call { client, invoked, returned, operation, outcome };
        self.calls.push((key.to_owned(), call));
    }
}

/// The shape of histories: who does how much, and on what.
#[derive(Clone, Copy)]
struct Shape {
    threads: usize,
    /// At most; a round has between one and this many.
    keys: usize,
    /// Of each thread in a round, at least; up to half more.
    turns: usize,
    /// The number of times that the store is closed and opened again within a round.
    reopens: usize,
}

/// Many operations at the same time on the same key.
const CONTENDED: Shape = Shape { threads: 4, keys: 2, turns: 5, reopens: 0 };

/// Keys live long enough for their records to be compacted, and for the store to be opened again.
const LONG_LIVED: Shape = Shape { threads: 3, keys: 24, turns: 60, reopens: 3 };

/// A store with the smallest segments, which are always worth compacting.
struct Bench {
    directory: TempDir,
    engine: EngineKind,
    durability: Durability,
    store: Option<Store>,
    time: Time,
}

impl Bench {
    fn new(engine: EngineKind, durability: Durability) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Self { directory, engine, durability, store: None, time: Time::default() };
        bench.reopen();
        bench
    }

    fn options(&self) -> Options {
        let options = Options::new(self.directory.path()).engine(self.engine);
        options.durability(self.durability).segment_bytes_max(4096).compaction_bytes_min(512)
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(self.options()).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Makes histories of fresh keys and checks them.
    fn round(&mut self, seed: u64, shape: Shape) -> std::result::Result<Tally, String> {
        let mut dice = Dice::new(seed, u64::MAX);
        let keys = 1 + dice.roll(shape.keys);
        let keys: Vec<_> = (0..keys).map(|key| format!("{seed}.{key}")).collect();
        let turns = shape.turns + dice.roll(shape.turns / 2 + 2);
        let mut calls = Calls::new();
        for part in 0..=shape.reopens {
            if part > 0 {
                self.reopen();
            }
            let part = u64::try_from(part * shape.threads).unwrap();
            calls.extend(self.run(shape.threads, (seed, part), &keys, turns)?);
        }
        let tally = Tally::judge_keys(calls);
        tally
            .map_err(|error| format!("seed {seed} on {} {}: {error}", self.engine, self.durability))
    }

    /// Lets threads take turns on the keys.
    fn run(
        &self,
        threads: usize,
        (seed, part): (u64, u64),
        keys: &[String],
        turns: usize,
    ) -> std::result::Result<Calls, String> {
        let start = Barrier::new(threads);
        let planted = bugs::planted_here();
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..threads)
                .map(|number| {
                    let dice = Dice::new(seed, part + u64::try_from(number).unwrap());
                    let (store, time, start) = (self.store(), &self.time, &start);
                    let (seen, calls) = (HashMap::new(), Calls::new());
                    let mut client = Client { number, store, time, dice, seen, calls };
                    scope.spawn(move || {
                        let _planted = bugs::plant(planted);
                        start.wait();
                        (0..turns).try_for_each(|_| client.turn(keys)).map(|()| client.calls)
                    })
                })
                .collect();
            let calls: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
            calls.into_iter().try_fold(Calls::new(), |all, calls| Ok([all, calls?].concat()))
        })
    }

    /// Makes at least so many histories, as [`in_form`] says; all of them have to be right.
    fn prove(&mut self, histories: usize, shape: Shape) -> Tally {
        let histories = in_form(histories);
        let mut sum = Tally::default();
        for seed in 0.. {
            if sum.histories >= histories {
                break;
            }
            sum += self.round(seed, shape).unwrap_or_else(|error| panic!("{error}"));
        }
        println!("{} {}: {sum}", self.engine, self.durability);
        assert!(sum.undecided * 1000 <= sum.histories, "too many prove nothing: {sum}");
        sum
    }
}

/// Returns the number of histories in this form of the tests, given that of the full form.
fn in_form(histories: usize) -> usize {
    by_form([histories / 5, histories, histories * 20])
}

const INTERVAL: Durability = Durability::Interval(Duration::from_millis(2));

#[test]
fn histories_of_contended_keys_are_linearizable() {
    let mut sum = Tally::default();
    for (engine, durability, histories) in [
        (EngineKind::Kvs, Durability::Never, 2000),
        (EngineKind::Kvs, INTERVAL, 1500),
        (EngineKind::Kvs, Durability::Always, 500),
        (EngineKind::Memory, Durability::Never, 1250),
        #[cfg(feature = "sled")]
        (EngineKind::Sled, Durability::Never, 250),
    ] {
        sum += Bench::new(engine, durability).prove(histories, CONTENDED);
    }
    println!("contended keys: {sum}");
}

#[test]
fn histories_across_compactions_and_reopens_are_linearizable() {
    let mut sum = Tally::default();
    for (engine, durability, histories) in [
        (EngineKind::Kvs, Durability::Never, 500),
        (EngineKind::Kvs, INTERVAL, 250),
        (EngineKind::Kvs, Durability::Always, 100),
    ] {
        sum += Bench::new(engine, durability).prove(histories, LONG_LIVED);
    }
    println!("long-lived keys: {sum}");
}
