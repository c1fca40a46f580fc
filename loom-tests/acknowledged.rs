//! An acknowledged write is durable and visible to every later read; two callers share the writer.

use super::disk::{disk, get, is_durable, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::storage::fs::simulated::SimulatedDisk;
use crate::store::Store;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 3400 },
    deep: Bound { preemptions: 3, executions_min: 3400 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Always), &[]);
    let other = {
        let (store, disk) = (store.clone(), disk.clone());
        spawn(move || set(&store, &disk, "a", "value of a"))
    };
    set(&store, &disk, "b", "value of b");
    other.join().unwrap();
    assert_eq!(get(&store, "a").unwrap(), "value of a");
}

fn set(store: &Store, disk: &SimulatedDisk, key: &str, value: &str) {
    store.set(key, value).unwrap();
    assert!(is_durable(disk, value), "{value} is acknowledged and not durable");
    assert_eq!(get(store, key).as_deref(), Some(value), "it is acknowledged and not visible");
}
