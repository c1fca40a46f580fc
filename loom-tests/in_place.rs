//! Versions that are replaced in place are found whole by a snapshot, whenever it registers.

use super::disk::{commit, disk, engine, options, read, steady_value};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 150000 },
    deep: Bound { preemptions: 3, executions_min: 150000 },
};

fn run() {
    let disk = disk();
    let mut engine = engine(&disk, &options(Durability::Never), &[("a", "1")]);
    let reader = Arc::clone(&engine.reader);
    let reading = spawn(move || {
        let snapshot = reader.snapshot().unwrap();
        steady_value(&*reader, "a", &snapshot);
    });
    for value in ["2", "3"] {
        commit(&mut engine, "a", value);
    }
    reading.join().unwrap();
    assert_eq!(read(&*engine.reader, "a").as_deref(), Some("3"));
}
