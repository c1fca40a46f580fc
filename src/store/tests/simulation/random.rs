//! Long random histories: crashes at sampled places, kills, power losses, snapshots and wrong
//! clocks on the way.
//!
//! A history that fails is made shorter as long as it fails, and printed with the command that
//! repeats it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::checker::{Checker, Effort, Figures, Violation};
use super::effect::placed;
use super::history::{self, Event, KEYS, draw, with_time};
use super::machine::{Machine, Past};
use super::{Dice, Model, START, on_all_processors, options};
use crate::engine::{EngineSnapshot, KeyspaceId};
use crate::form::by_form;
use crate::storage::fs::simulated::{Fate, Promised, SimulatedDisk, State};
use crate::store::clock::manual;
use crate::store::expiry_schedule::EXPIRY_INTERVAL;
use crate::{Durability, Options};

/// The bytes of the smallest cache that holds something.
const CACHE_BYTES_LEAST: usize = 96 << 10;

/// A store in the middle of a history.
struct History {
    machine: Machine,
    snapshots: Vec<(EngineSnapshot, Model)>,
    options: Options,
    figures: Figures,
    dice: Dice,
}

impl History {
    fn new(options: &Options) -> Self {
        manual::set(START);
        let disk = SimulatedDisk::new(State::default());
        let empty = Past { sequence: 0, model: Model::new() };
        let machine = Machine::open(&disk, options, vec![empty]).unwrap();
        let (snapshots, figures) = (Vec::new(), Figures::default());
        Self { machine, snapshots, options: options.clone(), figures, dice: Dice::new(1) }
    }

    fn happen(mut self, event: &Event, step: usize) -> Result<Self, Violation> {
        self.machine.disk.record();
        match event {
            Event::Write(group) => {
                let mut batches = history::batches(group, step);
                // Some wait for the disk, or do not, whatever the durability of the store.
                let sync = [None, None, Some(true), None, Some(false)][step % 5];
                batches.iter_mut().take(1).for_each(|batch| batch.sync = sync);
                for outcome in self.machine.write(batches) {
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
                self.figures.direct_turns += self.machine.direct_turns;
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
        let options = self.options.clone().cache_bytes(0);
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
        let opened = Machine::open(&disk, &self.options, pasts.clone());
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

fn run(options: &Options, events: &[Event]) -> Result<Figures, Violation> {
    let history = catch_unwind(AssertUnwindSafe(|| {
        let mut history = History::new(options);
        for (step, event) in events.iter().enumerate() {
            history = history.happen(event, step).map_err(|e| format!("event {step}: {e}"))?;
        }
        Ok(history.figures)
    }));
    history.unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// Leaves out what is not needed for the history to fail.
fn shrink(options: &Options, mut events: Vec<Event>) -> Vec<Event> {
    let mut size = events.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < events.len() {
            let mut fewer = events.clone();
            fewer.drain(start..events.len().min(start + size));
            match run(options, &fewer) {
                Err(_) => events = fewer,
                Ok(_) => start += size,
            }
        }
        size /= 2;
    }
    events
}

/// Returns the events of a seed, and the options of the store that they happen to.
fn history(seed: u64) -> (Options, Vec<Event>) {
    let mut dice = Dice::new(seed);
    let interval = Durability::Interval(Duration::from_secs(1));
    let durability = [Durability::Always, interval, Durability::Never][dice.roll(3)];
    let (is_synced, has_snapshots) = (dice.roll(2) == 0, dice.roll(2) == 0);
    // Some mistakes show only where nothing hides them: a sync, a snapshot that keeps garbage, or
    // a cache that has what cannot be read.
    let cache_bytes = if seed.is_multiple_of(2) { CACHE_BYTES_LEAST } else { 0 };
    let happens = |event: &Event| match event {
        Event::Sync | Event::Tick => is_synced,
        Event::Snapshot | Event::Look => has_snapshots,
        _ => true,
    };
    let events = std::iter::repeat_with(|| draw(&mut dice)).filter(happens);
    let events = with_time(events.take(120).collect(), Dice::new(!seed));
    (options(durability).cache_bytes(cache_bytes), events)
}

/// Runs the histories of some seeds.
pub(super) fn run_seeds(seeds: impl Iterator<Item = u64>) -> Result<Figures, Violation> {
    let mut figures = Figures::default();
    for seed in seeds {
        let (options, events) = history(seed);
        match run(&options, &events) {
            Ok(found) => figures.add(found),
            Err(error) => return Err(format!("seed {seed}: {error}")),
        }
    }
    Ok(figures)
}

/// Describes the failure of a seed by the shortest history that still fails.
fn explain(seed: u64, error: &str) -> String {
    let (options, events) = history(seed);
    let events = shrink(&options, events);
    let shortest = run(&options, &events).err().unwrap_or_default();
    let durability = options.durability;
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
        Err(_) => 0..by_form([1, 8, 2000]),
    }
}

#[test]
fn random_histories_survive_crashes_at_every_place() {
    let seeds: Vec<_> = seeds().collect();
    let results = on_all_processors(seeds.len(), |number| {
        let seed = seeds[number];
        run_seeds(seed..=seed).map_err(|error| explain(seed, &error))
    });
    let mut figures = Figures::default();
    for found in results {
        figures.add(found.unwrap_or_else(|error| panic!("{error}")));
    }
    println!("{} random histories: {figures}", seeds.len());
    assert!(figures.images > 1000 * seeds.len() as u64, "too little was tried");
}
