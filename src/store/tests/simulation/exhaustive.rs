//! Every sequence of up to four steps on two keys, and a crash at every place of the last step.

use std::time::Duration;

use super::checker::{Checker, Effort, Figures, Violation};
use super::machine::{Machine, Past, lengthen, put, remove};
use super::{Dice, Model, on_all_processors, options};
use crate::form::by_form;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::{Batch, WriteOperation};
use crate::{Durability, Options};

/// Returns the effort for a sequence of this length: long ones have so many images that a part of
/// them has to do, except in the long form of the tests.
fn effort(length: usize) -> Effort {
    const FEW: Effort = Effort { pieces_exhausted: 3, samples: 6, crashed_again_one_in: 32 };
    match length {
        0..=2 => Effort::FULL,
        3 => by_form([FEW, Effort { crashed_again_one_in: 4, ..Effort::FULL }, Effort::FULL]),
        _ => by_form([FEW, FEW, Effort::FULL]),
    }
}

/// Returns the length up to which sequences are run.
fn length_max() -> u64 {
    by_form([3, 4, 4])
}

/// Returns true if the sequence of this length and number is run: all short ones are, and of the
/// long ones so many that each action is met at each place, or in the long form all.
fn is_run(length: u64, number: usize) -> bool {
    let every = match length {
        0..=2 => 1,
        3 => by_form([3, 1, 1]),
        _ => by_form([1, 3, 1]),
    };
    (number % ACTIONS.len() + number / ACTIONS.len()).is_multiple_of(every)
}

/// A step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
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
    /// A value longer than a sector, so that it may survive in part. It has sequences of its own.
    LongA,
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
        Action::LongA => single(put("a", value.repeat(100))),
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
fn run(
    options: &Options,
    sequence: &[Action],
    dice: Dice,
    effort: Effort,
) -> Result<Figures, Violation> {
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
    let figures = Figures { direct_turns: machine.direct_turns, ..Figures::default() };
    let mut checker = Checker { options, pasts: &machine.pasts, figures, dice, effort };
    for (number, moment) in moments.iter().enumerate() {
        checker.moment(moment).map_err(|error| format!("before change {number}: {error}"))?;
    }
    Ok(checker.figures)
}

/// Runs a single sequence, and tries whatever a crash in its last step may leave.
pub(super) fn run_one(durability: Durability, sequence: &[Action]) -> Result<Figures, Violation> {
    let run = run(&options(durability), sequence, Dice::new(1), Effort::FULL);
    run.map_err(|e| format!("{durability}, {sequence:?}: {e}"))
}

/// Tries the sequences up to this length.
pub(super) fn run_all(durability: Durability, length_max: u64) -> Result<Figures, Violation> {
    run_part(durability, length_max, 0, 1)
}

/// Runs one of so many parts of the sequences up to this length.
fn run_part(
    durability: Durability,
    length_max: u64,
    part: usize,
    parts: usize,
) -> Result<Figures, Violation> {
    let options = options(durability);
    let mut figures = Figures::default();
    for length in 0..=length_max {
        let count = ACTIONS.len().pow(u32::try_from(length).unwrap());
        let numbers = (part..count).step_by(parts).filter(|number| is_run(length, *number));
        for number in numbers {
            let digits = (0..length).scan(number, |rest, _| {
                let digit = *rest % ACTIONS.len();
                *rest /= ACTIONS.len();
                Some(ACTIONS[digit])
            });
            let sequence: Vec<_> = digits.collect();
            let dice = Dice::new(number as u64 + 1);
            let run = run(&options, &sequence, dice, effort(sequence.len()));
            figures.add(run.map_err(|e| format!("{durability}, {sequence:?}: {e}"))?);
        }
    }
    Ok(figures)
}

/// Runs the sequences up to the length that the form of the tests asks for.
fn run_form(durability: Durability) -> Figures {
    /// Enough that no processor waits long for the last part.
    const PARTS: usize = 64;
    let length = length_max();
    let mut figures = Figures::default();
    for part in on_all_processors(PARTS, |part| run_part(durability, length, part, PARTS)) {
        figures.add(part.unwrap());
    }
    println!("{durability}, sequences of up to {length} steps: {figures}");
    figures
}

#[test]
fn with_always_no_crash_loses_what_was_acknowledged() {
    let figures = run_form(Durability::Always);
    assert!(figures.images > by_form([30_000, 110_000, 1_000_000]), "{figures}");
    assert!(figures.direct_turns > by_form([100, 300, 300]), "{figures}");
}

#[test]
fn with_an_interval_no_crash_loses_what_was_synced() {
    let figures = run_form(Durability::Interval(Duration::from_secs(1)));
    assert!(figures.images > by_form([50_000, 320_000, 3_000_000]), "{figures}");
}
