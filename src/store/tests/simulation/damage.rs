//! Every damage of a closed store, and of one that is open: it is noticed, or it is harmless.
//!
//! What is allowed after a damage: everything right; an error that names the damaged file, and a place in
//! it; a refusal to open, which leaves every file as it is. What is not: a wrong value, a key that is
//! missing or back, a panic. A store that accepts the damage is also written to, closed and opened again.

mod kinds;
mod live;
mod planted;
mod store;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use self::store::{Files, Store, states};
use super::machine::{Machine, Past, put};
use super::options;
use crate::engine::{Access, Lookup};
use crate::storage::fs::simulated::SimulatedDisk;
use crate::store::batch::Batch;
use crate::{Durability, Error};

/// What was found wrong.
type Violation = String;

/// What became of the damages of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Figures {
    /// The store opened, and everything was right, as it was after more was written.
    harmless: u64,
    /// The store was not opened, and the error names the file.
    refused: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { harmless, refused } = self;
        write!(formatter, "{} tried: {refused} refused, {harmless} harmless", harmless + refused)
    }
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.harmless += other.harmless;
        self.refused += other.refused;
    }
}

/// Opens damaged copies of a store.
struct Judge<'a> {
    store: &'a Store,
    figures: Figures,
}

impl<'a> Judge<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, figures: Figures::default() }
    }

    /// Opens the store as it is after some of its files were touched.
    fn judge(&mut self, files: &Files, touched: &[&str]) -> Result<(), Violation> {
        if *files == self.store.files {
            return Ok(());
        }
        let judged = catch_unwind(AssertUnwindSafe(|| judge_closed(self.store, files, touched)));
        match judged.unwrap_or_else(|_| Err("it panicked".to_owned()))? {
            true => self.figures.harmless += 1,
            false => self.figures.refused += 1,
        }
        Ok(())
    }

    /// As [`judge`](Self::judge), after a change of one file.
    fn change(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<(), Violation> {
        let mut files = self.store.files.clone();
        change(files.get_mut(name).expect("a file of the store"));
        self.judge(&files, &[name])
    }
}

/// Whether the store opened; everything is right then.
fn judge_closed(store: &Store, files: &Files, touched: &[&str]) -> Result<bool, Violation> {
    let disk = SimulatedDisk::new(states(files));
    let past = Past { sequence: 0, model: store.model.clone() };
    let opened = Machine::open(&disk, &options(Durability::Always), vec![past]);
    let mut machine = match opened {
        Ok(machine) => machine,
        Err(error) => {
            is_named(&error, touched, files, store)?;
            let found: Vec<_> =
                disk.state().files().map(|(n, b)| (n.to_owned(), b.to_vec())).collect();
            let is_unchanged = files.iter().eq(found.iter().map(|(name, bytes)| (name, bytes)));
            return is_unchanged.then_some(false).ok_or("a refusal changed a file".to_owned());
        }
    };
    is_right(&machine, store).map_err(|e| format!("opened: {e}"))?;
    let written = machine.write(vec![Batch::single(put("later", "written to what was damaged"))]);
    written.into_iter().next().expect("an outcome").map_err(|e| format!("writing: {e}"))?;
    is_right(&machine, store).map_err(|e| format!("written to: {e}"))?;
    let machine = machine.reopen().map_err(|e| format!("opened again: {e}"))?;
    is_right(&machine, store).map_err(|e| format!("opened again: {e}"))?;
    Ok(true)
}

/// Whether everything is there and nothing else is.
fn is_right(machine: &Machine, store: &Store) -> Result<(), Violation> {
    let found = machine.contents().map_err(|error| error.to_string())?;
    if found != *machine.now() {
        return Err(format!("{found:?} is read, {:?} was written", machine.now()));
    }
    for key in store.keys.iter().filter(|key| !machine.now().contains_key(*key)) {
        match machine.reader.get(key, Access::Blocking) {
            Ok(Lookup::Absent) => {}
            found => return Err(format!("{} is {found:?}, it was removed", key.escape_ascii())),
        }
    }
    Ok(())
}

/// Whether the error says where the damage is.
fn is_named(
    error: &Error,
    touched: &[&str],
    files: &Files,
    store: &Store,
) -> Result<(), Violation> {
    let is_named = match error {
        Error::Corrupt { path, offset, .. } => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let length = files.get(name).map_or(0, Vec::len) as u64;
            // Which of the files is missing or does not belong there cannot be told from the others; nor
            // is a changed store id told from files of another store.
            let is_directory = name == "simulated" && !files.keys().eq(store.files.keys());
            let is_identity = touched.contains(&"ENGINE") && files.contains_key(name);
            (touched.contains(&name) || is_identity) && *offset <= length || is_directory
        }
        _ => false,
    };
    is_named.then_some(()).ok_or_else(|| format!("the error does not name the place: {error}"))
}
