//! A reader that learns of a write from the index also finds it behind the cache.

use super::cached::{CACHE_BYTES, FIRST, mutation, version};
use super::disk::{disk, engine, options};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::engine::Group;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 450 },
    deep: Bound { preemptions: 3, executions_min: 450 },
};

fn run() {
    let disk = disk();
    let options = options(Durability::Never).cache_bytes(CACHE_BYTES);
    let engine = engine(&disk, &options, &[("a", "1")]);
    let (reader, mut writer) = (engine.reader, engine.writer);
    // From now on it is cached.
    assert_eq!(version(&*reader), FIRST);
    let writing = spawn(move || {
        let mut group = Group::default();
        group.push([mutation(FIRST + 1)]);
        writer.commit(&mut group, false).unwrap();
        writer
    });
    let mut least = FIRST;
    for _ in 0..2 {
        let peeked = reader.metadata(b"a").unwrap().map_or(0, |meta| meta.version.0);
        assert!(peeked >= least, "{least} was read, then peeked: {peeked}");
        least = version(&*reader);
        assert!(least >= peeked, "{peeked} was overwritten, then read: {least}");
    }
    drop(writing.join().unwrap());
    assert_eq!(version(&*reader), FIRST + 1);
}
