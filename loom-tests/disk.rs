//! A store on the simulated disk.

use std::time::Duration;

use crate::engine::{self, Engine, EngineSnapshot, Group, Mutation, ReadHalf};
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::Store;
use crate::sync::Arc;
use crate::{Durability, Options};

/// Longer than the time of any model.
pub(super) const INTERVAL: Durability = Durability::Interval(Duration::from_secs(1));

/// Returns an empty disk.
pub(super) fn disk() -> SimulatedDisk {
    SimulatedDisk::new(State::default())
}

/// Options for tiny stores.
pub(super) fn options(durability: Durability) -> Options {
    Options::new("/simulated").durability(durability).cache_bytes(0)
}

/// Returns the engine alone, with one commit for each of these, before any other thread exists.
pub(super) fn engine(disk: &SimulatedDisk, options: &Options, commits: &[(&str, &str)]) -> Engine {
    let mut engine = engine::open_in(options, Arc::new(disk.clone())).unwrap();
    for (key, value) in commits {
        commit(&mut engine, key, value);
    }
    engine
}

/// Commits one value of a key.
pub(super) fn commit(engine: &mut Engine, key: &str, value: &str) {
    let mut group = Group::default();
    let (key, value) = (key.into(), value.into());
    group.push(vec![Mutation::put(key, value, None)]);
    engine.writer.commit(&mut group, false).unwrap();
}

/// Returns a store with its actors, that began with these commits.
pub(super) fn store(disk: &SimulatedDisk, options: Options, commits: &[(&str, &str)]) -> Store {
    let engine = engine(disk, &options, commits);
    Store::start(engine, options).unwrap()
}

/// Returns an empty store with its actors, and a reader that does not keep it open.
pub(super) fn store_and_reader(
    disk: &SimulatedDisk,
    options: Options,
) -> (Store, Arc<dyn ReadHalf>) {
    let engine = engine(disk, &options, &[]);
    let reader = Arc::clone(&engine.reader);
    (Store::start(engine, options).unwrap(), reader)
}

/// Returns true if these bytes survive a power loss in any case.
pub(super) fn is_durable(disk: &SimulatedDisk, bytes: &str) -> bool {
    disk.state()
        .durable_files()
        .any(|file| file.windows(bytes.len()).any(|window| window == bytes.as_bytes()))
}

/// Returns the newest value of a key.
pub(super) fn get(store: &Store, key: &str) -> Option<String> {
    store.get(key).unwrap().map(text)
}

/// Returns the newest value of a key, without a store's limits.
pub(super) fn read(reader: &dyn ReadHalf, key: &str) -> Option<String> {
    reader.get(key.as_bytes()).unwrap().map(|entry| text(entry.value))
}

/// Returns the value of a key that a snapshot sees, which has one: it is the same whenever it is
/// looked at.
pub(super) fn steady_value(reader: &dyn ReadHalf, key: &str, snapshot: &EngineSnapshot) -> String {
    let at = || match reader.get_at(key.as_bytes(), snapshot).unwrap() {
        Some(entry) => text(entry.value),
        other => panic!("a snapshot lost what it saw: {other:?}"),
    };
    let (first, second) = (at(), at());
    assert_eq!(first, second, "a snapshot changed");
    first
}

/// Decodes a value, which is text.
pub(super) fn text(value: Vec<u8>) -> String {
    String::from_utf8(value).unwrap()
}
