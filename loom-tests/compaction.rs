//! A live key is never missing while a compaction moves it, and reads the same afterwards.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model, witness};
use crate::Durability;
use crate::actor::Reply;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: true,
    quick: Bound { preemptions: 2, executions_min: 1400 },
    deep: Bound { preemptions: 3, executions_min: 1400 },
};

/// The file that the first compaction makes.
pub(super) const OUTPUT: &str = "00000000000000000002.log";

/// One live key, and enough garbage beside it.
pub(super) const COMMITS: [(&str, &str); 3] = [("live", "1"), ("hot", "1"), ("hot", "2")];

fn run() {
    let disk = disk();
    let options = options(Durability::Never).compaction_bytes_min(1);
    let store = store(&disk, options, &COMMITS);
    // Whatever the writer does, it looks afterwards whether a compaction is worth it.
    let (reply, synced) = Reply::channel();
    assert!(store.submit_sync(reply).is_ok());
    for _ in 0..2 {
        assert_eq!(get(&store, "live").as_deref(), Some("1"), "a live key is missing");
    }
    synced.wait().unwrap().unwrap();
    drop(store);
    // A store that is closed early gives a compaction up.
    if disk.state().files().any(|(name, _)| name == OUTPUT) {
        witness();
    }
}
