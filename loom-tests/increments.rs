//! Two increments of one key, in one group or in two: both count.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::store::Store;
use crate::store::{Batch, Update, WriteAnswer, WriteOperation};

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 2700 },
    deep: Bound { preemptions: 3, executions_min: 2700 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Never), &[]);
    let other = {
        let store = store.clone();
        spawn(move || increment(&store))
    };
    let answers = [increment(&store), other.join().unwrap()];
    assert!(matches!(answers, [1, 2] | [2, 1]), "the increments answered {answers:?}");
    assert_eq!(get(&store, "n").as_deref(), Some("2"));
}

fn increment(store: &Store) -> i64 {
    let batch =
        Batch::single(WriteOperation::Update { key: b"n".to_vec(), update: Update::Add(1) });
    match store.apply(batch).unwrap().answers[..] {
        [WriteAnswer::Integer(number)] => number,
        ref other => panic!("an increment answered {other:?}"),
    }
}
