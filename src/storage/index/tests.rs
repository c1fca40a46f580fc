//! Versions, snapshots and ranges, without an engine.

mod generations;
mod model;
#[path = "../../../tests/common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;

use std::ops::Bound;

use super::*;
use crate::bugs::{Bug, plant};
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::key_range::KeyInterval;
use crate::storage::key_range::KeyRange;

/// A number; negative ones are tombstones.
#[derive(Debug, Clone, PartialEq)]
struct Number(i32);

impl Slot for Number {
    type Cell = PointerCell<Self>;

    fn is_tombstone(&self) -> bool {
        self.0 < 0
    }
    fn expires_at(&self) -> Option<UnixMillis> {
        u64::try_from(self.0).ok().filter(|time| *time >= 100).map(UnixMillis)
    }
}

fn change(key: &str, version: u64, number: i32) -> KeyVersion<Number> {
    KeyVersion { key: key.as_bytes().to_vec(), version: Sequence(version), slot: Number(number) }
}

fn commit(index: &mut IndexWriter<Number>, version: u64, changes: &[(&str, i32)]) -> Vec<i32> {
    index.insert(
        changes.iter().map(|(key, number)| change(key, version, *number)).collect(),
        |_| {},
    );
    index.publish(Sequence(version));
    let mut dropped = Vec::new();
    index.prune(|slot, _| dropped.push(slot.0));
    dropped
}

/// Returns up to `limit` keys of the range, tombstones included.
fn scanned(
    reader: &IndexReader<Number>,
    range: &KeyRange,
    snapshot: &IndexSnapshot,
    limit: usize,
) -> Vec<KeyVersion<Number>> {
    let (mut scan, mut batch) = (IndexScan::new(reader, range, snapshot), ScanBatch::new());
    let mut found = Vec::new();
    while scan.next(&mut batch, limit - found.len()) {
        found.extend((0..batch.len()).map(|position| {
            let (version, slot) = batch.version(position);
            KeyVersion { key: batch.key(position).to_vec(), version, slot: slot.clone() }
        }));
    }
    found
}

fn page(reader: &IndexReader<Number>, range: &KeyRange, snapshot: &IndexSnapshot) -> Vec<i32> {
    scanned(reader, range, snapshot, 10).into_iter().map(|found| found.slot.0).collect()
}

#[test]
fn nothing_of_a_commit_is_seen_before_it_is_published() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    index.insert(vec![change("a", 1, 1)], |_| {});
    assert_eq!(reader.newest(b"a"), None);
    index.publish(Sequence(1));
    assert_eq!(reader.newest(b"a"), Some((Sequence(1), Number(1))));
    index.insert(vec![change("a", 2, 2)], |_| {});
    assert_eq!(reader.newest(b"a"), Some((Sequence(1), Number(1))));
}

#[test]
fn a_snapshot_keeps_what_it_sees_until_it_is_dropped() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    commit(&mut index, 1, &[("a", 1), ("b", 1)]);
    let snapshot = reader.snapshot();
    assert!(commit(&mut index, 2, &[("a", 2)]).is_empty());
    assert_eq!(commit(&mut index, 3, &[("a", 3), ("b", -1), ("c", 3)]), [2], "no snapshot sees it");
    assert_eq!(page(&reader, &KeyRange::all(), &snapshot), [1, 1]);
    assert_eq!(reader.at(b"b", &snapshot), Some((Sequence(1), Number(1))));
    assert_eq!(page(&reader, &KeyRange::all(), &reader.snapshot()), [3, -1, 3]);
    drop(snapshot);
    let mut dropped = commit(&mut index, 4, &[]);
    dropped.sort_unstable();
    assert_eq!(dropped, [-1, 1, 1]);
    assert_eq!(reader.versions(b"b", &reader.horizon()), []);
}

#[test]
fn the_bytes_are_those_of_the_leaves_and_of_the_deadlines_whatever_was_done() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    let mut random = random::Random(3);
    let mut version = 0;
    for round in 0..3 {
        for _ in 0..20_000 {
            version += 1;
            let number = i32::try_from(random.below(60)).unwrap() - 10;
            let number = if round == 1 { -1 } else { number };
            commit(&mut index, version, &[(&format!("key:{}", random.below(3000)), number)]);
        }
        let walked = reader.usage(&mut |_| {}).bytes;
        // The nodes above the leaves, and a leaf that is empty.
        let above = walked.checked_sub(index.bytes()).expect("no more than there is");
        assert!(above <= walked / 20 + 2048, "{above} of {walked} are not counted");
    }
    let before = index.bytes();
    commit(&mut index, version + 1, &[("expires", 1_000)]);
    assert!(index.bytes() >= before + 56 + 7);
    for number in 0..3000 {
        commit(&mut index, version + 2 + number, &[(&format!("key:{number}"), -1)]);
    }
    commit(&mut index, version + 3002, &[("expires", -1)]);
    assert_eq!((index.bytes(), index.live()), (0, 0));
}

#[test]
fn ranges_go_both_ways_and_resume_after_a_key() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    let keys = ["a", "ab", "b", "c", "d"];
    let changes: Vec<_> = keys.iter().zip(0..).map(|(key, number)| (*key, number)).collect();
    commit(&mut index, 1, &changes);
    let snapshot = reader.snapshot();
    let bound = |key: &str| Bound::Included(key.as_bytes().to_vec());
    let mut range = KeyRange { start: bound("ab"), end: bound("c"), reverse: false };
    assert_eq!(page(&reader, &range, &snapshot), [1, 2, 3]);
    assert_eq!(page(&reader, &range.after(b"ab"), &snapshot), [2, 3]);
    range.reverse = true;
    assert_eq!(page(&reader, &range, &snapshot), [3, 2, 1]);
    assert_eq!(page(&reader, &range.after(b"b"), &snapshot), [1]);
    let backwards = KeyRange { start: bound("d"), end: bound("a"), reverse: false };
    assert!(page(&reader, &backwards, &snapshot).is_empty());
}

#[test]
fn keys_and_deadlines_are_counted() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    commit(&mut index, 1, &[("a", 1), ("b", 150), ("c", 120)]);
    assert_eq!((reader.live(), reader.expiring()), (3, 2));
    assert_eq!(index.due(UnixMillis(119), 10), Vec::<Vec<u8>>::new());
    assert_eq!(index.due(UnixMillis(150), 10), [b"c", b"b"]);
    commit(&mut index, 2, &[("a", 200), ("b", -1), ("c", 1)]);
    assert_eq!((reader.live(), reader.expiring()), (2, 1));
    assert_eq!(index.due(UnixMillis(200), 10), [b"a"]);
    index.remove_range(KeyInterval::ALL, Sequence(3), &Number(-1), |_| {});
    index.publish(Sequence(3));
    assert_eq!((reader.live(), reader.expiring()), (0, 0));
}

#[test]
fn restoring_in_any_order_ends_the_same() {
    let versions = [(1, 10), (2, -1), (3, 30), (4, 40)];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
    for order in orders {
        let mut index = IndexWriter::new();
        let mut dropped = Vec::new();
        for position in order {
            let (version, number) = versions[position];
            index.restore(vec![change("k", version, number)], |slot| dropped.push(slot.0));
        }
        index.publish(Sequence(4));
        index.prune(|slot, _| dropped.push(slot.0));
        dropped.sort_unstable();
        assert_eq!(dropped, [-1, 10, 30]);
        let reader = index.reader();
        assert_eq!(reader.versions(b"k", &reader.horizon()), [(Sequence(4), Number(40))]);
        assert_eq!(index.reader().live(), 1);
    }
}

fn repoint(index: &mut IndexWriter<Number>, key: &str, version: u64, from: i32, to: i32) -> bool {
    let (from, to) = (Number(from), Number(to));
    let mut result = None;
    index.repoint(
        vec![Move { key: key.into(), version: Sequence(version), from, to }],
        |_, moved| {
            result = Some(moved);
        },
    );
    result.unwrap()
}

#[test]
fn only_versions_still_at_their_old_location_are_repointed() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    commit(&mut index, 1, &[("a", 1)]);
    assert!(!repoint(&mut index, "a", 1, 2, 9));
    assert!(repoint(&mut index, "a", 1, 1, 9));
    assert!(!repoint(&mut index, "b", 1, 1, 9));
    assert_eq!(reader.newest(b"a"), Some((Sequence(1), Number(9))));
    commit(&mut index, 2, &[("a", 2)]);
    assert!(!repoint(&mut index, "a", 1, 9, 8), "the version is gone");
    let snapshot = reader.snapshot();
    commit(&mut index, 3, &[("a", 3)]);
    assert!(repoint(&mut index, "a", 2, 2, 7), "a snapshot sees it");
    assert_eq!(reader.at(b"a", &snapshot), Some((Sequence(2), Number(7))));
    assert_eq!(reader.newest(b"a"), Some((Sequence(3), Number(3))));
}

#[test]
fn only_versions_that_a_snapshot_sees_are_kept_beside_the_newest() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    let mut snapshots = Vec::new();
    for version in 1..=1000 {
        let number = i32::try_from(version).unwrap() % 90;
        commit(&mut index, version, &[("a", number), ("b", number)]);
        if version % 300 == 0 {
            snapshots.push(reader.snapshot());
        }
    }
    let kept = |reader: &IndexReader<Number>| {
        let versions = reader.versions(b"a", &reader.horizon());
        versions.into_iter().map(|(version, _)| version.0).collect::<Vec<_>>()
    };
    assert_eq!(kept(&reader), [1000, 900, 600, 300]);
    snapshots.remove(1);
    let dropped = commit(&mut index, 1001, &[("c", 1)]);
    assert_eq!(dropped, [600 % 90; 2]);
    assert_eq!(kept(&reader), [1000, 900, 300]);
    drop(snapshots);
    assert_eq!(commit(&mut index, 1002, &[]).len(), 4);
    assert_eq!(kept(&reader), [1000]);
}

#[test]
fn a_tombstone_stays_while_a_snapshot_sees_what_it_removed() {
    let mut index = IndexWriter::new();
    let reader = index.reader();
    commit(&mut index, 1, &[("a", 1)]);
    let snapshot = reader.snapshot();
    assert!(commit(&mut index, 2, &[("a", -1)]).is_empty());
    assert_eq!(reader.newest(b"a"), Some((Sequence(2), Number(-1))));
    assert_eq!(reader.at(b"a", &snapshot), Some((Sequence(1), Number(1))));
    drop(snapshot);
    let mut dropped = commit(&mut index, 3, &[]);
    dropped.sort_unstable();
    assert_eq!(dropped, [-1, 1]);
    assert_eq!(reader.newest(b"a"), None);
}

/// Commits a version of the same key to two keyspaces; `before_publish` runs before it is visible.
fn commit_to_both<T>(
    indexes: &mut KeyspaceIndexes<Number>,
    number: i32,
    before_publish: impl FnOnce() -> T,
) -> T {
    let version = u64::try_from(number).unwrap();
    let changes = BOTH.map(|keyspace| (keyspace, vec![change("a", version, number)]));
    indexes.insert(changes.into_iter(), |_| {});
    let made = before_publish();
    indexes.publish(Sequence(version));
    indexes.prune(|_, _| {});
    made
}

const BOTH: [KeyspaceId; 2] = [KeyspaceId::DEFAULT, KeyspaceId::CATALOGUE];

/// Returns what a snapshot sees in both keyspaces that registered while a group replaced versions.
fn seen_by_a_snapshot_made_meanwhile() -> [Option<(Sequence, Number)>; 2] {
    let mut indexes = KeyspaceIndexes::new();
    let readers = BOTH.map(|keyspace| indexes.readers().reader(keyspace));
    commit_to_both(&mut indexes, 1, || ());
    let snapshot = commit_to_both(&mut indexes, 2, || readers[0].snapshot());
    // The undo log of a group lasts until the next one.
    commit_to_both(&mut indexes, 3, || ());
    readers.each_ref().map(|reader| reader.at(b"a", &snapshot))
}

#[test]
fn a_snapshot_made_while_a_group_is_put_in_keeps_the_old_versions_of_every_keyspace() {
    let old = Some((Sequence(1), Number(1)));
    assert_eq!(seen_by_a_snapshot_made_meanwhile(), [old.clone(), old.clone()]);
    let _planted = plant(Some(Bug::RetainOneKeyspace));
    assert_ne!(seen_by_a_snapshot_made_meanwhile(), [old.clone(), old]);
}

#[test]
fn keys_at_random_are_as_likely_in_sparse_leaves_as_in_full_ones() {
    const KEYS: usize = 10_000;
    let mut index = IndexWriter::new();
    let reader = index.reader();
    let names: Vec<_> = (0..KEYS).map(|number| format!("{number:05}")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    commit(&mut index, 1, &all);
    // Of the lower half one in ten is left, and nobody sees the others.
    let removed: Vec<_> = (0..KEYS / 2).filter(|number| number % 10 > 0).collect();
    let tombstones: Vec<_> = removed.iter().map(|number| (names[*number].as_str(), -1)).collect();
    commit(&mut index, 2, &tombstones);
    commit(&mut index, 3, &[]);
    let mut random = random::Random(1);
    let (mut low, mut high) = (0_u32, 0_u32);
    for _ in 0..50_000 {
        let Some(key) = reader.random_key(&mut || random.next()) else { continue };
        if reader.newest(&key).is_some_and(|(_, slot)| !slot.is_tombstone()) {
            let is_low = key.as_slice() < names[KEYS / 2].as_bytes();
            *if is_low { &mut low } else { &mut high } += 1;
        }
    }
    // One of eleven is in the lower half.
    assert!(low + high > 10_000, "{low} and {high}");
    let expected = f64::from(low + high) / 11.0;
    assert!((f64::from(low) - expected).abs() < expected / 5.0, "{low} of {}", low + high);
}
