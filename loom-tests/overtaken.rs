//! A read that is overtaken by writes to its key does not return an older version, which only an
//! older snapshot sees.

use super::disk::{commit, disk, engine, options, read};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 3, executions_min: 20000 },
    deep: Bound { preemptions: 4, executions_min: 20000 },
};

fn run() {
    let disk = disk();
    let mut engine = engine(&disk, &options(Durability::Never), &[("a", "1")]);
    let snapshot = engine.reader.snapshot().unwrap();
    commit(&mut engine, "a", "2");
    let reader = Arc::clone(&engine.reader);
    let reading = spawn(move || {
        let found = read(&*reader, "a").expect("a live key is missing");
        assert!(*"2" <= *found, "it was overwritten before: {found}");
    });
    for value in ["3", "4"] {
        commit(&mut engine, "a", value);
    }
    reading.join().unwrap();
    drop(snapshot);
}
