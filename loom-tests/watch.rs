//! A watch beside a store whose writer has a thread and whose caller takes turns: every change is
//! told once, in order, after readers see it, and then the end, which wakes whoever waits.

use super::disk::{disk, options, read, store, text};
use super::model::{Bound, Model};
use super::spawn;
use crate::{Change, Durability, WatchEvent};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 60_000 },
    deep: Bound { preemptions: 3, executions_min: 60_000 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Never), &[("a", "0")]);
    let watch = store.watch_key("a").unwrap();
    // It does not keep the store open.
    let reader = store.reader().clone();
    let watching = spawn(move || {
        let mut told = Vec::new();
        for event in watch {
            let WatchEvent::Committed(batch) = event else { panic!("{event:?}") };
            for change in batch.changes() {
                let Change::Set { value, .. } = change else { panic!("{change:?}") };
                let (value, seen) = (text(value.to_vec()), read(&*reader, "a").unwrap());
                assert!(seen >= value, "{value} is told, and readers see {seen}");
                told.push(value);
            }
        }
        told
    });
    for value in ["1", "2"] {
        store.set("a", value).unwrap();
    }
    drop(store);
    assert_eq!(watching.join().unwrap(), ["1", "2"]);
}
