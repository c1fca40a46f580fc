//! Damage under an open store: every read is right or an error, and a compaction loses nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fmt, iter};

use super::super::machine::{Machine, Past, put};
use super::super::options;
use super::store::{Files, STORIES, Store, frames, states};
use super::{Violation, bits, is_named, read_all};
use crate::form::by_form;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::Batch;
use crate::{Durability, Error};

/// The numbers of damages by their outcome.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LiveFigures {
    tried: u64,
    /// Reads that failed.
    errors: u64,
    /// Damages with which a compaction was finished all the same.
    compacted: u64,
    /// Writes that were refused because of them.
    stopped: u64,
    /// Stores that could not be opened again.
    refused: u64,
}

impl fmt::Display for LiveFigures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tried, errors, compacted, stopped, refused } = self;
        write!(formatter, "{tried} tried: {errors} reads failed, {compacted} compacted, ")?;
        write!(formatter, "{stopped} writes refused, ")?;
        write!(formatter, "{refused} refused when opened again")
    }
}

/// A damage to a file of an open store.
struct Live<'a> {
    store: &'a Store,
    name: &'a str,
    /// The files with the damage.
    files: Files,
    /// The damage is met before anything is written.
    is_read: bool,
    figures: &'a mut LiveFigures,
}

impl Live<'_> {
    fn run(&mut self) -> Result<(), Violation> {
        let disk = SimulatedDisk::new(states(&self.store.files));
        let past = Past { sequence: 0, model: self.store.model.clone() };
        let opened = Machine::open(&disk, &options(Durability::Always), vec![past]);
        let mut machine = opened.map_err(|error| error.to_string())?;
        disk.damage(self.name, |bytes| bytes.clone_from(&self.files[self.name]));
        self.figures.tried += 1;
        let errors = self.figures.errors;
        if self.is_read {
            self.read(&machine)?;
        }
        let is_known = self.figures.errors > errors;
        let written =
            machine.write(vec![Batch::single(put("later", "written to what is damaged"))]);
        let outcome = written.into_iter().next().expect("an outcome");
        if let Err(error) = &outcome {
            self.figures.stopped += 1;
            let is_right = is_known && machine.health.is_failing();
            is_right.then_some(()).ok_or_else(|| format!("writing: {error}"))?;
            is_named(error, &[self.name], &self.store.files, self.store)?;
        }
        let names = |disk: &SimulatedDisk| -> Vec<String> {
            disk.state().files().map(|(name, _)| name.to_owned()).collect()
        };
        let before = names(&disk);
        machine.maintain();
        self.figures.compacted += u64::from(!before.iter().all(|name| names(&disk).contains(name)));
        self.read(&machine).map_err(|e| format!("after a compaction: {e}"))?;
        // What was written meanwhile may have made the file longer.
        self.files = disk.state().files().map(|(n, b)| (n.to_owned(), b.to_vec())).collect();
        match machine.reopen() {
            Ok(machine) => self.read(&machine).map_err(|e| format!("opened again: {e}")),
            Err(error) if is_known && outcome.is_ok() => {
                Err(format!("a write is acknowledged behind known damage, and then: {error}"))
            }
            Err(error) => {
                self.figures.refused += 1;
                is_named(&error, &[self.name], &self.files, self.store)
            }
        }
    }

    fn read(&mut self, machine: &Machine) -> Result<(), Violation> {
        self.figures.errors += read_all(machine, self.store, &self.store.files, &[self.name])?;
        Ok(())
    }
}

/// Tries every damage to every segment of every store that the function says.
fn run(
    damages: impl Fn(&[u8]) -> Vec<usize>,
    damage: impl Fn(&mut Vec<u8>, usize),
) -> Result<LiveFigures, Violation> {
    let mut figures = LiveFigures::default();
    for story in STORIES {
        let store = Store::new(story, 1);
        for name in store.segments() {
            for number in damages(&store.files[name]) {
                let mut files = store.files.clone();
                damage(files.get_mut(name).expect("a file"), number);
                // What is not known yet, a compaction may be the first to meet.
                let is_read = number % 2 == 0;
                let mut live = Live { store: &store, name, files, is_read, figures: &mut figures };
                let outcome = catch_unwind(AssertUnwindSafe(|| live.run()))
                    .unwrap_or_else(|_| Err("it panicked".to_owned()));
                outcome.map_err(|error| format!("{story:?}, {name} at {number}: {error}"))?;
            }
        }
    }
    Ok(figures)
}

/// Flips bits, every one in the long form of the tests.
pub(super) fn flip_bits() -> Result<LiveFigures, Violation> {
    run(|bytes| bits(bytes).collect(), |bytes, bit| bytes[bit / 8] ^= 1 << (bit % 8))
}

/// Cuts where frames begin and in the middle of them.
pub(super) fn truncate() -> Result<LiveFigures, Violation> {
    let ends = |bytes: &[u8]| -> Vec<usize> {
        let frames = frames(bytes).into_iter();
        iter::once(0).chain(frames.flat_map(|(start, end)| [start, (start + end) / 2])).collect()
    };
    run(ends, |bytes, end| bytes.truncate(end))
}

#[test]
fn no_bit_flipped_under_an_open_store_gives_a_wrong_answer() {
    let figures = flip_bits().unwrap();
    println!("{figures}");
    assert!(figures.errors > 0 && figures.refused > 0 && figures.compacted > 0);
    assert!(figures.stopped > 0);
    assert!(figures.compacted < figures.tried, "no compaction met a damage");
    assert!(figures.tried > by_form([2_000, 14_000, 90_000]), "too little was tried");
}

#[test]
fn no_segment_cut_under_an_open_store_gives_a_wrong_answer() {
    let figures = truncate().unwrap();
    println!("{figures}");
    assert!(figures.errors > 0 && figures.refused > 0 && figures.compacted > 0);
    assert!(figures.stopped > 0);
}

#[test]
fn the_id_of_an_unfinished_segment_is_not_given_again() {
    let mut files = Store::new(STORIES[0], 1).files;
    files.insert("00000000000000000090.tmp".to_owned(), Vec::new());
    let disk = SimulatedDisk::new(states(&files));
    let past = Past { sequence: 0, model: Default::default() };
    let mut machine = Machine::open(&disk, &options(Durability::Always), vec![past]).unwrap();
    for number in 0..8 {
        let put = put(&format!("new key {number}"), "a value that takes some room".repeat(4));
        machine.write(vec![Batch::single(put)]).remove(0).unwrap();
    }
    let state = disk.state();
    let newest = state.files().map(|(name, _)| name).filter(|name| name.ends_with(".log")).max();
    assert!(newest > Some("00000000000000000090.log"), "{newest:?}");
    assert!(state.files().all(|(name, _)| !name.starts_with("00000000000000000090")));
}

#[test]
fn damage_that_was_met_at_the_end_of_the_log_is_not_cut_off_as_a_torn_end() {
    for is_killed in [false, true] {
        let disk = SimulatedDisk::new(State::default());
        let past = Past { sequence: 0, model: Default::default() };
        let mut machine = Machine::open(&disk, &options(Durability::Always), vec![past]).unwrap();
        for key in ["good", "bad"] {
            machine.write(vec![Batch::single(put(key, "value"))]).remove(0).unwrap();
        }
        disk.damage("00000000000000000001.log", |bytes| {
            let at = bytes.windows(3).rposition(|window| window == b"bad").unwrap();
            bytes[at] ^= 1;
        });
        let read = machine.reader.get(b"bad");
        assert!(matches!(read, Err(Error::Corrupt { .. })), "{read:?}");
        machine.tick();
        assert!(matches!(machine.health.failure(), Some(Error::Corrupt { .. })));
        let state = disk.state();
        drop(machine);
        let disk = if is_killed { SimulatedDisk::new(state) } else { disk };
        let past = Past { sequence: 0, model: Default::default() };
        let opened = Machine::open(&disk, &options(Durability::Always), vec![past]);
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "killed: {is_killed}");
    }
}
