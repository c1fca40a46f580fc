//! Replays the corpora and mutations of them, and shows which planted mistakes the targets catch.
//!
//! The forms of the tests differ in how many mutations they try with each target:
//! `KVS_TEST=long cargo test --release --lib fuzzing -- --nocapture`.

mod mutator;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Instant;

use super::{TARGETS, Target};
use crate::bugs::{Bug, plant};
use crate::form::by_form;
use mutator::Mutator;

/// Every mutation follows from it, the corpus and the number of the execution.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).unwrap()
}

fn corpus(target: Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target.name);
    let entries = fs::read_dir(&folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    // The order decides what the mutations are.
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs an input; if it fails, keeps it and says how to keep it for good.
fn run(target: Target, bytes: &[u8]) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))) else { return };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = tempfile::Builder::new().prefix("kvs-fuzz-").tempfile().unwrap();
    let (_, path) = file.keep().unwrap();
    fs::write(&path, bytes).unwrap();
    eprintln!("target {} fails on {hex}", target.name);
    eprintln!("to have every run of the tests replay it:");
    eprintln!("  cp {} tests/corpus/{}/found-NAME", path.display(), target.name);
    eprintln!("  cargo test --lib fuzzing::tests::{}", target.name);
    resume_unwind(panic);
}

/// Replays the corpus, then tries so many mutations: a tenth of them in the short form of the
/// tests, twenty times as many in the long one.
fn fuzz(name: &str, executions: u64) {
    let target = target(name);
    let corpus = corpus(target);
    corpus.iter().for_each(|bytes| run(target, bytes));
    let executions = by_form([executions / 20, executions, executions * 20]);
    let mut mutator = Mutator::new(SEED, &corpus);
    let start = Instant::now();
    (0..executions).for_each(|_| run(target, &mutator.next()));
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{name}: {} inputs replayed, {executions} mutations of seed {SEED:#x} in {seconds:.1} s",
        corpus.len()
    );
}

#[test]
fn segment() {
    fuzz("segment", 30_000);
}

#[test]
fn hint() {
    fuzz("hint", 2_500);
}

#[test]
fn native() {
    fuzz("native", 4_000_000);
}

#[test]
fn resp() {
    fuzz("resp", 1_000_000);
}

#[test]
fn stranger() {
    fuzz("stranger", 150_000);
}

#[test]
fn operations() {
    fuzz("operations", 5_000);
}

#[test]
fn text() {
    fuzz("text", 2_000_000);
}

#[test]
fn transfer() {
    fuzz("transfer", 200_000);
}

/// Returns the number of executions after which a target fails with this mistake planted.
fn executions_to_catch(bug: Bug, name: &str, bound: usize) -> Option<usize> {
    let target = target(name);
    let corpus = corpus(target);
    let mut mutator = Mutator::new(SEED, &corpus);
    let mutations = std::iter::repeat_with(|| mutator.next());
    let mut inputs = corpus.iter().cloned().chain(mutations).take(bound);
    let fails = |bytes: &Vec<u8>| {
        let _planted = plant(Some(bug));
        catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err()
    };
    let (executions, caught_by) = inputs.by_ref().enumerate().find(|(_, bytes)| fails(bytes))?;
    // It is the bug that the input reveals, and nothing else.
    (target.run)(&caught_by);
    Some(executions + 1)
}

fn assert_caught(name: &str, bugs: &[Bug]) {
    const BOUND: usize = 50_000;
    let mut missed = Vec::new();
    for &bug in bugs {
        match executions_to_catch(bug, name, BOUND) {
            Some(executions) => println!("{name} catches {bug:?} after {executions} executions"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "{name} misses {missed:?}");
}

#[test]
fn damaged_logs_reveal_planted_bugs() {
    assert_caught(
        "segment",
        &[
            Bug::AppendToTorn,
            Bug::AcceptPartialBatch,
            Bug::CutDamage,
            Bug::SkipRecordChecksum,
            Bug::ReadErrorIsAbsence,
            Bug::DropTombstones,
        ],
    );
}

#[test]
fn damaged_hints_reveal_planted_bugs() {
    assert_caught("hint", &[Bug::SkipHintChecksum, Bug::HintOfAnother]);
}

#[test]
#[ignore = "takes seconds, and tests the tests"]
fn operations_reveal_planted_bugs() {
    assert_caught(
        "operations",
        &[
            Bug::SkipUndo,
            Bug::AppendToTorn,
            Bug::DropTombstones,
            Bug::DropRangeRemovals,
            Bug::IncludeRangeEnd,
            Bug::RemoveOwnBatch,
            Bug::RepointOverwritten,
            Bug::RemoveInputsFirst,
            Bug::IgnoreSnapshots,
            Bug::SkipOverlay,
            Bug::StaleRead,
        ],
    );
}
