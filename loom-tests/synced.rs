//! With an interval, what was acknowledged is visible at once and durable after a sync, while
//! maintenance syncs in the background.

use super::disk::{INTERVAL, disk, get, is_durable, options, store};
use super::model::{Bound, Model};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 1,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 2300 },
    deep: Bound { preemptions: 3, executions_min: 2300 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(INTERVAL), &[("old", "unsynced")]);
    store.set("a", "value of a").unwrap();
    assert_eq!(get(&store, "a").as_deref(), Some("value of a"));
    store.sync().unwrap();
    assert!(is_durable(&disk, "value of a"), "a sync ended, and it is not durable");
}
