//! Directories and segments that are removed under an open store.

use std::time::Duration;

use super::machine::{Machine, Past, put};
use super::{Model, options};
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::Batch;
use crate::store::clock::manual;
use crate::{Durability, Error};

fn machine() -> Machine {
    let empty = Past { sequence: 0, model: Model::new() };
    let disk = SimulatedDisk::new(State::default());
    Machine::open(&disk, &options(Durability::Always), vec![empty]).unwrap()
}

fn remove_directory(machine: &Machine) {
    machine.disk.remove_directory();
}

fn remove_segment(machine: &Machine) {
    machine.disk.remove_name("00000000000000000001.log");
}

/// Writes, removes files, lets `pass` show what time it is, and writes again.
fn write_after(remove: fn(&Machine), pass: impl Fn(&mut Machine)) -> (Machine, bool) {
    let mut machine = machine();
    assert!(machine.write(vec![Batch::single(put("a", "1"))])[0].is_ok());
    remove(&machine);
    pass(&mut machine);
    let is_acknowledged = machine.write(vec![Batch::single(put("a", "2"))])[0].is_ok();
    (machine, is_acknowledged)
}

#[test]
fn nothing_is_acknowledged_after_a_tick_or_after_a_second_without_one() {
    for remove in [remove_directory, remove_segment] {
        let ticks: [fn(&mut Machine); 2] =
            [Machine::tick, |_| manual::pass(Duration::from_secs(1))];
        for tick in ticks {
            let (machine, is_acknowledged) = write_after(remove, tick);
            assert!(!is_acknowledged);
            let failure = machine.health.failure();
            assert!(matches!(failure, Some(Error::Removed { .. })), "{failure:?}");
        }
    }
}

#[test]
fn acknowledged_writes_can_still_be_read() {
    let (mut machine, _) = write_after(remove_directory, Machine::tick);
    assert_eq!(machine.contents().unwrap(), *machine.now());
    for _ in 0..2 {
        let refused = machine.write(vec![Batch::single(put("b", "1"))]).remove(0);
        assert!(matches!(refused, Err(Error::Poisoned(_))), "{refused:?}");
    }
}
