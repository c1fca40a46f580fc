//! A reader of a segment that stops being the active one, while the next begins, misses nothing.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 50500 },
    deep: Bound { preemptions: 3, executions_min: 50500 },
};

fn run() {
    let disk = disk();
    // Every segment is full as soon as it holds a batch.
    let mut options = options(Durability::Never);
    options.segment_bytes_max = 1;
    let store = store(&disk, options, &[("a", "1"), ("b", "1")]);
    let writer = {
        let store = store.clone();
        spawn(move || store.set("a", "2").unwrap())
    };
    let first = get(&store, "a").unwrap();
    assert_eq!(get(&store, "b").as_deref(), Some("1"));
    let second = get(&store, "a").unwrap();
    assert!(first <= second, "{first} was overwritten, then read: {second}");
    writer.join().unwrap();
    assert_eq!(get(&store, "a").as_deref(), Some("2"));
}
