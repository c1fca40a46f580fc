//! Clears of whole keyspaces: what readers see of them, and what becomes of the keys.

use std::collections::{BTreeMap, BTreeSet};

use super::random::Random;
use super::*;

const KEYSPACE: KeyspaceId = KeyspaceId::DEFAULT;

const TOMBSTONE: Number = Number(-1);

/// An index of one keyspace, and the slots that it forgot.
struct Cleared {
    indexes: KeyspaceIndexes<Number>,
    reader: IndexReader<Number>,
    sequence: u64,
    forgotten: Vec<i32>,
}

impl Cleared {
    fn new() -> Self {
        let indexes = KeyspaceIndexes::new();
        let reader = indexes.readers().reader(KEYSPACE);
        Self { indexes, reader, sequence: 0, forgotten: Vec::new() }
    }

    /// Adds versions of the next batch, which is not published.
    fn insert(&mut self, changes: &[(&str, i32)]) {
        self.sequence += 1;
        self.insert_again(changes);
    }

    /// Adds versions of the same batch.
    fn insert_again(&mut self, changes: &[(&str, i32)]) {
        let changes = changes.iter().map(|(key, number)| change(key, self.sequence, *number));
        let changes = std::iter::once((KEYSPACE, changes.collect()));
        self.indexes.insert(changes, |Number(old)| self.forgotten.push(old));
    }

    /// Clears the keyspace by the next batch, which is not published.
    fn clear(&mut self) {
        self.sequence += 1;
        let version = (Sequence(self.sequence), &TOMBSTONE);
        self.indexes.remove_range(KEYSPACE, KeyInterval::ALL, version, |Number(old)| {
            self.forgotten.push(old);
        });
    }

    fn publish(&mut self) {
        self.indexes.publish(Sequence(self.sequence));
        self.indexes.prune(|Number(old), _| self.forgotten.push(old));
    }

    fn commit(&mut self, changes: &[(&str, i32)]) {
        self.insert(changes);
        self.publish();
    }

    /// Does a step of a drain; returns the number of slots that it forgot.
    fn drain(&mut self) -> usize {
        let before = self.forgotten.len();
        self.indexes.drain(|Number(old), _| self.forgotten.push(old));
        self.forgotten.len() - before
    }

    fn drain_all(&mut self) {
        while self.indexes.is_draining() {
            self.drain();
        }
    }

    /// Returns the forgotten slots since the last call, sorted.
    fn take_forgotten(&mut self) -> Vec<i32> {
        let mut forgotten = std::mem::take(&mut self.forgotten);
        forgotten.sort_unstable();
        forgotten
    }

    fn newest(&self, key: &str) -> Option<i32> {
        self.reader.newest(key.as_bytes()).map(|(_, Number(number))| number)
    }

    fn at(&self, key: &str, snapshot: &IndexSnapshot) -> Option<i32> {
        self.reader.at(key.as_bytes(), snapshot).map(|(_, Number(number))| number)
    }

    fn all_at(&self, snapshot: &IndexSnapshot) -> Vec<i32> {
        let found = scanned(&self.reader, &KeyRange::all(), snapshot, usize::MAX);
        found.into_iter().map(|found| found.slot.0).collect()
    }

    fn versions(&self, key: &str) -> Vec<u64> {
        let versions = self.reader.versions(key.as_bytes(), &self.reader.horizon());
        versions.into_iter().map(|(version, _)| version.0).collect()
    }
}

/// Returns so many keys in order, each with its number.
fn many(count: i32) -> Vec<(String, i32)> {
    (0..count).map(|number| (format!("key {number:06}"), number)).collect()
}

fn by_reference(keys: &[(String, i32)]) -> Vec<(&str, i32)> {
    keys.iter().map(|(key, number)| (&**key, *number)).collect()
}

#[test]
fn a_clear_forgets_nothing_itself_and_each_step_of_a_drain_little() {
    let mut index = Cleared::new();
    index.commit(&by_reference(&many(5000)));
    index.clear();
    index.publish();
    assert_eq!(
        (index.forgotten.len(), index.reader.live(), index.newest("key 000007")),
        (0, 0, None)
    );
    let mut steps = 0;
    while index.indexes.is_draining() {
        assert!(index.drain() <= 2, "a write waits for a step");
        steps += 1;
    }
    // Each takes two keys, the children of a node, or two of the 4900 deadlines.
    assert!((4900..5100).contains(&steps), "{steps} steps");
    assert_eq!(index.take_forgotten(), (0..5000).collect::<Vec<_>>());
}

#[test]
fn a_clear_is_seen_when_it_is_published_and_by_no_snapshot_before() {
    let mut index = Cleared::new();
    index.commit(&[("a", 1), ("b", 2)]);
    let before = index.reader.snapshot();
    index.insert(&[("a", 3)]);
    index.clear();
    index.insert(&[("c", 4)]);
    // It registers while the group is put in.
    let meanwhile = index.reader.snapshot();
    assert_eq!((index.newest("a"), index.newest("b"), index.newest("c")), (Some(1), Some(2), None));
    index.publish();
    assert_eq!((index.newest("a"), index.newest("b"), index.newest("c")), (None, None, Some(4)));
    let after = index.reader.snapshot();
    index.commit(&[("a", 5), ("c", 6)]);
    for snapshot in [&before, &meanwhile] {
        assert_eq!(index.all_at(snapshot), [1, 2]);
        assert_eq!((index.at("a", snapshot), index.at("c", snapshot)), (Some(1), None));
    }
    assert_eq!(index.all_at(&after), [4]);
    assert_eq!((index.versions("a"), index.versions("c")), (vec![5, 1], vec![5, 4]));
    assert!(!index.indexes.is_draining() && index.take_forgotten().is_empty());
    drop((before, meanwhile));
    index.publish();
    index.drain_all();
    assert_eq!((index.take_forgotten(), index.versions("a")), (vec![1, 2, 3], vec![5]));
    drop(after);
    index.publish();
    assert_eq!(index.take_forgotten(), [4]);
}

#[test]
fn a_scan_goes_on_where_it_was_when_the_keyspace_is_cleared() {
    let mut index = Cleared::new();
    let keys = many(500);
    index.commit(&by_reference(&keys));
    for reverse in [false, true] {
        let (snapshot, range) = (index.reader.snapshot(), KeyRange { reverse, ..KeyRange::all() });
        let reader = index.reader.clone();
        let (mut scan, mut batch) = (IndexScan::new(&reader, &range, &snapshot), ScanBatch::new());
        let mut found = 0;
        while scan.next(&mut batch, usize::MAX) {
            found += batch.len();
            index.clear();
            index.commit(&[("key 000100", 7)]);
            index.drain();
        }
        assert_eq!(found, keys.len(), "reverse: {reverse}");
        index.commit(&by_reference(&keys));
    }
}

#[test]
fn what_the_batch_of_a_clear_wrote_before_it_stays() {
    let mut index = Cleared::new();
    index.commit(&[("a", 1), ("b", 2)]);
    index.clear();
    index.sequence -= 1;
    index.insert(&[("a", 3), ("c", 4)]);
    index.sequence -= 1;
    index.clear();
    index.insert_again(&[("d", 5)]);
    index.publish();
    assert_eq!(index.all_at(&index.reader.snapshot()), [3, 4, 5]);
    assert_eq!(index.reader.live(), 3);
    index.drain_all();
    assert_eq!(index.take_forgotten(), [1, 2]);
}

#[test]
fn clears_that_nobody_drains_do_not_pile_up() {
    let mut index = Cleared::new();
    for number in 0..1000 {
        index.commit(&[("a", number)]);
        index.clear();
        index.publish();
        // One of nothing leaves nothing.
        index.clear();
        index.publish();
    }
    let done = index.take_forgotten().len();
    assert!(done >= 900, "{done} of 1000");
    index.drain_all();
    assert_eq!(done + index.take_forgotten().len(), 1000);
}

#[test]
fn only_the_generation_that_a_snapshot_sees_is_kept() {
    let mut index = Cleared::new();
    let mut snapshots = Vec::new();
    for number in 0..200 {
        index.commit(&[("a", number)]);
        if number % 50 == 0 {
            snapshots.push(index.reader.snapshot());
        }
        index.clear();
        index.publish();
        index.drain_all();
    }
    assert_eq!(index.take_forgotten().len(), 196);
    let seen: Vec<_> = snapshots.iter().map(|snapshot| index.at("a", snapshot)).collect();
    assert_eq!(seen, [0, 50, 100, 150].map(Some));
    drop(snapshots);
    index.publish();
    index.drain_all();
    assert_eq!(index.take_forgotten(), [0, 50, 100, 150]);
}

#[test]
fn deadlines_and_moves_are_those_of_the_generation_of_a_version() {
    let mut index = Cleared::new();
    index.commit(&[("a", 100), ("b", 200)]);
    let snapshot = index.reader.snapshot();
    index.clear();
    index.commit(&[("b", 300)]);
    assert_eq!((index.reader.live(), index.reader.expiring()), (1, 1));
    assert_eq!(index.indexes.due(UnixMillis(1000), 10), [(KEYSPACE, b"b".to_vec())]);
    let mut moved = Vec::new();
    let mut repoint = |index: &mut Cleared, key: &str, version, from, to| {
        let (version, from, to) = (Sequence(version), Number(from), Number(to));
        let change = Move { key: key.into(), version, from, to };
        index.indexes.repoint(vec![(KEYSPACE, change)], |_, is_there| moved.push(is_there));
    };
    repoint(&mut index, "a", 1, 100, 101);
    repoint(&mut index, "b", 1, 300, 301);
    repoint(&mut index, "b", 3, 300, 301);
    assert_eq!((index.all_at(&snapshot), index.newest("b")), (vec![101, 200], Some(301)));
    drop(snapshot);
    index.publish();
    repoint(&mut index, "a", 1, 101, 102);
    assert_eq!(moved, [true, false, true, false]);
    index.drain_all();
    assert_eq!(index.take_forgotten(), [101, 200]);
}

/// Every version has a number of its own, so that it shows if one is forgotten twice or never.
#[test]
fn random_clears_agree_with_a_model_and_forget_everything_once() {
    for seed in 0..10 {
        let mut random = Random(seed);
        let mut index = Cleared::new();
        let (mut number, mut stored) = (0, BTreeSet::new());
        let mut model: BTreeMap<String, i32> = BTreeMap::new();
        let mut snapshots: Vec<(IndexSnapshot, BTreeMap<String, i32>)> = Vec::new();
        for _ in 0..400 {
            for _ in 0..random.below(4) {
                if random.below(12) == 0 {
                    index.clear();
                    model.clear();
                    continue;
                }
                number += 1;
                let is_removal = random.below(4) == 0;
                let key = format!("{}", random.below(150));
                let slot = if is_removal { -number } else { number };
                index.insert(&[(&key, slot)]);
                stored.insert(slot);
                if is_removal {
                    model.remove(&key)
                } else {
                    model.insert(key, slot)
                };
            }
            index.publish();
            if random.below(3) == 0 {
                index.drain();
            }
            if random.below(8) == 0 {
                snapshots.push((index.reader.snapshot(), model.clone()));
            }
            if random.below(9) == 0 && !snapshots.is_empty() {
                snapshots.remove(usize::try_from(random.below(snapshots.len() as u64)).unwrap());
            }
            let present = (index.reader.snapshot(), model.clone());
            for (snapshot, model) in snapshots.iter().chain([&present]) {
                let live = index.all_at(snapshot).into_iter().filter(|number| *number >= 0);
                assert!(live.eq(model.values().copied()), "seed {seed}");
            }
            assert_eq!(index.reader.live(), model.len() as u64, "seed {seed}");
        }
        drop(snapshots);
        index.publish();
        index.drain_all();
        for forgotten in index.take_forgotten() {
            assert!(stored.remove(&forgotten), "seed {seed}: {forgotten} is forgotten twice");
        }
        assert!(stored.iter().eq(model.values().collect::<BTreeSet<_>>()), "seed {seed}");
    }
}

#[test]
fn the_index_of_a_dropped_keyspace_goes_once_no_snapshot_sees_it() {
    let mut index = Cleared::new();
    let has_index = |index: &Cleared| {
        let is_found = index.indexes.readers().find(KEYSPACE).is_some();
        assert_eq!(index.indexes.get(KEYSPACE).is_some(), is_found);
        is_found
    };
    index.commit(&[("a", 1)]);
    let snapshot = index.reader.snapshot();
    index.clear();
    index.publish();
    index.indexes.retire(KEYSPACE);
    assert!(has_index(&index));
    let reader = index.indexes.readers().reader(KEYSPACE);
    assert_eq!(reader.at(b"a", &snapshot), Some((Sequence(1), Number(1))));
    drop(snapshot);
    index.publish();
    assert!(!has_index(&index));
    // A compaction may bring a move of a key that it had.
    let (version, from, to) = (Sequence(1), Number(1), Number(2));
    let change = Move { key: b"a".to_vec(), version, from, to };
    index.indexes.repoint(vec![(KEYSPACE, change)], |_, is_there| assert!(!is_there));
    index.drain_all();
    assert_eq!(
        (has_index(&index), index.newest("a"), index.take_forgotten()),
        (false, None, vec![1])
    );
    index.commit(&[("b", 3)]);
    index.clear();
    index.publish();
    index.indexes.retire(KEYSPACE);
    assert!(!has_index(&index), "nobody saw what was in it");
}

/// Returns what a snapshot sees of a keyspace that is cleared and drained.
fn seen_across_a_clear() -> Vec<i32> {
    let mut index = Cleared::new();
    index.commit(&[("a", 1), ("b", 2)]);
    let snapshot = index.reader.snapshot();
    index.clear();
    index.publish();
    index.drain_all();
    index.all_at(&snapshot)
}

#[test]
fn a_snapshot_that_loses_what_a_clear_removed_is_noticed() {
    assert_eq!(seen_across_a_clear(), [1, 2]);
    for bug in [Bug::ForgetEarlier, Bug::DrainSeen] {
        let _planted = plant(Some(bug));
        assert!(seen_across_a_clear().is_empty(), "{bug:?}");
    }
}
