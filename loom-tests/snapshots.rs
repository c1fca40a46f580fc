//! A snapshot keeps what it sees while versions are pruned, and what is newest is never missing.

use super::disk::{disk, get, options, steady_value, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 5600 },
    deep: Bound { preemptions: 3, executions_min: 5600 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Never), &[("a", "1")]);
    let writer = {
        let store = store.clone();
        spawn(move || ["2", "3"].map(|value| store.set("a", value).unwrap()))
    };
    let snapshot = store.reader().snapshot().unwrap();
    let first = steady_value(&**store.reader(), "a", &snapshot);
    drop(snapshot);
    let newest = get(&store, "a").expect("a live key is missing");
    assert!(first <= newest, "{first} was overwritten, then read: {newest}");
    writer.join().unwrap();
    assert_eq!(get(&store, "a").as_deref(), Some("3"));
}
