//! A store on a disk that is full, until there is space again.
//!
//! Removals go on, compaction frees garbage, and everything else is refused without a trace until
//! there is space, whatever happens to the process and to the power meanwhile.

use std::time::Duration;

use super::checker::{Checker, Effort, Figures};
use super::machine::{Machine, Past, put, remove};
use super::{Dice, Model, options};
use crate::bugs::{Bug, plant};
use crate::form::by_form;
use crate::storage::fs::Directory;
use crate::storage::fs::simulated::{Fate, Fill, Promised, SimulatedDisk, State};
use crate::store::{Batch, BatchOutcome, WriteAnswer, WriteOperation};
use crate::{Durability, Error, Options, Result};

const CAPACITY: usize = 64 << 10;

/// The most ticks until the space of all garbage is free.
const TICKS: usize = 3;

fn full_options(durability: Durability) -> Options {
    let mut options = options(durability);
    (options.segment_bytes_max, options.compaction_bytes_min) = (2048, 1024);
    options
}

/// Opens the disk after some states of which the last one is durable.
fn open(disk: &SimulatedDisk, pasts: Vec<Past>) -> Machine {
    Machine::open(disk, &full_options(Durability::Always), pasts).unwrap()
}

fn empty() -> Machine {
    let disk = SimulatedDisk::new(State::default().with_capacity(CAPACITY));
    open(&disk, vec![Past { sequence: 0, model: Model::new() }])
}

fn write(machine: &mut Machine, operation: WriteOperation) -> BatchOutcome {
    let outcome = machine.write(vec![Batch::single(operation)]).remove(0);
    assert_eq!(machine.contents().unwrap(), *machine.now());
    outcome
}

fn key(number: usize) -> String {
    format!("key{number:04}")
}

fn value(number: usize, bytes: usize) -> Vec<u8> {
    format!("{number};").bytes().cycle().take(bytes).collect()
}

/// Lets time pass.
fn settle(machine: &mut Machine) {
    for _ in 0..TICKS {
        machine.tick();
        machine.maintain();
    }
}

/// Sets new keys until there is no space; how many.
fn fill(machine: &mut Machine, bytes: usize) -> usize {
    for number in 0..10_000 {
        match machine.write(vec![Batch::single(put(&key(number), value(number, bytes)))]).remove(0)
        {
            Ok(_) => {}
            Err(error) => {
                assert!(error.is_disk_full(), "{error}");
                return number;
            }
        }
        if number % 4 == 0 {
            machine.tick();
            machine.maintain();
        }
    }
    panic!("the disk is never full");
}

/// Returns the highest number in the name of a file.
fn highest_id(disk: &SimulatedDisk) -> u64 {
    let state = disk.state();
    let ids = state.files().filter_map(|(name, _)| name.split_once('.')?.0.parse().ok());
    ids.max().unwrap_or(0)
}

fn assert_writable(machine: &mut Machine) {
    assert!(!machine.health.is_failing());
    write(machine, put("again", value(1, 500))).unwrap();
}

/// Removes every key of a full disk at once.
fn clear_a_full_disk(machine: &mut Machine) -> Result<()> {
    fill(machine, 200);
    write(machine, WriteOperation::clear())?;
    settle(machine);
    assert!(machine.disk.taken() < CAPACITY / 4, "{} bytes are taken", machine.disk.taken());
    assert_writable(machine);
    Ok(())
}

#[test]
fn removing_every_key_frees_the_disk() {
    for _ in 0..3 {
        let mut machine = empty();
        for _ in 0..3 {
            clear_a_full_disk(&mut machine).unwrap();
        }
        machine = machine.reopen().unwrap();
        assert_writable(&mut machine);
    }
}

/// Removes the keys of a full disk one by one.
fn remove_one_by_one(order: impl Fn(&mut Vec<usize>)) -> Result<()> {
    let mut machine = empty();
    let mut keys: Vec<_> = (0..fill(&mut machine, 200)).collect();
    order(&mut keys);
    for (count, number) in keys.into_iter().enumerate() {
        let removed = write(&mut machine, remove(&key(number)))?;
        assert_eq!(removed.answers[..], [WriteAnswer::Flag(true)]);
        machine.step();
        if count % 8 == 0 {
            machine.tick();
        }
    }
    assert_eq!(machine.now().len(), 0);
    settle(&mut machine);
    assert!(machine.disk.taken() < CAPACITY / 4, "{} bytes are taken", machine.disk.taken());
    assert_writable(&mut machine);
    Ok(())
}

#[test]
fn keys_are_removed_one_by_one_to_the_last() {
    remove_one_by_one(|_| {}).unwrap();
    remove_one_by_one(|keys| keys.reverse()).unwrap();
    for seed in 0..8 {
        remove_one_by_one(|keys| {
            let mut dice = Dice::new(seed);
            keys.sort_by_cached_key(|_| dice.next());
        })
        .unwrap();
    }
}

#[test]
fn without_the_reserve_nothing_can_be_removed() {
    let _planted = plant(Some(Bug::HoldReserve));
    let removed = remove_one_by_one(|_| {});
    assert!(removed.is_err_and(|error| error.is_disk_full()));
}

/// Writes new keys until compaction finds nothing more to free.
fn fill_for_good(machine: &mut Machine) {
    for number in 10_000..20_000 {
        let refused = machine.write(vec![Batch::single(put(&key(number), value(number, 200)))]);
        if refused[0].is_err() {
            settle(machine);
            if machine.health.is_failing() {
                return;
            }
        }
    }
    panic!("the disk is never full");
}

/// Writes a thousand times to a full disk; how many files and ids that took.
fn write_in_vain(is_tried_again: bool) -> (usize, u64) {
    let mut machine = empty();
    let number = 9999;
    fill_for_good(&mut machine);
    let files = |machine: &Machine| machine.disk.state().files().count();
    let before = (files(&machine), highest_id(&machine.disk));
    for _ in 0..1000 {
        let refused = machine.write(vec![Batch::single(put(&key(number), value(number, 2000)))]);
        assert!(refused[0].as_ref().is_err_and(Error::is_disk_full));
        assert!(machine.health.is_failing());
        if is_tried_again {
            machine.tick();
            machine.maintain();
            assert!(machine.health.is_failing(), "the disk is still full");
        }
    }
    let after = (files(&machine), highest_id(&machine.disk));
    (after.0.saturating_sub(before.0), after.1 - before.1)
}

#[test]
fn writes_that_fail_leave_no_files_and_use_no_ids() {
    for is_tried_again in [false, true] {
        let (files, ids) = write_in_vain(is_tried_again);
        assert!(files <= 2 && ids <= 4, "{files} files and {ids} ids");
    }
}

#[test]
fn leaving_the_full_state_early_fails_every_write() {
    let _planted = plant(Some(Bug::LeaveFullEarly));
    let (_, ids) = std::panic::catch_unwind(|| write_in_vain(true)).unwrap_or((0, u64::MAX));
    assert!(ids > 4);
}

#[test]
fn garbage_beside_live_data_makes_the_disk_writable_again() {
    for durability in [Durability::Always, Durability::Interval(Duration::from_secs(1))] {
        let disk = SimulatedDisk::new(State::default().with_capacity(CAPACITY));
        let past = Past { sequence: 0, model: Model::new() };
        let mut machine = Machine::open(&disk, &full_options(durability), vec![past]).unwrap();
        for number in 0..10_000 {
            // Every third one is overwritten at once, which is too little garbage in any segment.
            let key = key(if number % 3 == 0 { 9999 } else { number });
            let written = machine.write(vec![Batch::single(put(&key, value(number, 200)))]);
            if written[0].is_err() {
                settle(&mut machine);
                if machine.health.is_failing() {
                    break;
                }
            }
        }
        assert!(machine.health.is_failing(), "the disk was never full");
        let live: usize = machine.now().values().map(|(value, _)| value.len()).sum();
        assert!(live > CAPACITY / 2, "{live} bytes of {CAPACITY} are live");
        assert_eq!(machine.contents().unwrap(), *machine.now());
    }
}

#[test]
fn writes_are_taken_again_when_another_file_is_removed() {
    let mut machine = empty();
    let ballast = machine.disk.create("ballast").unwrap();
    ballast.allocate(CAPACITY as u64 / 2).unwrap();
    drop(ballast);
    fill_for_good(&mut machine);
    machine.disk.remove("ballast").unwrap();
    assert!(write(&mut machine, put("early", "1")).is_err(), "the disk is not looked at");
    machine.tick();
    machine.maintain();
    assert_writable(&mut machine);
}

/// Returns the disk of a store that was killed, with no space but what its hints take.
fn killed_without_reserve() -> (SimulatedDisk, Vec<Past>) {
    let mut machine = empty();
    fill(&mut machine, 200);
    let past = Past { sequence: 0, model: machine.now().clone() };
    let disk = SimulatedDisk::new(machine.disk.state());
    disk.remove("RESERVE").unwrap();
    let ballast = disk.create("ballast").unwrap();
    let free = CAPACITY - disk.taken();
    ballast.allocate(free as u64).unwrap();
    (disk, vec![past])
}

#[test]
fn a_store_that_is_opened_on_a_full_disk_lets_go_of_its_hints() {
    for is_clear in [false, true] {
        let (disk, pasts) = killed_without_reserve();
        let mut machine = open(&disk, pasts);
        let first = String::from_utf8(machine.now().keys().next().unwrap().clone()).unwrap();
        assert!(write(&mut machine, put("new", "1")).unwrap_err().is_disk_full());
        let operation = if is_clear { WriteOperation::clear() } else { remove(&first) };
        write(&mut machine, operation).unwrap();
        settle(&mut machine);
        if is_clear {
            assert_writable(&mut machine);
        }
    }
}

#[test]
fn a_full_disk_can_be_cleared_after_a_kill_at_any_change() {
    let mut machine = empty();
    let count = fill(&mut machine, 200);
    machine.disk.record();
    let refused = write(&mut machine, put("refused", value(1, 3000))).unwrap_err();
    assert!(refused.is_disk_full());
    for number in 0..count / 4 {
        write(&mut machine, remove(&key(number * 2))).unwrap();
    }
    settle(&mut machine);
    write(&mut machine, WriteOperation::clear()).unwrap();
    settle(&mut machine);
    write(&mut machine, put("again", value(1, 500))).unwrap();
    let moments = machine.disk.moments();
    println!("{} moments", moments.len());
    let options = full_options(Durability::Always);
    let dice = Dice::new(1);
    let figures = Figures::default();
    let pasts = &machine.pasts;
    let mut checker = Checker { options: &options, pasts, figures, dice, effort: Effort::FULL };
    for (number, moment) in moments.iter().enumerate() {
        if number % by_form([9, 1, 1]) == 0 {
            checker.sample(moment, 2).unwrap_or_else(|error| panic!("at {number}: {error}"));
        }
        if number % by_form([36, 4, 4]) > 0 {
            continue;
        }
        let survives = |piece: usize| ((number / 4) >> (piece % 8)) & 1 == 1;
        let lost = moment.state.image(Fate::Hostile(&survives), Fill::Zeros);
        for state in [moment.state.clone(), lost] {
            // The contents were checked above.
            let mut machine = open(&SimulatedDisk::new(state), pasts[..1].to_vec());
            machine.restore(vec![Past { sequence: 0, model: machine.contents().unwrap() }]);
            write(&mut machine, WriteOperation::clear())
                .unwrap_or_else(|e| panic!("at {number}: {e}"));
            settle(&mut machine);
            assert_writable(&mut machine);
        }
    }
    println!("{}", checker.figures);
}

#[test]
fn removals_of_a_group_that_finds_no_space_are_done_without_the_others() {
    let mut machine = empty();
    let count = fill(&mut machine, 200);
    machine.disk.remove("ballast").unwrap_err();
    // Room that is soon taken: the group is the first to find the disk full again.
    write(&mut machine, remove(&key(0))).unwrap();
    let mut dice = Dice::new(7);
    for _ in 0..20 {
        settle(&mut machine);
        let gone = dice.roll(count);
        let batches = vec![
            Batch::single(put("new", value(1, 3000))),
            Batch::single(remove("new")),
            Batch::single(remove(&key(gone))),
            Batch::single(remove("absent")),
        ];
        let was_there = machine.now().contains_key(key(gone).as_bytes());
        let was_new = machine.now().contains_key(b"new".as_slice());
        let outcomes = machine.write(batches);
        assert_eq!(machine.contents().unwrap(), *machine.now());
        if outcomes[0].is_err() {
            let error = outcomes[0].as_ref().unwrap_err();
            assert!(error.is_disk_full() && error.to_string().contains("key \"new\""), "{error}");
            let flag = |at: usize| outcomes[at].as_ref().map(|applied| applied.answers[0].clone());
            assert_eq!(flag(1).unwrap(), WriteAnswer::Flag(was_new));
            assert_eq!(flag(2).unwrap(), WriteAnswer::Flag(was_there));
        }
    }
}

/// Returns a step of a random history.
fn happen(mut machine: Machine, dice: &mut Dice) -> Machine {
    let number = dice.roll(300);
    let operation = match dice.roll(20) {
        0..=8 => put(&key(number), value(number, [20, 200, 900][dice.roll(3)])),
        9..=12 => remove(&key(number)),
        13 if dice.roll(8) == 0 => WriteOperation::clear(),
        14 if dice.roll(8) == 0 => return machine.reopen().unwrap(),
        15 => {
            machine.tick();
            return machine;
        }
        16 if dice.roll(4) == 0 => {
            let state = machine.disk.state();
            let subset = dice.next();
            let survives = move |piece: usize| subset >> (piece % 64) & 1 == 1;
            let is_killed = dice.roll(2) == 0;
            let image = state.image(Fate::Hostile(&survives), Fill::Stale);
            let state = if is_killed { state } else { image };
            let Promised { killed, power_lost } = machine.promised;
            let (floor, mut pasts) = (if is_killed { killed } else { power_lost }, machine.pasts);
            machine = open(&SimulatedDisk::new(state), pasts.clone());
            let found = machine.contents().unwrap();
            let past = pasts.iter().rposition(|past| past.model == found).expect("a past state");
            assert!(past >= floor, "{past} batches are found, {floor} were promised");
            pasts.truncate(past + 1);
            machine.restore(pasts);
            return machine;
        }
        _ => {
            machine.step();
            return machine;
        }
    };
    if let Err(error) = write(&mut machine, operation) {
        assert!(error.is_disk_full(), "{error}");
    }
    machine
}

#[test]
fn random_histories_on_a_small_disk_lose_nothing() {
    let mut full = 0;
    for seed in 0..by_form([3, 12, 500]) {
        let mut dice = Dice::new(seed);
        let mut machine = empty();
        for _ in 0..1500 {
            machine = happen(machine, &mut dice);
            full += usize::from(machine.health.is_failing());
        }
        settle(&mut machine);
        write(&mut machine, WriteOperation::clear()).unwrap();
        settle(&mut machine);
        assert_writable(&mut machine);
    }
    assert!(full > 100, "the disk was hardly ever full: {full}");
}
