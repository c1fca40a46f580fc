//! Keys that are evicted, and what is on the disk then.

use super::checker::{Checker, Effort, Figures};
use super::machine::{Machine, Past, put};
use super::{Dice, Model, START, options};
use crate::form::by_form;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::Batch;
use crate::store::clock::manual;
use crate::{Durability, EvictionPolicy};

/// The memory for the keys: that of about 40.
const BYTES_MAX: u64 = 4_000;

const KEYS: usize = 120;

#[test]
fn what_a_crash_leaves_is_a_state_between_two_evictions() {
    for durability in [Durability::Never, Durability::Always] {
        manual::set(START);
        let mut options = options(durability);
        options = options.memory_max(BYTES_MAX).eviction(EvictionPolicy::AllKeysRandom);
        let empty = Past { sequence: 0, model: Model::new() };
        let disk = SimulatedDisk::new(State::default());
        let mut machine = Machine::open(&disk, &options, vec![empty]).unwrap();
        let mut dice = Dice::new(7);
        for number in 0..KEYS {
            if number == KEYS * 3 / 4 {
                machine.disk.record();
            }
            let key = format!("key{}", dice.roll(KEYS));
            let value = vec![b'v'; dice.roll(50)];
            machine.write(vec![Batch::single(put(&key, value))]).remove(0).unwrap();
            machine.step();
            assert_eq!(machine.contents().unwrap(), *machine.now());
        }
        let left = machine.now().len();
        assert!((10..100).contains(&left), "{left} keys are left");
        let moments = machine.disk.moments();
        let (pasts, figures) = (&*machine.pasts, Figures::default());
        let mut checker = Checker { options: &options, pasts, figures, dice, effort: Effort::FULL };
        for moment in moments.iter().step_by(by_form([27, 2, 1])) {
            checker.sample(moment, 2).unwrap();
        }
    }
}
