//! Clocks that are wrong for a while, and what is on the disk then.

use std::time::Duration;

use super::checker::{Checker, Effort, Figures};
use super::machine::{Machine, Past, put};
use super::{Dice, Model, START, options};
use crate::engine::UnixMillis;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::clock::manual;
use crate::store::expiry_schedule::EXPIRY_INTERVAL;
use crate::store::{Batch, WriteOperation};
use crate::{Durability, Options};

const HOUR: u64 = 3_600_000;

/// Opens an empty store with the weakest promise, which a process that is killed keeps too.
fn machine() -> (Machine, Options) {
    manual::set(START);
    let mut options = options(Durability::Never);
    options.segment_bytes_max = 4096;
    let empty = Past { sequence: 0, model: Model::new() };
    let disk = SimulatedDisk::new(State::default());
    let machine = Machine::open(&disk, &options, vec![empty]).unwrap();
    (machine, options)
}

/// Kills the process and opens in another one what it left.
fn restart(machine: Machine, options: &Options) -> Machine {
    let disk = SimulatedDisk::new(machine.disk.state());
    let pasts = machine.pasts.clone();
    drop(machine);
    Machine::open(&disk, options, pasts).unwrap()
}

fn write(machine: &mut Machine, operations: Vec<WriteOperation>) {
    for operation in operations {
        machine.write(vec![Batch::single(operation)]).remove(0).unwrap();
    }
}

/// Puts a key that expires in so many milliseconds, as the clock says.
fn put_for(key: &str, milliseconds: u64) -> WriteOperation {
    let expires_at = Some(UnixMillis(manual::now() + milliseconds));
    WriteOperation::Put { key: key.into(), value: b"v".to_vec(), expires_at }
}

fn keys(machine: &Machine) -> Vec<String> {
    let contents = machine.contents().unwrap();
    contents.into_keys().map(|key| String::from_utf8(key).unwrap()).collect()
}

#[test]
fn a_clock_that_was_wrong_for_a_moment_reaches_no_later_deadline() {
    let (mut machine, options) = machine();
    manual::set(START + HOUR);
    write(&mut machine, vec![put_for("wrong", 1_500)]);
    machine.pass(EXPIRY_INTERVAL);
    manual::set(START);
    write(&mut machine, vec![put_for("short", 1_500), put_for("long", 60_000)]);
    machine.pass(EXPIRY_INTERVAL);
    let mut machine = restart(machine, &options);
    machine.pass(Duration::from_millis(1_300));
    assert_eq!(keys(&machine), ["long", "short", "wrong"]);
    machine.pass(EXPIRY_INTERVAL);
    assert_eq!(keys(&machine), ["long", "wrong"]);
    machine.pass(Duration::from_secs(59));
    assert_eq!(keys(&machine), ["wrong"], "what was written then has the deadline it was given");
    machine.pass(Duration::from_secs(3_600));
    assert_eq!(keys(&machine), [""; 0]);
}

#[test]
fn a_key_answered_as_expired_stays_gone_once_its_removal_is_in_the_log() {
    let (mut machine, options) = machine();
    write(&mut machine, (0..200).map(|n| put_for(&format!("key{n}"), 1_000)).collect());
    write(&mut machine, vec![put("other", "v")]);
    machine.disk.record();
    manual::set(START + HOUR);
    machine.pass(EXPIRY_INTERVAL);
    assert_eq!(keys(&machine), ["other"]);
    let moments = machine.disk.moments();
    let (pasts, figures, dice) = (&*machine.pasts, Figures::default(), Dice::new(1));
    let mut checker = Checker { options: &options, pasts, figures, dice, effort: Effort::FULL };
    for moment in &moments {
        checker.sample(moment, 8).unwrap();
    }
    // The other process is started with a clock that is right, or wrong again.
    for time in [START, START - HOUR, START + HOUR] {
        manual::set(time);
        machine = restart(machine, &options);
        assert_eq!(keys(&machine), ["other"]);
        machine.pass(EXPIRY_INTERVAL);
        assert_eq!(keys(&machine), ["other"]);
    }
}

#[test]
fn before_its_removal_is_in_the_log_a_clock_that_is_set_back_shows_a_key_again() {
    let (mut machine, options) = machine();
    write(&mut machine, vec![put_for("key", 1_000)]);
    manual::set(START + HOUR);
    machine.pass(EXPIRY_INTERVAL / 2);
    manual::set(START);
    machine.pass(EXPIRY_INTERVAL);
    let mut machine = restart(machine, &options);
    assert_eq!(keys(&machine), ["key"]);
    machine.pass(Duration::from_secs(1));
    assert_eq!(keys(&machine), [""; 0]);
}
