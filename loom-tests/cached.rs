//! A reader with a cache never goes back while its key is overwritten and removed, and a get that
//! begins after a write was acknowledged sees it.

use super::disk::{disk, engine, options};
use super::model::{Bound, Model, witness};
use super::spawn;
use crate::Durability;
use crate::engine::{Group, Mutation, ReadHalf};
use crate::sync::{Arc, AtomicU64, Ordering};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: true,
    quick: Bound { preemptions: 2, executions_min: 40000 },
    deep: Bound { preemptions: 3, executions_min: 40000 },
};

/// A few buckets.
pub(super) const CACHE_BYTES: usize = 16 << 10;

/// The commit that sets the key before any other thread exists; each later one overwrites or
/// removes it.
pub(super) const FIRST: u64 = 1;
const REMOVED: u64 = 3;

fn run() {
    let disk = disk();
    let options = options(Durability::Never).cache_bytes(CACHE_BYTES);
    let engine = engine(&disk, &options, &[("a", "1")]);
    let (reader, mut writer) = (engine.reader, engine.writer);
    // From now on it is cached.
    assert_eq!(version(&*reader), FIRST);
    let acknowledged = Arc::new(AtomicU64::new(FIRST));
    let writing = {
        let acknowledged = Arc::clone(&acknowledged);
        spawn(move || {
            for version in FIRST + 1..=REMOVED {
                let mut group = Group::default();
                group.push([mutation(version)]);
                writer.commit(&mut group, false).unwrap();
                acknowledged.store(version, Ordering::Release);
            }
            writer
        })
    };
    let mut least = FIRST;
    let peeked = reader.metadata(b"a").unwrap().map_or(REMOVED, |meta| meta.version.0);
    for before in [peeked, 0] {
        least = least.max(acknowledged.load(Ordering::Acquire)).max(before);
        let read = version(&*reader);
        assert!(read >= least, "{least} was acknowledged or read, then: {read}");
        least = read;
    }
    if least == FIRST + 1 {
        witness();
    }
    drop(writing.join().unwrap());
    assert_eq!(version(&*reader), REMOVED);
}

pub(super) fn mutation(version: u64) -> Mutation {
    let key = b"a".to_vec();
    if version == REMOVED {
        return Mutation::remove(key);
    }
    Mutation::put(key, version.to_string().into(), None)
}

/// Returns the commit that the reader sees.
pub(super) fn version(reader: &dyn ReadHalf) -> u64 {
    match reader.get(b"a").unwrap() {
        Some(entry) => {
            assert_eq!(entry.value, entry.version.to_string().as_bytes());
            entry.version
        }
        None => REMOVED,
    }
}
