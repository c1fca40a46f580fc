//! A batch of two keyspaces becomes visible in both at once, and a snapshot is one point in time
//! for both.

use super::disk::{disk, engine, options, text};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::engine::{EngineSnapshot, Group, KeyspaceId, Mutation, ReadHalf};
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 1000 },
    deep: Bound { preemptions: 3, executions_min: 1000 },
};

const OTHER: KeyspaceId = KeyspaceId(2);

fn put(value: &str) -> Vec<Mutation> {
    let put = || Mutation::put(b"a".to_vec(), value.into(), None);
    vec![put(), put().of(OTHER)]
}

fn run() {
    let disk = disk();
    let mut engine = engine(&disk, &options(Durability::Never), &[]);
    let mut write = |value| {
        let mut group = Group::default();
        group.push(put(value));
        engine.writer.commit(&mut group, false).unwrap();
    };
    write("1");
    let readers = [KeyspaceId::DEFAULT, OTHER].map(|id| engine.reader.keyspace(id).unwrap());
    let [first, second] = readers.clone();
    let reading = spawn(move || {
        let snapshot = first.snapshot().unwrap();
        let (one, other) = (at(&first, &snapshot), at(&second, &snapshot));
        assert_eq!(one, other, "a part of a batch is visible");
        assert_eq!(at(&first, &snapshot), one, "a snapshot changed");
    });
    write("2");
    reading.join().unwrap();
    let snapshot = readers[1].snapshot().unwrap();
    assert_eq!(readers.map(|reader| at(&reader, &snapshot)), ["2", "2"]);
}

fn at(reader: &Arc<dyn ReadHalf>, snapshot: &EngineSnapshot) -> String {
    let found = reader.get_at(b"a", snapshot).unwrap();
    text(found.expect("a snapshot lost what it saw").value)
}
