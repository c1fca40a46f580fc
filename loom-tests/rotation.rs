//! A reader of a segment that stops being the active one, while the next begins, misses nothing.

use super::disk::{commit, disk, engine, options, read};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 3, executions_min: 3000 },
    deep: Bound { preemptions: 5, executions_min: 3000 },
};

fn run() {
    let disk = disk();
    // Every segment is full as soon as it holds a batch.
    let mut options = options(Durability::Never);
    options.segment_bytes_max = 1;
    let mut engine = engine(&disk, &options, &[("a", "1"), ("b", "1")]);
    let reader = Arc::clone(&engine.reader);
    let reading = spawn(move || {
        let first = read(&*reader, "a").unwrap();
        assert_eq!(read(&*reader, "b").as_deref(), Some("1"));
        let second = read(&*reader, "a").unwrap();
        assert!(first <= second, "{first} was overwritten, then read: {second}");
    });
    commit(&mut engine, "a", "2");
    assert_eq!(read(&*engine.reader, "a").as_deref(), Some("2"));
    reading.join().unwrap();
}
