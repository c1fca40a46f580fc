//! Each of these mistakes makes histories that the checker rejects.

use std::io;

use super::*;
use crate::bugs::Bug;

/// The number of rounds that a mistake may go unnoticed; most are noticed within ten, and none took
/// a hundred.
const ROUNDS_MAX: u64 = 5000;

fn is_caught(bug: Bug, mut round: impl FnMut(u64) -> std::result::Result<Tally, String>) {
    let caught = (0..ROUNDS_MAX).find_map(|seed| Some((seed, round(seed).err()?)));
    let (seed, error) = caught.unwrap_or_else(|| panic!("{bug:?} went unnoticed"));
    let lines: Vec<_> = error.lines().take(2).collect();
    println!("{bug:?} is caught in round {seed}: {lines:?}");
}

fn is_caught_on_kvs(bug: Bug, shape: Shape) {
    let _planted = bugs::plant(Some(bug));
    let mut bench = Bench::new(EngineKind::Kvs, Durability::Never);
    is_caught(bug, |seed| bench.round(seed, shape));
}

#[test]
fn a_stale_read_is_caught() {
    is_caught_on_kvs(Bug::StaleRead, CONTENDED);
}

#[test]
fn updates_that_do_not_see_their_group_are_caught() {
    is_caught_on_kvs(Bug::SkipOverlay, CONTENDED);
}

#[test]
fn repointing_an_overwritten_version_is_caught() {
    is_caught_on_kvs(Bug::RepointOverwritten, LONG_LIVED);
}

#[test]
fn inputs_that_are_dropped_early_are_caught() {
    is_caught_on_kvs(Bug::DropInputsEarly, LONG_LIVED);
}

#[test]
fn dropped_tombstones_are_caught() {
    is_caught_on_kvs(Bug::DropTombstones, LONG_LIVED);
}

#[test]
fn pruning_versions_that_a_snapshot_sees_is_caught() {
    let _planted = bugs::plant(Some(Bug::IgnoreSnapshots));
    let bench = Bench::new(EngineKind::Kvs, Durability::Never);
    is_caught(Bug::IgnoreSnapshots, |seed| batches::round(&bench, seed));
}

/// Returns a bench of a store whose disk is full every few groups.
fn often_full() -> Bench {
    let mut bench = Bench::new(EngineKind::Kvs, Durability::Never);
    bench.store = None;
    let mut opened = engine::open(&bench.options()).unwrap();
    let mut dice = Dice::new(1, 1);
    let full = || Error::io("append to", Path::new("log"), io::ErrorKind::StorageFull.into());
    let fault = Box::new(move || (dice.roll(8) == 0).then(full));
    opened.writer = Box::new(FailingWriter { writer: opened.writer, fault, may_close: true });
    bench.store = Some(Store::start(opened, bench.options()).unwrap());
    bench
}

#[test]
fn histories_beside_a_full_disk_are_linearizable() {
    often_full().prove(250, CONTENDED);
}

#[test]
fn an_acknowledged_failure_is_caught() {
    let _planted = bugs::plant(Some(Bug::AcknowledgeFailure));
    let mut bench = often_full();
    is_caught(Bug::AcknowledgeFailure, |seed| bench.round(seed, CONTENDED));
}
