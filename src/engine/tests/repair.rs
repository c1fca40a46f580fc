//! Repairs on simulated disks that fail at every call, and lose power at every moment.

use super::*;
use crate::bugs::{Bug, plant};
use crate::engine::repair_in;
use crate::form::by_form;

/// A damage to the files of a store.
type Damage = (&'static str, fn(&mut BTreeMap<String, Vec<u8>>));

const DAMAGES: [Damage; 7] = [
    ("a flipped bit", |files| flip(files, 1)),
    ("a flipped bit in a compacted segment", |files| flip(files, 0)),
    ("a missing segment", |files| drop(files.remove(&segment(files, 2)))),
    ("a header that is gone", |files| edit(files, 1, |bytes| bytes[..80].fill(0))),
    ("a cut end", |files| {
        let last = files.keys().filter(|name| name.ends_with(".log")).count() - 1;
        edit(files, last, |bytes| bytes.truncate(bytes.len() - 40));
    }),
    ("a lost marker and a flipped bit", |files| {
        files.remove("ENGINE");
        flip(files, 1);
    }),
    ("three damaged segments and a marker of nothing", |files| {
        files.insert("ENGINE".to_owned(), b"nothing".to_vec());
        (0..3).for_each(|position| flip(files, position));
    }),
];

/// Returns the name of the segment at a position; the first is the compacted one.
fn segment(files: &BTreeMap<String, Vec<u8>>, position: usize) -> String {
    let mut names: Vec<_> = files.iter().filter(|(name, _)| name.ends_with(".log")).collect();
    names.sort_by_key(|(name, bytes)| (bytes[12] != 2, name.as_str()));
    names[position].0.clone()
}

fn edit(files: &mut BTreeMap<String, Vec<u8>>, position: usize, edit: fn(&mut Vec<u8>)) {
    edit(files.get_mut(&segment(files, position)).unwrap());
}

fn flip(files: &mut BTreeMap<String, Vec<u8>>, position: usize) {
    edit(files, position, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
}

/// Returns a closed store of a compacted segment and several written ones, without hints.
fn files() -> BTreeMap<String, Vec<u8>> {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 500).unwrap();
    for round in 0..5 {
        for number in 0..8 {
            commit(&mut writer, &[put(&format!("key{number}"), &format!("value {round}"))]);
        }
        commit(&mut writer, &[remove(&format!("key{round}"))]);
    }
    maintain(&mut writer);
    for number in 0..30 {
        commit(
            &mut writer,
            &[put(&format!("later{number}"), "x"), put("both", &number.to_string())],
        );
    }
    writer.close().unwrap();
    let state = disk.state();
    let kept = state.files().filter(|(name, _)| name.ends_with(".log") || *name == "CLOSED");
    let mut files: BTreeMap<_, _> =
        kept.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    files.insert("ENGINE".to_owned(), format!("kvs\n{:032x}\n", 7).into_bytes());
    files
}

fn damaged(damage: fn(&mut BTreeMap<String, Vec<u8>>)) -> State {
    let mut files = files();
    damage(&mut files);
    State::with_files(files)
}

fn repair(disk: &SimulatedDisk) -> Result<crate::RepairReport> {
    repair_in(&Options::new("simulated"), disk)
}

/// Opens the store of a directory; returns what it holds.
fn opened(state: State) -> Result<Vec<(String, String)>> {
    let options = Options::new("simulated").read_only(true);
    let engine = crate::engine::open_in(&options, Arc::new(SimulatedDisk::new(state)))?;
    let range = KeyRange::all();
    let page = ScanPage { range: &range, snapshot: None, limit: 1000, keys_only: false };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let found = Page::of(&*engine.reader, &page)?.entries.into_iter();
    Ok(found.map(|found| (text(found.key), text(found.entry.value))).collect())
}

/// Returns what the damaged store holds once it is repaired.
fn expected(state: &State) -> Vec<(String, String)> {
    assert!(opened(state.clone()).is_err(), "it is refused before");
    let disk = SimulatedDisk::new(state.clone());
    let report = repair(&disk).unwrap();
    assert!(report.is_changed && !report.is_whole(), "{report}");
    let found = opened(disk.state()).unwrap();
    assert!(found.len() > 20, "{} keys", found.len());
    found
}

/// Returns an error unless a store is refused, or repaired, and repaired after another repair.
fn check(state: State, expected: &[(String, String)]) -> bool {
    let is_repaired = match opened(state.clone()) {
        Ok(found) => {
            assert_eq!(found, expected);
            true
        }
        Err(error) => {
            assert!(error.is_corruption(), "{error}");
            false
        }
    };
    let disk = SimulatedDisk::new(state);
    repair(&disk).unwrap();
    assert_eq!(opened(disk.state()).unwrap(), expected);
    is_repaired
}

#[test]
fn what_a_power_loss_leaves_of_a_repair_is_refused_or_repaired_and_another_repair_finishes_it() {
    DAMAGES.into_iter().for_each(lose_power);
}

#[test]
fn repairs_that_forget_a_sync_or_the_order_are_caught() {
    for bug in [Bug::RepairUnsynced, Bug::RemoveBeforeRepair] {
        let _planted = plant(Some(bug));
        let losing = || DAMAGES.into_iter().for_each(lose_power);
        assert!(std::panic::catch_unwind(losing).is_err(), "{bug:?} is not caught");
    }
}

/// Loses power at every change of a repair, and repairs what is left.
fn lose_power((what, damage): Damage) {
    let state = damaged(damage);
    let expected = expected(&state);
    let disk = SimulatedDisk::new(state);
    disk.record();
    repair(&disk).unwrap();
    let (mut repaired, mut refused) = (0, 0);
    for moment in disk.moments().iter().rev().step_by(by_form([3, 1, 1])) {
        let state = &moment.state;
        let every: [&dyn Fn(usize) -> bool; 4] =
            [&|_| false, &|_| true, &|piece| piece % 2 == 0, &|piece| piece % 2 == 1];
        for survives in every {
            for fill in [Fill::Nothing, Fill::Zeros] {
                let image = state.image(Fate::Hostile(survives), fill);
                let is_repaired = check(image, &expected);
                *(if is_repaired { &mut repaired } else { &mut refused }) += 1;
            }
        }
    }
    println!("{what}: {repaired} repaired, {refused} refused");
    assert!(
        repaired > 0 && refused > by_form([15, 50, 50]),
        "{what}: {repaired} repaired, {refused} refused"
    );
}

#[test]
fn every_failed_call_leaves_a_store_that_is_refused_or_repaired_and_another_repair_finishes_it() {
    for (what, damage) in DAMAGES {
        let state = damaged(damage);
        let expected = expected(&state);
        for failure in [Failure::Input, Failure::Full, Failure::Short] {
            let (mut call, mut failures) = (0, 0);
            loop {
                let disk = SimulatedDisk::new(state.clone());
                disk.fail(Fault { call, failure, forever: false }, 3);
                let repaired = repair(&disk);
                if !disk.has_failed() {
                    repaired.unwrap();
                    break;
                }
                failures += u32::from(repaired.is_err());
                disk.heal();
                check(disk.state(), &expected);
                call += by_form([7, 1, 1]);
            }
            assert!(failures > 0, "{what}, {failure:?}: {failures} of {call} calls");
        }
    }
}

#[test]
fn a_file_that_is_kept_aside_is_never_replaced() {
    let (_, damage) = DAMAGES[0];
    let mut files = files();
    damage(&mut files);
    let name = segment(&files, 1);
    let other = format!("damaged/{name}");
    files.insert(other.clone(), b"of an earlier repair".to_vec());
    let disk = SimulatedDisk::new(State::with_files(files.clone()));
    let report = repair(&disk).unwrap();
    let state = disk.state();
    let found: BTreeMap<_, _> = state.files().collect();
    assert_eq!(found[other.as_str()], b"of an earlier repair");
    assert_eq!(found[format!("{other}.1").as_str()], files[&name]);
    let kept = report.files.iter().find_map(|file| file.kept_at.as_ref());
    assert!(kept.unwrap().ends_with(format!("{other}.1")), "{report}");
}
