//! After a failed sync nothing more is acknowledged, the failed write is not visible, and nobody
//! hangs.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::storage::fs::simulated::{Failure, Fault};
use crate::store::Store;
use crate::{Durability, Error};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 11200 },
    deep: Bound { preemptions: 3, executions_min: 11200 },
};

/// With the segment there, a commit writes, then syncs.
const FIRST_SYNC: u64 = 1;

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Always), &[("old", "value")]);
    let fault = Fault { call: FIRST_SYNC, failure: Failure::Input, forever: false };
    disk.fail(fault, 1);
    let other = {
        let store = store.clone();
        spawn(move || set(&store, "a"))
    };
    let acknowledged = [set(&store, "b"), other.join().unwrap()];
    assert_eq!(acknowledged, [false, false], "the first sync failed, and there is none after it");
    assert!(!set(&store, "c"), "acknowledged after a failed sync");
    assert!(store.sync().is_err());
    assert_eq!(get(&store, "old").as_deref(), Some("value"), "what was durable is read");
}

/// Sets a key; returns true if the write was acknowledged.
fn set(store: &Store, key: &str) -> bool {
    match store.set(key, "new") {
        Ok(()) => true,
        Err(Error::UnknownOutcome(_) | Error::Poisoned(_)) => {
            assert_eq!(get(store, key), None, "visible, though a power loss may undo it");
            false
        }
        Err(error) => panic!("{error}"),
    }
}
