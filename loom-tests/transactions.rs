//! Two transactions that each write what the other one read, a key of it and a range: one of them
//! is refused, and the other one is applied, if they overlapped.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::store::Store;
use crate::{Durability, Error};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 1000 },
    deep: Bound { preemptions: 3, executions_min: 1000 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Never), &[]);
    let other = {
        let store = store.clone();
        spawn(move || commit(&store, "b", |store| store.get("a").unwrap().is_some()))
    };
    let count = |transaction: &crate::Transaction| transaction.scan("b"..).count() > 0;
    let first = commit(&store, "a", count);
    let second = other.join().unwrap();
    let is_there = |key: &str| get(&store, key).is_some();
    match (first, second) {
        (Some(seen), Some(seen_by_other)) => {
            assert!(seen != seen_by_other, "neither saw the other one, or each did");
            assert!(is_there("a") && is_there("b"));
        }
        (Some(_), None) => assert!(is_there("a") && !is_there("b")),
        (None, Some(_)) => assert!(!is_there("a") && is_there("b")),
        (None, None) => panic!("both are refused"),
    }
}

/// Reads, then sets the key; returns what was seen, or `None` if the transaction was refused.
fn commit(
    store: &Store,
    key: &str,
    read: impl FnOnce(&crate::Transaction) -> bool,
) -> Option<bool> {
    let transaction = store.begin().unwrap();
    let seen = read(&transaction);
    transaction.set(key, "v");
    match transaction.commit() {
        Ok(()) => Some(seen),
        Err(Error::TransactionConflict) => None,
        Err(error) => panic!("{error}"),
    }
}
