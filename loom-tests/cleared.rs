//! A clear and what its batch sets become visible at once, to a read and to a snapshot, while what
//! it removed is taken apart.

use super::disk::{disk, engine, options, read, steady_value};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::engine::{Group, KeyspaceId, Mutation};
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 3, executions_min: 450 },
    deep: Bound { preemptions: 4, executions_min: 450 },
};

fn run() {
    let disk = disk();
    let mut engine = engine(&disk, &options(Durability::Never), &[("a", "1")]);
    let reader = Arc::clone(&engine.reader);
    let reading = spawn(move || {
        let newest = read(&*reader, "a").expect("a live key is missing");
        let snapshot = reader.snapshot().unwrap();
        let first = steady_value(&*reader, "a", &snapshot);
        assert!(newest <= first, "{newest} was read, then {first}");
    });
    let mut group = Group::default();
    let set = Mutation::put(b"a".to_vec(), b"2".to_vec(), None);
    group.push([Mutation::clear(KeyspaceId::DEFAULT), set]);
    engine.writer.commit(&mut group, false).unwrap();
    while engine.writer.is_draining() {
        engine.writer.drain();
    }
    reading.join().unwrap();
    assert_eq!(read(&*engine.reader, "a").as_deref(), Some("2"));
}
