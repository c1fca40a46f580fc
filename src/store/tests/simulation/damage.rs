//! Every damage of a closed store, and of one that is open: it is noticed, or it is harmless.
//!
//! After a damage these are allowed: everything right; an error that names the damaged file, and a
//! place in it, from opening or, where a hint was read instead of the file, from reading the record
//! there; a refusal to open leaves every file as it is. Forbidden are a wrong value, a key that is
//! missing or back, a panic. A store that accepts the damage is also written to, closed and opened
//! again.

mod kinds;
mod live;
mod planted;
mod repaired;
mod store;
mod verified;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use self::store::{Files, Store, states};
use super::machine::{Machine, Past, put};
use super::options;
use crate::bugs::planted_here;
use crate::engine::{KeyRange, Page, ScanPage};
use crate::form::by_form;
use crate::storage::fs::simulated::SimulatedDisk;
use crate::store::Batch;
use crate::{Durability, Error};

/// The description of what was found wrong.
type Violation = String;

/// Returns the bits that are flipped: in the short form of the tests every 45th and in the full one
/// every seventh, which is another bit of each byte than of the one before.
fn bits(bytes: &[u8]) -> impl Iterator<Item = usize> {
    (0..bytes.len() * 8).step_by(by_form([45, 7, 1]))
}

/// The numbers of damages of one kind by their outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Figures {
    /// The store opened, and everything was right, as it was after more was written.
    harmless: u64,
    /// The store was not opened, and the error names the file.
    refused: u64,
    /// The store opened, and reading what is damaged is an error that names the file.
    found: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { harmless, refused, found }, tried) = (self, self.tried());
        write!(formatter, "{tried} tried: {refused} refused, {found} found by reading, ")?;
        write!(formatter, "{harmless} harmless")
    }
}

impl Figures {
    fn tried(&self) -> u64 {
        self.harmless + self.refused + self.found
    }

    fn add(&mut self, other: Self) {
        self.harmless += other.harmless;
        self.refused += other.refused;
        self.found += other.found;
    }
}

/// Tells the outcome of a damage: of the files of a store some were touched.
type Judgement = fn(&Store, &Files, &[&str]) -> Result<Verdict, Violation>;

/// Opens, or repairs, damaged copies of a store.
struct Judge<'a> {
    store: &'a Store,
    judgement: Judgement,
    /// Each damage of so many is tried.
    every: u64,
    seen: u64,
    figures: Figures,
}

impl<'a> Judge<'a> {
    fn new(store: &'a Store, judgement: Judgement, every: u64) -> Self {
        Self { store, judgement, every, seen: 0, figures: Figures::default() }
    }

    /// Opens the store as it is after some of its files were touched.
    fn judge(&mut self, files: &Files, touched: &[&str]) -> Result<(), Violation> {
        self.seen += 1;
        if *files == self.store.files || !self.seen.is_multiple_of(self.every) {
            return Ok(());
        }
        let judge = || (self.judgement)(self.store, files, touched);
        let judged = catch_unwind(AssertUnwindSafe(judge));
        match judged.unwrap_or_else(|_| Err("it panicked".to_owned()))? {
            Verdict::Harmless => self.figures.harmless += 1,
            Verdict::Refused => self.figures.refused += 1,
            Verdict::Found => self.figures.found += 1,
        }
        Ok(())
    }

    /// Changes one file, and then does as [`judge`](Self::judge).
    fn change(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<(), Violation> {
        let mut files = self.store.files.clone();
        change(files.get_mut(name).expect("a file of the store"));
        self.judge(&files, &[name])
    }
}

/// The outcome of a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Harmless,
    Refused,
    Found,
}

/// Opens the store and verifies it.
fn judge_opened(store: &Store, files: &Files, touched: &[&str]) -> Result<Verdict, Violation> {
    let verdict = judge_closed(store, files, touched)?;
    // A planted mistake has to be caught by what an open or a read does.
    if planted_here().is_none() {
        verified::check(files, verdict)?;
    }
    Ok(verdict)
}

/// Opens the store, reads it, writes to it and opens it again.
fn judge_closed(store: &Store, files: &Files, touched: &[&str]) -> Result<Verdict, Violation> {
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
            return is_unchanged
                .then_some(Verdict::Refused)
                .ok_or("a refusal changed a file".to_owned());
        }
    };
    let read = |machine: &Machine| read_all(machine, store, files, touched);
    let mut errors = read(&machine).map_err(|e| format!("opened: {e}"))?;
    let written = machine.write(vec![Batch::single(put("later", "written to what was damaged"))]);
    written.into_iter().next().expect("an outcome").map_err(|e| format!("writing: {e}"))?;
    errors += read(&machine).map_err(|e| format!("written to: {e}"))?;
    let machine = machine.reopen().map_err(|e| format!("opened again: {e}"))?;
    errors += read(&machine).map_err(|e| format!("opened again: {e}"))?;
    Ok(if errors == 0 { Verdict::Harmless } else { Verdict::Found })
}

/// Reads every key there ever was, one by one and in a scan; how many reads failed. Each is right,
/// or an error that names the damage.
fn read_all(
    machine: &Machine,
    store: &Store,
    files: &Files,
    touched: &[&str],
) -> Result<u64, Violation> {
    let mut errors = 0;
    for key in store.keys.iter().chain(machine.now().keys()) {
        let found = match machine.reader.get(key) {
            Ok(Some(entry)) => Some((entry.value, entry.expires_at)),
            Ok(_) => None,
            Err(error) => {
                errors += 1;
                is_named(&error, touched, files, store)?;
                continue;
            }
        };
        if found.as_ref() != machine.now().get(key) {
            return Err(format!("{} is read as {found:?}", key.escape_ascii()));
        }
    }
    let range = KeyRange::all();
    let page = ScanPage { range: &range, snapshot: None, limit: 1000, keys_only: false };
    match Page::of(&*machine.reader, &page) {
        Ok(page) => {
            let found = page.entries.into_iter();
            let found = found.map(|found| (found.key, (found.entry.value, found.entry.expires_at)));
            let is_right = found.eq(machine.now().clone());
            is_right.then_some(errors).ok_or("a scan is wrong".to_owned())
        }
        Err(error) => is_named(&error, touched, files, store).map(|()| errors + 1),
    }
}

/// Returns true if the error says where the damage is.
fn is_named(
    error: &Error,
    touched: &[&str],
    files: &Files,
    store: &Store,
) -> Result<(), Violation> {
    let is_named = match error {
        Error::Corrupt { path, offset: Some(offset), .. } => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let length = files.get(name).map_or(0, Vec::len) as u64;
            // Which of the files is missing or does not belong there cannot be told from the
            // others; nor is a changed store id told from files of another store.
            let is_directory = name == "simulated" && !files.keys().eq(store.files.keys());
            let is_identity = touched.contains(&"ENGINE") && files.contains_key(name);
            (touched.contains(&name) || is_identity) && *offset <= length || is_directory
        }
        _ => false,
    };
    is_named.then_some(()).ok_or_else(|| format!("the error does not name the place: {error}"))
}
