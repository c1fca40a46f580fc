//! Two increments of one key, in one group or in two: both count.

use super::disk::{disk, get, options, store};
use super::model::{Bound, Model};
use super::spawn;
use crate::Durability;
use crate::store::Store;
use crate::store::batch::{Answer, Batch, Change, Operation, Update};

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
    let update: Update = Box::new(|entry| {
        let old = entry.map_or(0, |entry| String::from_utf8_lossy(&entry.value).parse().unwrap());
        let value = (old + 1).to_string().into_bytes();
        (Change::Put { value, expires_at: None }, Answer::Integer(old + 1))
    });
    let batch = Batch::single(Operation::Update { key: b"n".to_vec(), update });
    match store.apply(batch).unwrap().answers[..] {
        [Answer::Integer(number)] => number,
        ref other => panic!("an increment answered {other:?}"),
    }
}
