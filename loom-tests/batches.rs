//! A batch is visible all or nothing to a snapshot, key by key and in a scan.

use super::disk::{disk, options, store, text};
use super::model::{Bound, Model};
use super::{put, spawn};
use crate::Durability;
use crate::engine::{EngineSnapshot, KeyRange, Page, ScanPage};
use crate::store::Store;

pub(super) const MODEL: Model = Model {
    run,
    timeouts: 0,
    witnesses: false,
    quick: Bound { preemptions: 2, executions_min: 1800 },
    deep: Bound { preemptions: 3, executions_min: 1800 },
};

fn run() {
    let disk = disk();
    let store = store(&disk, options(Durability::Never), &[("a", "old"), ("b", "old")]);
    let writer = {
        let store = store.clone();
        spawn(move || store.apply(put(&["a", "b"], "new")).map(|_| ()).unwrap())
    };
    let snapshot = store.reader().snapshot().unwrap();
    let one_by_one = ["a", "b"].map(|key| at(&store, key, &snapshot));
    assert_eq!(one_by_one[0], one_by_one[1], "a part of a batch is visible");
    let range = KeyRange::all();
    let page = ScanPage { range: &range, snapshot: Some(&snapshot), limit: 9, keys_only: false };
    let scanned = Page::of(&**store.reader(), &page).unwrap().entries;
    let scanned: Vec<_> = scanned.into_iter().map(|found| text(found.entry.value)).collect();
    assert_eq!(scanned, one_by_one, "a snapshot changed");
    writer.join().unwrap();
}

fn at(store: &Store, key: &str, snapshot: &EngineSnapshot) -> String {
    match store.reader().get_at(key.as_bytes(), snapshot).unwrap() {
        Some(entry) => text(entry.value),
        other => panic!("{key} is {other:?}"),
    }
}
