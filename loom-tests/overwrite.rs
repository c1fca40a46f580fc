//! A compaction against an overwrite of what it moves against a reader: newest wins, never backwards.

use super::compaction::COMMITS;
use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    quick: Bound { preemptions: 2, executions_min: 1 },
    deep: Bound { preemptions: 3, executions_min: 1 },
};

fn run() {
    let disk = disk();
    let options = options(Durability::Never).compaction_bytes_min(1);
    let store = store(&disk, options, &COMMITS);
    let writer = {
        let store = store.clone();
        spawn(move || {
            store.sync().unwrap();
            store.set("live", "2").unwrap();
            assert_eq!(get(&store, "live").as_deref(), Some("2"), "acknowledged and not visible");
        })
    };
    let first = get(&store, "live").expect("a live key is missing");
    let second = get(&store, "live").expect("a live key is missing");
    assert!(first <= second, "{first} was overwritten, then read: {second}");
    writer.join().unwrap();
    store.sync().unwrap();
    assert_eq!(get(&store, "live").as_deref(), Some("2"));
}
