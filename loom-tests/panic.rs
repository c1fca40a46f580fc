//! A writer that panics answers every caller, waiting or queued, with an error.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::store::{Batch, Probe, WriteOperation};
use crate::{Durability, Error};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 14700 },
    deep: Bound { preemptions: 3, executions_min: 14700 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Never), &[]);
    let other = {
        let store = store.clone();
        spawn(move || match store.set("a", "value") {
            Ok(()) => assert!(get(&store, "a").is_some(), "acknowledged and not visible"),
            Err(error) => assert!(matches!(error, Error::Poisoned(_)), "{error}"),
        })
    };
    let update = Probe::look(|| panic!("on purpose"));
    let fatal = Batch::single(WriteOperation::Update { key: b"b".to_vec(), update });
    assert!(matches!(store.apply(fatal), Err(Error::Poisoned(_))));
    assert!(matches!(store.set("c", "value"), Err(Error::Poisoned(_))));
    other.join().unwrap();
}
