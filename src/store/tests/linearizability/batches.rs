//! Batches over several keys and reads of several keys at one moment, as histories of a whole
//! store.

use std::ops::Bound;

use super::*;
use crate::engine::{KeyRange, Page, ScanPage};
use crate::linearizability::specification::{StoreAnswer, StoreOperation};

const KEYS: usize = 3;
const THREADS: usize = 3;

/// Of each thread; together few enough for a search without partition.
const CALLS: usize = 8;

pub(super) type Answered = std::result::Result<StoreAnswer, String>;

fn name(seed: u64, key: usize) -> String {
    format!("{seed:08}.{key}")
}

/// Returns a random operation on the keys of one history.
pub(super) fn operation(dice: &mut Dice, time: &Time) -> StoreOperation {
    let condition = |dice: &mut Dice| (dice.roll(KEYS), workload::condition(dice, None));
    match dice.roll(16) {
        0..=4 => StoreOperation::Read((0..KEYS).collect()),
        5..=7 => StoreOperation::Key(dice.roll(KEYS), workload::operation(dice, time, None)),
        8 if dice.roll(3) == 0 => StoreOperation::Clear,
        n => {
            let require = if n > 12 { vec![condition(dice)] } else { vec![] };
            let number = time.number();
            let written = (0..KEYS).filter(|_| dice.roll(4) > 0).collect::<Vec<_>>();
            let removed = dice.roll(5);
            let write = written.into_iter().map(|key| (key, (key != removed).then_some(number)));
            StoreOperation::Batch { require, write: write.collect() }
        }
    }
}

/// Returns the keys as a snapshot sees them: one by one, or page by page.
fn read(store: &Store, seed: u64, scans: bool) -> Answered {
    let failed = |error| format!("a read failed: {error}");
    let snapshot = store.reader().snapshot().map_err(failed)?;
    let mut values = vec![None; KEYS];
    if !scans {
        for (key, value) in values.iter_mut().enumerate() {
            let name = name(seed, key);
            let found = store.reader().get_at(name.as_bytes(), &snapshot);
            if let Some(entry) = found.map_err(failed)? {
                *value = Some(decode(&entry.value));
            }
        }
        return Ok(StoreAnswer::Values(values));
    }
    let mut range = KeyRange {
        start: Bound::Included(name(seed, 0).into()),
        end: Bound::Included(name(seed, KEYS).into()),
        reverse: false,
    };
    loop {
        let page =
            ScanPage { range: &range, snapshot: Some(&snapshot), limit: 2, keys_only: false };
        let page = Page::of(&**store.reader(), &page).map_err(failed)?;
        for scanned in page.entries {
            let key = (0..KEYS).find(|key| scanned.key == name(seed, *key).as_bytes());
            values[key.ok_or("a key that nobody wrote")?] = Some(decode(&scanned.entry.value));
        }
        match page.resume_after {
            Some(last) => range = range.after(&last),
            None => return Ok(StoreAnswer::Values(values)),
        }
    }
}

pub(super) fn execute(
    store: &Store,
    seed: u64,
    operation: &StoreOperation,
    dice: &mut Dice,
) -> Answered {
    let key_answer = |outcome| match known(outcome)? {
        Known::Known(answer) => Ok(StoreAnswer::Key(answer)),
        other => Err(format!("a write ended as {other:?}")),
    };
    match operation {
        StoreOperation::Read(_) => read(store, seed, dice.roll(2) == 0),
        StoreOperation::Key(key, KeyOperation::Get) => {
            let value = store.get(name(seed, *key)).map_err(|error| error.to_string())?;
            Ok(StoreAnswer::Key(KeyAnswer::Value(value.as_deref().map(decode))))
        }
        StoreOperation::Key(key, KeyOperation::Contains) => {
            let stamp = store.reader().metadata(name(seed, *key).as_bytes());
            let flag = stamp.map_err(|error| error.to_string())?.is_some();
            Ok(StoreAnswer::Key(KeyAnswer::Flag(flag)))
        }
        StoreOperation::Key(key, operation) => {
            key_answer(store.apply(batch(&name(seed, *key), *operation)))
        }
        StoreOperation::Clear => {
            let cleared = store.apply(Batch::single(WriteOperation::clear()));
            cleared.map(|_| StoreAnswer::Done).map_err(|error| error.to_string())
        }
        StoreOperation::Batch { require, write } => {
            let required = require.iter().map(|(key, expected)| WriteOperation::Require {
                key: name(seed, *key).into(),
                condition: condition(*expected),
            });
            let written = write.iter().map(|(key, number)| match number {
                Some(number) => {
                    put(&name(seed, *key), std::str::from_utf8(&encode(*number)).unwrap())
                }
                None => WriteOperation::Remove { key: name(seed, *key).into() },
            });
            match store.apply(required.chain(written).collect()) {
                Ok(_) => Ok(StoreAnswer::Applied(true)),
                Err(Error::ConditionFailed { .. }) => Ok(StoreAnswer::Applied(false)),
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

/// Makes one history of a whole store and checks it.
pub(super) fn round(bench: &Bench, seed: u64) -> std::result::Result<Tally, String> {
    let start = Barrier::new(THREADS);
    let planted = bugs::planted_here();
    let (store, time) = (bench.store(), &bench.time);
    let calls: std::result::Result<Vec<_>, String> = std::thread::scope(|scope| {
        let client = |client: usize| {
            let start = &start;
            let mut dice = Dice::new(seed, u64::try_from(client).unwrap());
            scope.spawn(move || {
                let _planted = bugs::plant(planted);
                start.wait();
                let call = |_| {
                    let operation = operation(&mut dice, time);
                    let invoked = time.now();
                    let answer = execute(store, seed, &operation, &mut dice)?;
                    let (returned, outcome) = (time.now(), Known::Known(answer));
                    Ok(Call { client, invoked, returned, operation, outcome })
                };
                (0..CALLS).map(call).collect::<std::result::Result<Vec<_>, String>>()
            })
        };
        let clients: Vec<_> = (0..THREADS).map(client).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let tally = calls.and_then(|calls| Tally::judge(&calls.concat()));
    tally.map_err(|error| format!("seed {seed} on {}: {error}", bench.engine))
}

#[test]
fn histories_of_batches_and_snapshots_are_linearizable() {
    let mut sum = Tally::default();
    for (engine, durability, histories) in [
        (EngineKind::Kvs, Durability::Never, 500),
        (EngineKind::Kvs, INTERVAL, 250),
        (EngineKind::Memory, Durability::Never, 250),
    ] {
        let bench = Bench::new(engine, durability);
        for seed in 0..in_form(histories) as u64 {
            sum += round(&bench, seed).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    println!("whole stores: {sum}");
    assert!(sum.undecided * 1000 <= sum.histories, "too many prove nothing: {sum}");
}
