//! The writes of one caller take effect in their order, whether it leaves them in the writer's
//! mailbox or takes the turn for them, beside another caller.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::{put, spawn};
use crate::Durability;
use crate::actor::Reply;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 3500 },
    deep: Bound { preemptions: 3, executions_min: 3500 },
};

fn run() {
    let disk = disk();
    // There is a segment already, so that the first write may take the turn.
    let store = store(&disk, options(Durability::Never), &[("a", "nothing")]);
    let other = {
        let store = store.clone();
        spawn(move || {
            store.set("b", "1").unwrap();
            assert_eq!(get(&store, "b").as_deref(), Some("1"));
        })
    };
    let (reply, answer) = Reply::channel();
    assert!(store.submit_batches(vec![put(&["a"], "first")], reply).is_ok());
    store.apply(put(&["a"], "second")).unwrap();
    assert_eq!(get(&store, "a").as_deref(), Some("second"));
    assert_eq!(answer.wait().unwrap().len(), 1);
    assert_eq!(get(&store, "a").as_deref(), Some("second"));
    other.join().unwrap();
}
