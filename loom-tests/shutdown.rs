//! Handles that are dropped while others write: everybody is answered, and what was acknowledged is
//! durable once the last one is gone, whatever the mode.

use super::disk::{disk, is_durable, options, read, store_and_reader};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 3000 },
    deep: Bound { preemptions: 3, executions_min: 3000 },
};

fn run() {
    let disk = disk();
    let (store, reader) = store_and_reader(&disk, options(Durability::Never));
    let other = store.clone();
    let thread = spawn(move || other.set("a", "value of a").unwrap());
    store.set("b", "value of b").unwrap();
    drop(store);
    thread.join().unwrap();
    for key in ["a", "b"] {
        let value = format!("value of {key}");
        assert!(is_durable(&disk, &value), "the store is closed, and {value} is not durable");
        assert_eq!(read(&*reader, key), Some(value));
    }
}
