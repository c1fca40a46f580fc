//! The check of a commit: writes of its own group count as much as those before it.

use super::*;
use crate::bugs::{Bug, plant};
use crate::engine::KeyspaceId;
use crate::store::read_set::{ReadKey, ReadRange, ReadSet};

const KEYSPACE: KeyspaceId = KeyspaceId::DEFAULT;

fn key(key: &str, was_there: bool) -> ReadKey {
    ReadKey { keyspace: KEYSPACE, key: key.into(), was_there }
}

fn range(start: &str, end: &str, keys: usize) -> ReadRange {
    ReadRange { keyspace: KEYSPACE, start: start.into(), end: end.into(), keys }
}

/// Returns a batch that sets a key if what was read by a commit is still so.
fn commit(since: u64, keys: Vec<ReadKey>, ranges: Vec<ReadRange>) -> Batch {
    let reads = ReadSet { since: Sequence(since), keys, ranges };
    let check = WriteOperation::RequireUnchanged(Box::new(reads));
    Batch::from_iter([check, put("committed", "v")])
}

/// Writes batches as one group, over `b` and `d` of commit 1; returns whether the last one was
/// taken.
fn is_taken(batches: Vec<Batch>) -> bool {
    let store = store();
    store.apply(Batch::from_iter([put("b", "v"), put("d", "v")])).unwrap();
    let (reply, answer) = Reply::channel();
    assert!(store.submit_batches(batches, reply).is_ok());
    let last = answer.wait().unwrap().pop().unwrap();
    let is_taken = match last {
        Ok(_) => true,
        Err(Error::TransactionConflict) => false,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(store.contains("committed").unwrap(), is_taken);
    is_taken
}

fn remove(key: &str) -> WriteOperation {
    WriteOperation::Remove { key: key.into() }
}

fn remove_range(start: &str, end: &str) -> WriteOperation {
    WriteOperation::RemoveRange { start: start.into(), end: end.into() }
}

#[test]
fn a_commit_is_checked_against_the_writes_of_its_group() {
    let b = || commit(1, vec![key("b", true)], vec![]);
    let c = || commit(1, vec![key("c", false)], vec![]);
    let from_b_to_d = || commit(1, vec![], vec![range("b", "d", 1)]);
    for (write, commit, expected) in [
        (put("a", "v"), b(), true),
        (put("b", "v"), b(), false),
        (remove("b"), b(), false),
        (remove_range("a", "c"), b(), false),
        (put("c", "v"), c(), false),
        (remove("c"), c(), true),
        (put("a", "v"), from_b_to_d(), true),
        (put("c", "v"), from_b_to_d(), false),
        (put("d", "v"), from_b_to_d(), true),
        (remove("b"), from_b_to_d(), false),
        (remove_range("c", ""), from_b_to_d(), false),
        (remove_range("d", ""), from_b_to_d(), true),
        (remove_range("", "b"), from_b_to_d(), true),
        (WriteOperation::clear(), from_b_to_d(), false),
    ] {
        let what = format!("{write:?} before {commit:?}");
        assert_eq!(is_taken(vec![Batch::single(write), commit]), expected, "{what}");
    }
}

#[test]
fn a_commit_is_checked_against_newer_keys_and_against_those_that_are_gone() {
    assert!(is_taken(vec![commit(1, vec![key("b", true)], vec![range("", "", 2)])]));
    assert!(!is_taken(vec![commit(0, vec![key("b", true)], vec![])]), "it is newer");
    assert!(!is_taken(vec![commit(0, vec![], vec![range("c", "", 1)])]), "it is newer");
    assert!(!is_taken(vec![commit(1, vec![], vec![range("", "", 3)])]), "one is gone");
}

#[test]
fn a_commit_that_checks_no_keys_is_caught() {
    let _planted = plant(Some(Bug::SkipReadKeys));
    assert!(is_taken(vec![commit(0, vec![key("b", true)], vec![])]));
}

#[test]
fn a_commit_that_checks_no_ranges_is_caught() {
    let _planted = plant(Some(Bug::SkipReadRanges));
    assert!(is_taken(vec![commit(0, vec![], vec![range("c", "", 1)])]));
}

#[test]
fn a_commit_that_does_not_count_the_keys_of_a_range_is_caught() {
    let _planted = plant(Some(Bug::SkipReadCount));
    assert!(is_taken(vec![commit(1, vec![], vec![range("", "", 3)])]));
}
