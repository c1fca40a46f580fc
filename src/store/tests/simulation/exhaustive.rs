//! Every sequence of up to four steps on two keys, and a crash at every place of the last step.

use std::time::Duration;

use super::checker::{Checker, Effort, Figures, Violation};
use super::machine::{Machine, Past, lengthen, put, remove};
use super::{Dice, Model, options};
use crate::form::by_form;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::{Batch, WriteOperation};
use crate::{Durability, Options};

/// Returns the effort for a sequence of this length: long ones have so many images that a part of
/// them has to do, except in the long form of the tests.
fn effort(length: usize) -> Effort {
    const SAMPLED: Effort = Effort { pieces_exhausted: 4, samples: 12, crashed_again_one_in: 16 };
    match length {
        0..=2 => Effort::FULL,
        3 => by_form([SAMPLED, Effort { crashed_again_one_in: 4, ..Effort::FULL }, Effort::FULL]),
        _ => by_form([SAMPLED, SAMPLED, Effort::FULL]),
    }
}

/// Returns the length up to which every sequence is run.
fn length_max() -> u64 {
    by_form([3, 4, 4])
}

/// A step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    PutA,
    PutB,
    /// A value that fills its segment.
    FillA,
    RemoveA,
    /// Both keys in one batch.
    Both,
    /// Two callers lengthen the same key in one group.
    LengthenTwice,
    Clear,
    /// One step of maintenance.
    Step,
    /// All there is to do for maintenance.
    Maintain,
    Tick,
    Reopen,
}

const ACTIONS: [Action; 11] = [
    Action::PutA,
    Action::PutB,
    Action::FillA,
    Action::RemoveA,
    Action::Both,
    Action::LengthenTwice,
    Action::Clear,
    Action::Step,
    Action::Maintain,
    Action::Tick,
    Action::Reopen,
];

fn single(operation: WriteOperation) -> Vec<Batch> {
    vec![Batch::single(operation)]
}

fn act(mut machine: Machine, action: Action, step: usize) -> Machine {
    let value = format!("value {step}");
    let batches = match action {
        Action::PutA => single(put("a", value)),
        Action::PutB => single(put("b", value)),
        Action::FillA => single(put("a", value.repeat(30))),
        Action::RemoveA => single(remove("a")),
        Action::Both => {
            // Longer than a sector, so that it may survive in part.
            let long = value.repeat(60);
            vec![Batch::from_iter(vec![put("a", value), put("b", long)])]
        }
        Action::LengthenTwice => {
            vec![Batch::single(lengthen("a")), Batch::single(lengthen("a"))]
        }
        Action::Clear => single(WriteOperation::clear()),
        Action::Step => {
            machine.step();
            return machine;
        }
        Action::Maintain => {
            machine.maintain();
            return machine;
        }
        Action::Tick => {
            machine.tick();
            return machine;
        }
        Action::Reopen => return machine.reopen().expect("a closed store opens"),
    };
    for outcome in machine.write(batches) {
        outcome.expect("nothing fails here");
    }
    machine
}

/// Runs a sequence, and crashes at every place of its last step.
fn run(options: &Options, sequence: &[Action], dice: Dice) -> Result<Figures, Violation> {
    let disk = SimulatedDisk::new(State::default());
    let empty = Past { sequence: 0, model: Model::new() };
    if sequence.is_empty() {
        disk.record();
    }
    let mut machine =
        Machine::open(&disk, options, vec![empty.clone()]).map_err(|e| e.to_string())?;
    for (step, action) in sequence.iter().enumerate() {
        if step + 1 == sequence.len() {
            disk.record();
        }
        machine = act(machine, *action, step);
        let found = machine.contents().map_err(|e| e.to_string())?;
        if found != *machine.now() {
            return Err(format!(
                "{found:?} is read after {action:?}, {:?} was written",
                machine.now()
            ));
        }
    }
    let moments = disk.moments();
    let figures = Figures::default();
    let effort = effort(sequence.len());
    let mut checker = Checker { options, pasts: &machine.pasts, figures, dice, effort };
    for (number, moment) in moments.iter().enumerate() {
        checker.moment(moment).map_err(|error| format!("before change {number}: {error}"))?;
    }
    Ok(checker.figures)
}

/// Tries every sequence up to this length.
pub(super) fn run_all(durability: Durability, length_max: u64) -> Result<Figures, Violation> {
    let options = options(durability);
    let mut figures = Figures::default();
    for length in 0..=length_max {
        for number in 0..ACTIONS.len().pow(u32::try_from(length).unwrap()) {
            let digits = (0..length).scan(number, |rest, _| {
                let digit = *rest % ACTIONS.len();
                *rest /= ACTIONS.len();
                Some(ACTIONS[digit])
            });
            let sequence: Vec<_> = digits.collect();
            let dice = Dice::new(number as u64 + 1);
            let run = run(&options, &sequence, dice);
            figures.add(run.map_err(|e| format!("{durability}, {sequence:?}: {e}"))?);
        }
    }
    Ok(figures)
}

#[test]
fn with_always_no_crash_loses_what_was_acknowledged() {
    let length = length_max();
    let figures = run_all(Durability::Always, length).unwrap();
    assert!(figures.images > by_form([100_000, 1_000_000, 1_000_000]), "{figures}");
    println!("always, every sequence of {length} steps: {figures}");
}

#[test]
fn with_an_interval_no_crash_loses_what_was_synced() {
    let length = length_max();
    let figures = run_all(Durability::Interval(Duration::from_secs(1)), length).unwrap();
    assert!(figures.images > by_form([200_000, 3_000_000, 3_000_000]), "{figures}");
    println!("interval, every sequence of {length} steps: {figures}");
}
