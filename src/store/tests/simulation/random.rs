//! Long random histories: crashes at sampled places, kills, power losses, snapshots and wrong
//! clocks on the way.
//!
//! A history that fails is made shorter as long as it fails, and printed with the command that
//! repeats it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::checker::{Checker, Effort, Figures, Violation};
use super::history::{self, Event, KEYS, draw, with_time};
use super::machine::{Machine, Past, placed};
use super::{Dice, Model, START, options};
use crate::engine::{EngineSnapshot, KeyspaceId};
use crate::form::by_form;
use crate::storage::fs::simulated::{Fate, Promised, SimulatedDisk, State};
use crate::store::clock::manual;
use crate::store::expiry_schedule::EXPIRY_INTERVAL;
use crate::{Durability, Options};

/// A store in the middle of a history.
struct History {
    machine: Machine,
    snapshots: Vec<(EngineSnapshot, Model)>,
    durability: Durability,
    figures: Figures,
    dice: Dice,
}

/// Returns options with about as few bytes as a cache can have.
fn cached(durability: Durability) -> Options {
    options(durability).cache_bytes(96 << 10)
}

impl History {
    fn new(durability: Durability) -> Self {
        manual::set(START);
        let disk = SimulatedDisk::new(State::default());
        let empty = Past { sequence: 0, model: Model::new() };
        let machine = Machine::open(&disk, &cached(durability), vec![empty]).unwrap();
        let (snapshots, figures) = (Vec::new(), Figures::default());
        Self { machine, snapshots, durability, figures, dice: Dice::new(1) }
    }

    fn happen(mut self, event: &Event, step: usize) -> Result<Self, Violation> {
        self.machine.disk.record();
        match event {
            Event::Write(group) => {
                for outcome in self.machine.write(history::batches(group, step)) {
                    match outcome {
                        Err(error) if !history::is_refused(&error) => return Err(error.to_string()),
                        _ => {}
                    }
                }
            }
            Event::Step => drop(self.machine.step()),
            Event::Maintain => self.machine.maintain(),
            Event::Tick => self.machine.tick(),
            Event::Sync => self.machine.sync().map_err(|error| error.to_string())?,
            Event::Snapshot => {
                let snapshot = self.machine.reader.snapshot().map_err(|error| error.to_string())?;
                self.snapshots.push((snapshot, self.machine.now().clone()));
            }
            Event::Look => self.look()?,
            Event::Reopen => {
                self.snapshots.clear();
                self.machine = self.machine.reopen().map_err(|error| error.to_string())?;
            }
            Event::Kill => {
                let (state, floor) = (self.machine.disk.state(), self.machine.promised.killed);
                self.restart(state, floor)?;
            }
            Event::PowerLoss(subset, fill) => {
                let survives = |piece: usize| subset >> (piece % 64) & 1 == 1;
                let state = self.machine.disk.state().image(Fate::Hostile(&survives), *fill);
                let floor = self.machine.promised.power_lost;
                self.restart(state, floor)?;
            }
            Event::Pass(time) => self.pass(*time)?,
            Event::SetClock(milliseconds) => {
                manual::set(manual::now().saturating_add_signed(*milliseconds));
            }
        }
        self.check()?;
        Ok(self)
    }

    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        self.machine.pass(time);
        match self.machine.expired() {
            late if time >= EXPIRY_INTERVAL && !late.is_empty() => {
                Err(format!("{late:?} have expired and are still there after {time:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that reads return what was written, and that a crash at some places of this event
    /// leaves what it may.
    fn check(&mut self) -> Result<(), Violation> {
        let found = self.machine.contents().map_err(|error| error.to_string())?;
        if found != *self.machine.now() {
            return Err(format!("{found:?} is read, {:?} was written", self.machine.now()));
        }
        let moments = self.machine.disk.moments();
        let options = options(self.durability);
        let figures = Figures::default();
        let (pasts, dice) = (&*self.machine.pasts, self.dice.clone());
        let mut checker = Checker { options: &options, pasts, figures, dice, effort: Effort::FULL };
        for moment in &moments {
            checker.sample(moment, 2)?;
        }
        self.figures.add(checker.figures);
        self.dice = checker.dice;
        Ok(())
    }

    fn look(&mut self) -> Result<(), Violation> {
        for (snapshot, model) in &self.snapshots {
            let keyspaces = [0, 2, 3].map(KeyspaceId).into_iter();
            for (keyspace, key) in keyspaces.flat_map(|id| (0..KEYS).map(move |key| (id, key))) {
                let key = format!("key{key}").into_bytes();
                let reader = self.machine.reader.keyspace(keyspace).expect("it has keyspaces");
                let found = reader.get_at(&key, snapshot);
                let found = found.map_err(|error| error.to_string())?;
                let found = found.map(|entry| (entry.value, entry.expires_at));
                if found.as_ref() != model.get(&placed(keyspace, &key)) {
                    return Err(format!("a snapshot of {model:?} finds {found:?}"));
                }
            }
        }
        if !self.snapshots.is_empty() {
            self.snapshots.remove(0);
        }
        Ok(())
    }

    /// Goes on with what a crash left.
    fn restart(&mut self, state: State, floor: usize) -> Result<(), Violation> {
        self.snapshots.clear();
        let disk = SimulatedDisk::new(state);
        let mut pasts = self.machine.pasts.clone();
        let opened = Machine::open(&disk, &cached(self.durability), pasts.clone());
        let mut machine = opened.map_err(|error| format!("it cannot be opened: {error}"))?;
        let found = machine.contents().map_err(|error| error.to_string())?;
        let past = pasts.iter().rposition(|past| past.model == found);
        let past = past.filter(|past| *past >= floor);
        let past = past.ok_or_else(|| format!("{found:?} is found, {floor} were promised"))?;
        pasts.truncate(past + 1);
        let promised = Promised { killed: past, power_lost: past };
        disk.promise(promised);
        (machine.pasts, machine.promised) = (pasts, promised);
        self.machine = machine;
        // Nothing is to be checked of the disk that was left.
        self.machine.disk.record();
        Ok(())
    }
}

fn run(durability: Durability, events: &[Event]) -> Result<Figures, Violation> {
    let history = catch_unwind(AssertUnwindSafe(|| {
        let mut history = History::new(durability);
        for (step, event) in events.iter().enumerate() {
            history = history.happen(event, step).map_err(|e| format!("event {step}: {e}"))?;
        }
        Ok(history.figures)
    }));
    history.unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// Leaves out what is not needed for the history to fail.
fn shrink(durability: Durability, mut events: Vec<Event>) -> Vec<Event> {
    let mut size = events.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < events.len() {
            let mut fewer = events.clone();
            fewer.drain(start..events.len().min(start + size));
            match run(durability, &fewer) {
                Err(_) => events = fewer,
                Ok(_) => start += size,
            }
        }
        size /= 2;
    }
    events
}

/// Returns the events of a seed, and the durability that they happen under.
fn history(seed: u64) -> (Durability, Vec<Event>) {
    let mut dice = Dice::new(seed);
    let interval = Durability::Interval(Duration::from_secs(1));
    let durability = [Durability::Always, interval, Durability::Never][dice.roll(3)];
    let (is_synced, has_snapshots) = (dice.roll(2) == 0, dice.roll(2) == 0);
    // Some mistakes show only where nothing hides them: a sync, or a snapshot that keeps garbage.
    let happens = |event: &Event| match event {
        Event::Sync | Event::Tick => is_synced,
        Event::Snapshot | Event::Look => has_snapshots,
        _ => true,
    };
    let events = std::iter::repeat_with(|| draw(&mut dice)).filter(happens);
    (durability, with_time(events.take(120).collect(), Dice::new(!seed)))
}

/// Runs the histories of some seeds.
pub(super) fn run_seeds(seeds: impl Iterator<Item = u64>) -> Result<Figures, Violation> {
    let mut figures = Figures::default();
    for seed in seeds {
        let (durability, events) = history(seed);
        match run(durability, &events) {
            Ok(found) => figures.add(found),
            Err(error) => return Err(format!("seed {seed}: {error}")),
        }
    }
    Ok(figures)
}

/// Describes the failure of a seed by the shortest history that still fails.
fn explain(seed: u64, error: &str) -> String {
    let (durability, events) = history(seed);
    let events = shrink(durability, events);
    let shortest = run(durability, &events).err().unwrap_or_default();
    format!(
        "{error}\nits shortest form, with {durability}: {events:#?}\nfails with: {shortest}\n\
         KVS_SIMULATION_SEED={seed} cargo test --lib simulation::random -- --nocapture"
    )
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("KVS_SIMULATION_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("a number");
            seed..seed + 1
        }
        Err(_) => 0..by_form([4, 40, 2000]),
    }
}

#[test]
fn random_histories_survive_crashes_at_every_place() {
    let mut figures = Figures::default();
    for seed in seeds() {
        match run_seeds(seed..=seed) {
            Ok(found) => figures.add(found),
            Err(error) => panic!("{}", explain(seed, &error)),
        }
    }
    println!("{} random histories: {figures}", seeds().count());
    assert!(figures.images > 1000 * seeds().count() as u64, "too little was tried");
}
