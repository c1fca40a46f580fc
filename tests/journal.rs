//! The journal that other tests judge a store by finds every way in which a store can be wrong.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::journal::{Journal, Outcome, Violation, Write};

/// The contents of a store.
type Held = BTreeMap<String, Vec<u8>>;

const BATCH: [&str; 3] = ["x", "y", "z"];

fn apply(held: &mut Held, write: &Write) {
    for key in &write.keys {
        match write.value(key) {
            Some(value) => held.insert(key.clone(), value),
            None => held.remove(key),
        };
    }
}

fn check(journal: &Journal, held: &Held) -> Result<(), Violation> {
    journal.check(|key| held.get(key).cloned())
}

fn settle(journal: &mut Journal, held: &Held) -> Result<(), Violation> {
    journal.settle(|key| held.get(key).cloned())
}

fn refused() -> Outcome {
    Outcome::Refused("no".to_owned())
}

#[test]
fn a_store_that_agrees_with_its_journal_passes() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    for round in 0..10 {
        for write in [journal.set(&["a"], 100), journal.set(&BATCH, 10), journal.remove("b")] {
            apply(&mut held, &write);
            journal.conclude(&write, &Outcome::Acknowledged);
        }
        let write = journal.set(&["a"], 5);
        journal.conclude(&write, &refused());
        let write = journal.set(&["b"], 5000);
        if round % 2 == 0 {
            apply(&mut held, &write);
        }
        journal.conclude(&write, &Outcome::Unanswered);
        check(&journal, &held).unwrap();
        settle(&mut journal, &held).unwrap();
    }
    assert_eq!(journal.acknowledged, 30);
}

#[test]
fn a_lost_write_is_found() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    let first = journal.set(&["a"], 10);
    apply(&mut held, &first);
    journal.conclude(&first, &Outcome::Acknowledged);
    let second = journal.set(&["a"], 10);
    journal.conclude(&second, &Outcome::Acknowledged);
    let lost = |found| Violation::Lost { key: "a".to_owned(), acknowledged: 2, found };
    assert_eq!(check(&journal, &held), Err(lost(Some(1))));
    assert_eq!(check(&journal, &Held::new()), Err(lost(None)));
}

#[test]
fn a_lost_removal_is_found() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    let set = journal.set(&["a"], 10);
    apply(&mut held, &set);
    journal.conclude(&set, &Outcome::Acknowledged);
    let remove = journal.remove("a");
    check(&journal, &held).unwrap();
    check(&journal, &Held::new()).unwrap();
    journal.conclude(&remove, &Outcome::Acknowledged);
    let lost = Violation::Lost { key: "a".to_owned(), acknowledged: 2, found: Some(1) };
    assert_eq!(check(&journal, &held), Err(lost));
}

#[test]
fn a_value_that_nobody_sent_is_found() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    let write = journal.set(&["a"], 50);
    journal.conclude(&write, &Outcome::Acknowledged);
    let is_foreign = |journal: &Journal, value: Vec<u8>| {
        let held = Held::from([("a".to_owned(), value)]);
        matches!(check(journal, &held), Err(Violation::NeverSent { .. }))
    };
    apply(&mut held, &write);
    for position in 0..held["a"].len() {
        let mut value = held["a"].clone();
        value[position] ^= 1;
        assert!(is_foreign(&journal, value), "byte {position}");
    }
    assert!(is_foreign(&journal, Vec::new()));
    assert!(is_foreign(&journal, held["a"][..49].to_vec()));
    let mut other = journal.clone();
    assert!(is_foreign(&journal, other.set(&["a"], 50).value("a").unwrap()), "of the future");
    assert!(is_foreign(&journal, other.set(&["b"], 50).value("b").unwrap()), "of another key");
}

#[test]
fn a_refused_write_that_is_there_is_found() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    let write = journal.set(&["a"], 50);
    apply(&mut held, &write);
    journal.conclude(&write, &refused());
    let violation = Violation::Refused { key: "a".to_owned(), sequence: 1 };
    assert_eq!(check(&journal, &held), Err(violation));
    let remove = journal.remove("a");
    journal.conclude(&remove, &refused());
    check(&journal, &Held::new()).unwrap();
}

#[test]
fn a_read_older_than_an_earlier_one_is_found() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    let first = journal.set(&["a"], 50);
    journal.conclude(&first, &Outcome::Acknowledged);
    let second = journal.set(&["a"], 50);
    journal.conclude(&second, &Outcome::Doubtful("perhaps".to_owned()));
    apply(&mut held, &first);
    check(&journal, &held).unwrap();
    apply(&mut held, &second);
    settle(&mut journal, &held).unwrap();
    apply(&mut held, &first);
    let violation = Violation::WentBack { key: "a".to_owned(), seen: 2, found: Some(1) };
    assert_eq!(check(&journal, &held), Err(violation));
}

#[test]
fn a_key_absent_after_a_restart_does_not_appear_later() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    let write = journal.set(&["a"], 50);
    journal.conclude(&write, &Outcome::Unanswered);
    settle(&mut journal, &held).unwrap();
    apply(&mut held, &write);
    assert!(matches!(check(&journal, &held), Err(Violation::NeverSent { .. })));
}

#[test]
fn a_torn_batch_is_found() {
    let (mut journal, mut held) = (Journal::default(), Held::new());
    let write = journal.set(&BATCH, 50);
    journal.conclude(&write, &Outcome::Unanswered);
    check(&journal, &held).unwrap();
    held.insert("y".to_owned(), write.value("y").unwrap());
    let violation = check(&journal, &held).unwrap_err();
    assert!(matches!(violation, Violation::Torn { .. }), "{violation:?}");
    apply(&mut held, &write);
    check(&journal, &held).unwrap();
}
