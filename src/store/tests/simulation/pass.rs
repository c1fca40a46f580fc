//! Compaction passes: crashes at every moment of one, every call failing, writes and snapshots
//! beside it. Whatever happens, whoever asked for it gets an answer.

use std::time::Duration;

use super::checker::{Checker, Effort, Figures, Violation};
use super::faults::{FAILURES, is_from_disk};
use super::machine::{Machine, Past, put, remove};
use super::{Dice, Model, on_all_processors, options};
use crate::actor::PendingReply;
use crate::bugs::{Bug, plant};
use crate::form::by_form;
use crate::storage::fs::simulated::{Fault, Moment, SimulatedDisk, State};
use crate::store::{Batch, WriteOperation};
use crate::{CompactReport, Durability, Options, Result};

/// More garbage than anything here makes, so that nothing is compacted that nobody asked for.
const NEVER: u64 = 1 << 40;

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

type Answer = PendingReply<Result<Option<CompactReport>>>;

fn pass_options(durability: Durability) -> Options {
    options(durability).compaction_bytes_min(NEVER)
}

fn empty(durability: Durability) -> Machine {
    let disk = SimulatedDisk::new(State::default());
    let past = Past { sequence: 0, model: Model::new() };
    Machine::open(&disk, &pass_options(durability), vec![past]).unwrap()
}

/// Writes something by chance, all by itself or in a batch.
fn write(machine: &mut Machine, dice: &mut Dice) {
    let key = KEYS[dice.roll(KEYS.len())];
    let value = |dice: &mut Dice| format!("{};", dice.next()).repeat(1 + dice.roll(3));
    let batch = match dice.roll(20) {
        0 => Batch::single(WriteOperation::clear()),
        1..=5 => Batch::single(remove(key)),
        6 => Batch::from_iter(vec![put("a", value(dice)), remove("b"), put("c", value(dice))]),
        _ => Batch::single(put(key, value(dice))),
    };
    machine.write(vec![batch]).remove(0).expect("nothing fails here");
}

/// Returns a store with dead records in several segments, some of it not synced.
fn filled(durability: Durability, dice: &mut Dice) -> Machine {
    let mut machine = empty(durability);
    for _ in 0..20 + dice.roll(20) {
        write(&mut machine, dice);
        if dice.roll(4) == 0 {
            machine.tick();
            machine.maintain();
        }
    }
    machine
}

/// Runs the pass that was asked for, and writes beside it if there are dice to say so.
fn run(machine: &mut Machine, mut beside: Option<&mut Dice>) {
    let mut steps = 0;
    while machine.step() {
        if let Some(dice) = &mut beside
            && dice.roll(3) == 0
        {
            write(machine, dice);
        }
        steps += 1;
        assert!(steps < 10_000, "the pass does not end");
    }
}

fn take(answer: &Answer) -> Result<CompactReport> {
    let answer = answer.wait_briefly(Duration::ZERO).expect("it is answered");
    answer.expect("the writer is there").map(|report| report.expect("the engine compacts"))
}

fn compact(machine: &mut Machine) -> Result<CompactReport> {
    let answer = machine.ask_to_compact();
    run(machine, None);
    take(&answer)
}

/// Checks that no dead record is left which a compaction would free space by dropping.
fn check_compact(machine: &mut Machine) -> std::result::Result<(), Violation> {
    let report = compact(machine).map_err(|error| format!("a second pass fails: {error}"))?;
    if report.compactions > 0 {
        return Err(format!("a second pass had something to do: {report:?}"));
    }
    let figures = machine.figures();
    let segments: Vec<_> = figures.segments.into_iter().map(|segment| segment.stats()).collect();
    let dead_values: u64 = segments.iter().map(|segment| segment.dead_values).sum();
    // Only in segments of batches, which would become longer.
    let are_full = segments.iter().filter(|it| it.dead_values > 0).all(|it| it.dead_bytes < 256);
    if dead_values > 0 && !are_full {
        return Err(format!("{dead_values} dead values are left: {segments:?}"));
    }
    Ok(())
}

fn check_contents(machine: &Machine) {
    assert_eq!(machine.contents().unwrap(), *machine.now());
}

const DURABILITIES: [Durability; 2] =
    [Durability::Always, Durability::Interval(Duration::from_secs(1))];

#[test]
fn no_crash_during_a_pass_loses_what_was_acknowledged() {
    let crash = |seed: usize| {
        let mut dice = Dice::new(seed as u64);
        let durability = DURABILITIES[seed % 2];
        let mut machine = filled(durability, &mut dice);
        machine.disk.record();
        let answer = machine.ask_to_compact();
        run(&mut machine, (!seed.is_multiple_of(3)).then_some(&mut dice));
        let report = take(&answer).unwrap();
        check_contents(&machine);
        let options = pass_options(durability);
        let (pasts, figures) = (&machine.pasts[..], Figures::default());
        let mut checker = Checker { options: &options, pasts, figures, dice, effort: Effort::FULL };
        for (number, moment) in machine.disk.moments().iter().enumerate() {
            let checked = checker.sample(moment, 4);
            checked.unwrap_or_else(|error| panic!("seed {seed}, moment {number}: {error}"));
        }
        (report.compactions, checker.figures)
    };
    let (mut compactions, mut figures) = (0, Figures::default());
    for (done, found) in on_all_processors(by_form([3, 60, 5_000]), crash) {
        compactions += done;
        figures.add(found);
    }
    println!("{compactions} compactions, {figures}");
    assert!(compactions > by_form([3, 60, 5_000]), "{compactions}");
    assert!(figures.images > by_form([250, 5_000, 500_000]), "{figures}");
}

/// Runs a pass in which this fault strikes; returns true if it did.
fn fail(seed: u64, fault: Fault) -> std::result::Result<bool, Violation> {
    let mut dice = Dice::new(seed);
    let durability = DURABILITIES[usize::try_from(seed % 2).unwrap()];
    let mut machine = filled(durability, &mut dice);
    machine.disk.fail(fault, seed);
    let answer = machine.ask_to_compact();
    run(&mut machine, None);
    if let Err(error) = take(&answer) {
        is_from_disk(&error)?;
    }
    let has_failed = machine.disk.has_failed();
    machine.disk.heal();
    check_contents(&machine);
    let options = pass_options(durability);
    let moment = Moment { state: machine.disk.state(), promised: machine.promised };
    let (pasts, figures) = (&machine.pasts[..], Figures::default());
    Checker { options: &options, pasts, figures, dice, effort: Effort::FULL }.sample(&moment, 3)?;
    // The next pass does the rest, at the latest in another process.
    machine.tick();
    machine.maintain();
    if machine.health.failure().is_none() && compact(&mut machine).is_ok() {
        check_compact(&mut machine)?;
    }
    check_contents(&machine);
    let mut machine = machine.reopen().map_err(|error| error.to_string())?;
    compact(&mut machine).map_err(|error| format!("it fails after a restart: {error}"))?;
    check_compact(&mut machine)?;
    check_contents(&machine);
    Ok(has_failed)
}

#[test]
fn a_call_that_fails_during_a_pass_is_told_and_changes_nothing() {
    let series = |number: usize| {
        let (failure, forever) = (FAILURES[number % 4], number / 4 % 2 == 1);
        let seed = 1 + (number / 8) as u64;
        let calls = (0..).step_by(by_form([7, 1, 1]));
        let strikes = |call: &u64| {
            let fault = Fault { call: *call, failure, forever };
            fail(seed, fault).unwrap_or_else(|error| panic!("seed {seed}, {fault:?}: {error}"))
        };
        calls.take_while(strikes).count()
    };
    let runs: usize = on_all_processors(8 * by_form([1, 2, 100]), series).into_iter().sum();
    println!("{runs} runs with a failed call");
    assert!(runs > by_form([15, 250, 15_000]), "{runs}");
}

#[test]
fn nothing_dead_is_left_and_what_snapshots_see_is() {
    for seed in 0..by_form([15, 100, 3_000]) {
        let mut dice = Dice::new(seed);
        let mut machine = filled(Durability::Never, &mut dice);
        let (snapshot, then) = (machine.reader.snapshot().unwrap(), machine.now().clone());
        for _ in 0..dice.roll(20) {
            write(&mut machine, &mut dice);
        }
        compact(&mut machine).unwrap();
        for key in KEYS {
            let found = machine.reader.get_at(key.as_bytes(), &snapshot).unwrap();
            let expected = then.get(key.as_bytes()).map(|(value, _)| value);
            assert_eq!(found.as_ref().map(|entry| &entry.value), expected, "seed {seed}");
        }
        check_contents(&machine);
        drop(snapshot);
        compact(&mut machine).unwrap();
        check_compact(&mut machine).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        check_contents(&machine);
        let mut machine = machine.reopen().unwrap();
        compact(&mut machine).unwrap();
        check_compact(&mut machine).unwrap_or_else(|error| panic!("reopened {seed}: {error}"));
        check_contents(&machine);
    }
}

#[test]
fn a_pass_that_ends_too_early_is_caught() {
    let _planted = plant(Some(Bug::EndPassEarly));
    let is_caught = |seed| {
        let mut machine = filled(Durability::Never, &mut Dice::new(seed));
        compact(&mut machine).unwrap();
        check_compact(&mut machine).is_err()
    };
    assert!((0..10).any(is_caught));
}

#[test]
fn calls_that_come_during_a_pass_share_the_next_one() {
    let mut dice = Dice::new(3);
    let mut machine = filled(Durability::Never, &mut dice);
    let first = machine.ask_to_compact();
    machine.step();
    // It dies after the first one has looked.
    write(&mut machine, &mut dice);
    let others = [machine.ask_to_compact(), machine.ask_to_compact()];
    assert!(first.wait_briefly(Duration::ZERO).is_none());
    run(&mut machine, None);
    assert!(take(&first).unwrap().compactions > 0);
    let [second, third] = others.map(|other| take(&other).unwrap());
    assert_eq!(second, third);
    check_compact(&mut machine).unwrap();
    check_contents(&machine);
}
