//! Every call to the disk fails, one after the other, once and from then on.
//!
//! Whatever fails, every caller is answered, what is read is what was acknowledged, nothing is
//! acknowledged after a failed sync, and what a crash leaves passes the oracle. Where no sync
//! failed, writes succeed again as soon as the disk does.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::checker::{Checker, Effort, Figures, Violation};
use super::history::{self, Change, Event, draw, with_time};
use super::machine::{Machine, Past, put};
use super::{Dice, Model, START, on_all_processors, options};
use crate::engine::KeyspaceId;
use crate::form::by_form;
use crate::storage::fs::simulated::{Call, Failure, Fault, Moment, SimulatedDisk, State};
use crate::store::Batch;
use crate::store::clock::manual;
use crate::{Durability, Error, EvictionPolicy, Options};

pub(super) const FAILURES: [Failure; 4] =
    [Failure::Input, Failure::Full, Failure::Short, Failure::Interrupted];

/// The memory of the keys where some are evicted: that of about 30.
const EVICTING_BYTES_MAX: u64 = 3_500;

/// The number of keys that are written there.
const EVICTING_KEYS: usize = 100;

/// The numbers of what was tried.
#[derive(Default)]
pub(super) struct FaultFigures {
    /// Runs in which something failed.
    runs: u64,
    crashes: Figures,
}

impl fmt::Display for FaultFigures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} runs with a failed call, {}", self.runs, self.crashes)
    }
}

/// A script that is run again for every fault.
struct Script {
    options: Options,
    events: Vec<Event>,
}

impl Script {
    /// Writes, maintenance, snapshots and reopening; crashes come at the end.
    fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let interval = Durability::Interval(Duration::from_secs(1));
        let durability = [Durability::Always, interval][dice.roll(2)];
        let is_wanted = |event: &Event| {
            !matches!(event, Event::Kill | Event::PowerLoss(..) | Event::Snapshot | Event::Look)
        };
        let events = (0..40).map(|_| draw(&mut dice)).filter(is_wanted).collect();
        let mut events = with_time(events, Dice::new(!seed));
        events.push(Event::Maintain);
        Self { options: options(durability), events }
    }

    /// Writes, maintenance and reopening where only some keys have room in memory: those before
    /// them are evicted.
    fn draw_evicting(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let durability = [Durability::Always, Durability::Never][dice.roll(2)];
        let options = options(durability).memory_max(EVICTING_BYTES_MAX);
        let options = options.eviction(EvictionPolicy::AllKeysRandom);
        let events = (0..20).map(|_| match dice.roll(20) {
            0..=13 => {
                let put = |dice: &mut Dice| {
                    let (keyspace, key) = (KeyspaceId::DEFAULT, dice.roll(EVICTING_KEYS));
                    vec![Change::Put { keyspace, key, value_bytes: [8, 40, 200][dice.roll(3)] }]
                };
                Event::Write((0..8).map(|_| put(&mut dice)).collect())
            }
            14..=16 => Event::Step,
            17 => Event::Tick,
            18 => Event::Sync,
            _ => Event::Reopen,
        });
        Self { events: events.chain([Event::Maintain]).collect(), options }
    }

    /// Runs it with this fault; whether it struck.
    fn run(&self, fault: Fault, chance: u64, figures: &mut Figures) -> Result<bool, Violation> {
        manual::set(START);
        let disk = SimulatedDisk::new(State::default());
        let options = self.options.clone();
        let empty = Past { sequence: 0, model: Model::new() };
        disk.fail(fault, chance);
        let opened = Machine::open(&disk, &options, vec![empty.clone()]);
        let mut machine = match opened {
            Ok(machine) => machine,
            Err(error) => {
                is_from_disk(&error)?;
                disk.heal();
                let opened = Machine::open(&disk, &options, vec![empty]);
                opened.map_err(|e| format!("it cannot be opened after {error}: {e}"))?
            }
        };
        // Opening anew is what is done about a failure there.
        disk.forget_failed();
        for (step, event) in self.events.iter().enumerate() {
            machine = happen(machine, event, step).map_err(|e| format!("event {step}: {e}"))?;
        }
        let has_failed = disk.has_failed();
        disk.heal();
        resume(&mut machine)?;
        let moment = Moment { state: disk.state(), promised: machine.promised };
        let (pasts, dice) = (&*machine.pasts, Dice::new(chance));
        let mut checker =
            Checker { options: &options, pasts, figures: *figures, dice, effort: Effort::FULL };
        checker.sample(&moment, 3)?;
        *figures = checker.figures;
        Ok(has_failed)
    }
}

pub(super) fn is_from_disk(error: &Error) -> Result<(), Violation> {
    match error {
        Error::Io { .. } | Error::UnknownOutcome(_) | Error::Poisoned(_) => Ok(()),
        error if history::is_refused(error) => Ok(()),
        error => Err(format!("a failing disk is reported as: {error}")),
    }
}

/// Returns true if a failed sync leaves acknowledged writes in doubt: not that of a compaction's
/// output, which is then thrown away.
fn a_sync_failed(machine: &Machine) -> bool {
    machine.disk.failed().iter().any(|(call, name)| match call {
        Call::Sync => !name.ends_with(".tmp") && !name.is_empty(),
        Call::SyncDirectory => true,
        _ => false,
    })
}

fn happen(mut machine: Machine, event: &Event, step: usize) -> Result<Machine, Violation> {
    let was_in_doubt = a_sync_failed(&machine);
    match event {
        Event::Write(group) => {
            for outcome in machine.write(history::batches(group, step)) {
                match outcome {
                    Ok(_) if was_in_doubt => {
                        return Err("a write is acknowledged after a failed sync".to_owned());
                    }
                    Ok(_) => {}
                    Err(error) => is_from_disk(&error)?,
                }
            }
        }
        Event::Sync => match machine.sync() {
            Ok(()) if was_in_doubt => return Err("a sync succeeds after a failed one".to_owned()),
            Ok(()) => {}
            Err(error) => is_from_disk(&error)?,
        },
        Event::Step => drop(machine.step()),
        Event::Maintain => machine.maintain(),
        Event::Tick => machine.tick(),
        Event::Reopen => return restart(machine),
        Event::Pass(time) => machine.pass(*time),
        Event::SetClock(milliseconds) => {
            manual::set(manual::now().saturating_add_signed(*milliseconds));
        }
        Event::Snapshot | Event::Look | Event::Kill | Event::PowerLoss(..) => {}
    }
    check(&machine)?;
    Ok(machine)
}

/// Checks that every read returns what was acknowledged, or an error of the disk.
fn check(machine: &Machine) -> Result<(), Violation> {
    match machine.contents() {
        Err(error) => is_from_disk(&error),
        Ok(found) if found == machine.pasts[machine.promised.killed].model => Ok(()),
        Ok(found) => Err(format!("{found:?} is read, which was not acknowledged")),
    }
}

/// Closes and opens again; with a healed disk if that is needed.
fn restart(mut machine: Machine) -> Result<Machine, Violation> {
    let (promised, mut pasts) = (machine.promised, machine.pasts.clone());
    let disk = machine.disk.clone();
    let options = machine.options().clone();
    machine.close();
    drop(machine);
    let opened = Machine::open(&disk, &options, pasts.clone());
    let mut machine = match opened {
        Ok(machine) => machine,
        Err(error) => {
            is_from_disk(&error)?;
            disk.heal();
            let opened = Machine::open(&disk, &options, pasts.clone());
            opened.map_err(|e| format!("it cannot be opened after {error}: {e}"))?
        }
    };
    // A new process knows nothing of what failed in the one before it.
    disk.forget_failed();
    let contents = machine.contents().or_else(|error| {
        is_from_disk(&error)?;
        disk.heal();
        machine.contents().map_err(|error| error.to_string())
    });
    let found = contents?;
    let past = pasts.iter().rposition(|past| past.model == found);
    let past = past.filter(|past| *past >= promised.killed);
    let past = past.ok_or_else(|| format!("{found:?} is found after a restart, {promised:?}"))?;
    pasts.truncate(past + 1);
    machine.restore(pasts);
    Ok(machine)
}

/// Checks that writes work again once the disk does, unless a sync failed.
fn resume(machine: &mut Machine) -> Result<(), Violation> {
    // A disk that was full is looked at when time has passed.
    machine.tick();
    machine.maintain();
    let is_in_doubt = machine.health.failure().is_some();
    let outcome = machine.write(vec![Batch::single(put("resumed", "value"))]).remove(0);
    match outcome {
        Ok(_) if a_sync_failed(machine) => Err("a write succeeds after a failed sync".to_owned()),
        Err(error) if !is_in_doubt => Err(format!("a write fails on a disk that works: {error}")),
        _ => check(machine),
    }
}

/// The calls that fail in one run after the other, and how.
#[derive(Debug, Clone, Copy)]
struct FaultSeries {
    seed: u64,
    /// The memory is used up now and then.
    evicts: bool,
    failure: Failure,
    forever: bool,
}

/// Returns all that is tried with the scripts of these seeds.
fn series(seeds: impl Iterator<Item = u64>, evicts: bool) -> impl Iterator<Item = FaultSeries> {
    let of_seed = move |seed| {
        let of_failure = move |failure| {
            [false, true].map(|forever| FaultSeries { seed, evicts, failure, forever })
        };
        FAILURES.into_iter().flat_map(of_failure)
    };
    seeds.flat_map(of_seed)
}

impl FaultSeries {
    /// Lets every call of the script fail, in the full form of the tests one in two, in the short
    /// one one in 31; of scripts that evict keys one in five of these.
    fn run(self) -> Result<FaultFigures, Violation> {
        let Self { seed, evicts, failure, forever } = self;
        let script = if evicts { Script::draw_evicting(seed) } else { Script::draw(seed) };
        let mut figures = FaultFigures::default();
        // Evictions make many calls of the same kind.
        let step = if evicts { 5 } else { 1 };
        for call in (0..).step_by(step * by_form([31, 4, 1])) {
            let fault = Fault { call, failure, forever };
            let run = || script.run(fault, seed ^ call, &mut figures.crashes);
            let failed = catch_unwind(AssertUnwindSafe(run))
                .unwrap_or_else(|_| Err("it panicked".to_owned()));
            if !failed.map_err(|error| format!("script {seed}, {fault:?}: {error}"))? {
                break;
            }
            figures.runs += 1;
        }
        Ok(figures)
    }
}

/// Returns the first violation that a fault of these scripts leads to.
pub(super) fn find(seeds: impl Iterator<Item = u64>) -> Option<Violation> {
    series(seeds, false).find_map(|series| series.run().err())
}

/// Runs the scripts of these seeds with every fault.
fn run_all(seeds: Range<u64>, evicts: bool) -> FaultFigures {
    let series: Vec<_> = series(seeds, evicts).collect();
    let mut figures = FaultFigures::default();
    for found in on_all_processors(series.len(), |number| series[number].run()) {
        let FaultFigures { runs, crashes } = found.unwrap();
        figures.runs += runs;
        figures.crashes.add(crashes);
    }
    println!("{figures}");
    figures
}

#[test]
fn no_failed_call_brings_an_evicted_key_back_or_loses_another() {
    let figures = run_all(0..by_form([1, 2, 40]), true);
    assert!(figures.runs > by_form([15, 250, 10_000]), "too little was tried");
}

#[test]
fn no_failed_call_loses_an_acknowledged_write() {
    let figures = run_all(0..by_form([1, 3, 100]), false);
    assert!(figures.runs > by_form([150, 3_500, 400_000]), "too little was tried");
}
