//! A compaction against an overwrite of what it moves: the newest wins for the reader that follows,
//! and in the end.

use super::compaction::{COMMITS, OUTPUT};
use super::disk::{disk, get, options, read, store};
use super::model::{Bound, Model, witness};
use crate::Durability;
use crate::actor::Reply;
use crate::sync::Arc;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: true,
    quick: Bound { preemptions: 2, executions_min: 150000 },
    deep: Bound { preemptions: 3, executions_min: 150000 },
};

fn run() {
    let disk = disk();
    let options = options(Durability::Never).compaction_bytes_min(1);
    let store = store(&disk, options, &COMMITS);
    // Whatever the writer does, it looks afterwards whether a compaction is worth it.
    let (reply, synced) = Reply::channel();
    assert!(store.submit_sync(reply).is_ok());
    drop(synced);
    store.set("live", "2").unwrap();
    assert_eq!(get(&store, "live").as_deref(), Some("2"), "an acknowledged value is lost");
    let reader = Arc::clone(store.reader());
    drop(store);
    assert_eq!(read(&*reader, "live").as_deref(), Some("2"));
    if disk.state().files().any(|(name, _)| name == OUTPUT) {
        witness();
    }
}
