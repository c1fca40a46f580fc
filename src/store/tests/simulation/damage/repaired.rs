//! A repair makes of every damaged store one that opens, with everything that is provably whole and
//! nothing that was never written.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use super::super::machine::{Machine, Past, contents, put};
use super::super::{Model, options};
use super::kinds::{KINDS, run_as};
use super::store::{Files, STORIES, Store, states};
use super::{Verdict, Violation};
use crate::engine::{open_in, repair_in};
use crate::findings::{FrameItem, RecordItem, SegmentItem};
use crate::form::by_form;
use crate::storage::fs::Directory;
use crate::storage::fs::simulated::SimulatedDisk;
use crate::storage::repair;
use crate::store::Batch;
use crate::sync::Arc;
use crate::{Durability, Error, Options, RepairReport};

/// The keys that a record is about: one, or those from one on and before another.
struct Concerned {
    key: Vec<u8>,
    /// Of a range; empty if it has no end.
    end: Option<Vec<u8>>,
    /// Of a put.
    value: Option<Vec<u8>>,
}

impl Concerned {
    fn has(&self, key: &[u8]) -> bool {
        match &self.end {
            None => self.key == key,
            Some(end) => *self.key <= *key && (end.is_empty() || *key < **end),
        }
    }
}

/// A frame of a file.
struct WrittenFrame {
    file: String,
    place: Range<usize>,
    version: u64,
    concerned: Vec<Concerned>,
}

/// The frames of a store, and every value that its keys ever had.
struct Written {
    frames: Vec<WrittenFrame>,
    values: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
}

impl Written {
    fn to(store: &Store) -> Self {
        let mut written = Self { frames: Vec::new(), values: BTreeMap::new() };
        for (name, bytes) in &store.earlier {
            written.read(name, bytes);
        }
        // Only the values of these count.
        written.frames.clear();
        for name in store.segments() {
            written.read(name, &store.files[name]);
        }
        written
    }

    fn read(&mut self, name: &str, bytes: &[u8]) {
        if !name.ends_with(".log") || bytes.len() < 72 {
            return;
        }
        let disk = SimulatedDisk::new(states(&[(name.to_owned(), bytes.to_vec())].into()));
        let file = disk.open(name).expect("it is there");
        repair::inspect(file, name.as_ref(), &mut |item| {
            match item {
                SegmentItem::Frame(FrameItem { offset, bytes, sequence, .. }) => {
                    let number = |number| usize::try_from(number).expect("of a small file");
                    let (start, length) = (number(offset), number(bytes));
                    let (file, place) = (name.to_owned(), start..start + length);
                    let concerned = Vec::new();
                    self.frames.push(WrittenFrame { file, place, version: sequence, concerned });
                }
                SegmentItem::Record(RecordItem { kind, key, value, .. }) => {
                    let end = (kind == "remove range").then(|| value.to_vec());
                    let (key, value) = (key.to_vec(), (kind == "put").then(|| value.to_vec()));
                    if let Some(value) = &value {
                        self.values.entry(key.clone()).or_default().insert(value.clone());
                    }
                    let frame = self.frames.last_mut().expect("a frame before its record");
                    frame.concerned.push(Concerned { key, end, value });
                }
                _ => {}
            }
            ControlFlow::Continue(())
        })
        .expect("it can be read");
    }

    /// Compares what a repaired store holds with what was written: keys that no damaged frame is
    /// about are as they were, and others have a value that they had once.
    fn check(&self, store: &Store, files: &Files, found: &Model) -> Result<bool, Violation> {
        let is_damaged = |frame: &&WrittenFrame| {
            let there = files.get(&frame.file).and_then(|bytes| bytes.get(frame.place.clone()));
            there != Some(&store.files[&frame.file][frame.place.clone()])
        };
        let damaged: Vec<_> = self.frames.iter().filter(is_damaged).collect();
        for frame in damaged.iter().filter(|frame| frame.concerned.len() > 1) {
            self.check_batch(frame, store, files, found)?;
        }
        let (mut is_exact, all) = (true, store.keys.iter().chain(found.keys()));
        for key in all {
            let (is, was) = (found.get(key), store.model.get(key));
            let concerns = |frame: &&WrittenFrame| frame.concerned.iter().any(|one| one.has(key));
            if is == was {
                continue;
            }
            is_exact = false;
            let text = key.escape_ascii();
            if !damaged.iter().any(concerns) {
                return Err(format!("{text} is {is:?}, was {was:?}, and is not damaged"));
            }
            let values = self.values.get(key);
            if is.is_some_and(|(value, _)| !values.is_some_and(|values| values.contains(value))) {
                return Err(format!("{text} is {is:?}, which it never was"));
            }
        }
        Ok(is_exact)
    }

    /// Returns an error if there is a part of a batch that is damaged and nowhere else.
    fn check_batch(
        &self,
        frame: &WrittenFrame,
        store: &Store,
        files: &Files,
        found: &Model,
    ) -> Result<(), Violation> {
        let bytes = &store.files[&frame.file][frame.place.clone()];
        if files.values().any(|file| file.windows(bytes.len()).any(|there| there == bytes)) {
            return Ok(());
        }
        for Concerned { key, value, .. } in &frame.concerned {
            let is_of_frame = |other: &Concerned| {
                other.value.is_some() && (&other.key, &other.value) == (key, value)
            };
            let frames = self.frames.iter().filter(|frame| frame.concerned.iter().any(is_of_frame));
            let is = found.get(key).map(|(value, _)| value);
            if is.is_some() && is == value.as_ref() && frames.count() == 1 {
                return Err(format!("a part of a damaged batch is there: {}", key.escape_ascii()));
            }
        }
        Ok(())
    }

    /// Returns the highest version of a batch that is whole in these files.
    fn newest(&self, store: &Store, files: &Files) -> u64 {
        let is_there = |frame: &&WrittenFrame| {
            let there = files.get(&frame.file).and_then(|bytes| bytes.get(frame.place.clone()));
            there == Some(&store.files[&frame.file][frame.place.clone()])
                && !frame.concerned.is_empty()
        };
        self.frames.iter().filter(is_there).map(|frame| frame.version).max().unwrap_or(0)
    }
}

/// Returns the files on a disk.
fn files_of(disk: &SimulatedDisk) -> Files {
    disk.state().files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect()
}

fn read(disk: &SimulatedDisk) -> Result<Model, Violation> {
    let opened = open_in(&options(Durability::Always), Arc::new(disk.clone()));
    let opened = opened.map_err(|error| format!("opened: {error}"))?;
    contents(&*opened.reader).map_err(|error| format!("read: {error}"))
}

/// Repairs a damaged store, and looks at all of it.
pub(super) fn judge_repaired(
    store: &Store,
    files: &Files,
    touched: &[&str],
) -> Result<Verdict, Violation> {
    let disk = SimulatedDisk::new(states(files));
    let report = match repair_in(&Options::new("/simulated"), &disk) {
        Ok(report) => report,
        // It cannot be told what the files belong to.
        Err(Error::Corrupt { path, .. })
            if path.ends_with("ENGINE") && touched.contains(&"ENGINE") =>
        {
            let is_unchanged = files_of(&disk) == *files;
            return is_unchanged.then_some(Verdict::Refused).ok_or("it was changed".to_owned());
        }
        Err(error) => return Err(format!("repaired: {error}")),
    };
    if report.is_whole() {
        let is_unchanged = files_of(&disk) == *files;
        return is_unchanged.then_some(Verdict::Harmless).ok_or("it was changed".to_owned());
    }
    are_kept(&report, files, &files_of(&disk))?;
    let written = Written::to(store);
    let found = read(&disk)?;
    let is_exact = written.check(store, files, &found).map_err(|e| format!("{e}: {report}"))?;
    if report.version < written.newest(store, files) {
        return Err(format!("versions may be given again: {report}"));
    }
    let again = repair_in(&Options::new("/simulated"), &disk).map_err(|e| e.to_string())?;
    if !again.is_whole() {
        return Err(format!("repaired again: {again}"));
    }
    live_on(&disk, found).map_err(|error| format!("{error}: {report}"))?;
    Ok(if is_exact { Verdict::Harmless } else { Verdict::Found })
}

/// Returns an error unless every damaged file is kept as it was.
fn are_kept(report: &RepairReport, files: &Files, found: &Files) -> Result<(), Violation> {
    for file in &report.files {
        let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let kept = file.kept_at.as_ref().and_then(|path| path.file_name()?.to_str());
        let kept = kept.and_then(|kept| found.get(&format!("damaged/{kept}")));
        if kept != files.get(name) {
            return Err(format!("{name} is not kept: {report}"));
        }
    }
    Ok(())
}

/// Writes to a repaired store, compacts it and opens it again.
fn live_on(disk: &SimulatedDisk, found: Model) -> Result<(), Violation> {
    let past = Past { sequence: 0, model: found };
    let opened = Machine::open(disk, &options(Durability::Always), vec![past]);
    let mut machine = opened.map_err(|error| format!("opened again: {error}"))?;
    for value in ["first", "second"] {
        let written = machine.write(vec![Batch::single(put("later", value))]);
        written.into_iter().next().expect("an outcome").map_err(|e| format!("writing: {e}"))?;
    }
    machine.maintain();
    let machine = machine.reopen().map_err(|error| format!("closed and opened: {error}"))?;
    let is_right = machine.contents().map_err(|error| error.to_string())? == *machine.now();
    is_right.then_some(()).ok_or("it does not go on as it was".to_owned())
}

#[test]
fn a_repair_of_every_damage_loses_and_invents_nothing() {
    // Those that are tried soonest first.
    for (what, kind) in KINDS.into_iter().rev() {
        let started = std::time::Instant::now();
        let is_small = what == "missing files" || what.contains("and");
        let every = by_form(if is_small { [3, 2, 1] } else { [31, 7, 1] });
        let figures =
            run_as(kind, judge_repaired, every).unwrap_or_else(|error| panic!("{what}: {error}"));
        println!("{what}: {figures:?}, {:.1?}", started.elapsed());
        assert!(figures.tried() > 0);
    }
}

#[test]
fn a_store_without_damage_is_not_changed() {
    for story in STORIES {
        let store = Store::new(story, 1);
        let verdict = judge_repaired(&store, &store.files, &[]).unwrap();
        assert_eq!(verdict, Verdict::Harmless);
    }
}

#[test]
fn everything_whole_of_a_store_with_many_damages_is_there() {
    for story in STORIES {
        let store = Store::new(story, 1);
        let mut files = store.files.clone();
        let names: Vec<_> = store.segments().map(str::to_owned).collect();
        for (number, name) in names.iter().enumerate() {
            let bytes = files.get_mut(name).unwrap();
            let length = bytes.len();
            match number % 4 {
                0 => bytes[length / 2] ^= 1,
                1 => bytes[..72].fill(0),
                2 => bytes.truncate(length - 20),
                _ => {}
            }
        }
        judge_repaired(&store, &files, &[]).unwrap();
    }
}
