//! Random commits and snapshots on a tree of several levels, against every version there ever was.

use std::collections::BTreeMap;

use super::random::Random;
use super::*;
use crate::form::by_form;
use crate::storage::format::sequence::Sequence;
use crate::storage::key_range::KeyInterval;

#[derive(Default)]
struct Model(BTreeMap<Vec<u8>, Vec<(u64, i32)>>);

impl Model {
    fn insert(&mut self, key: &str, version: u64, number: i32) {
        let versions = self.0.entry(key.into()).or_default();
        versions.retain(|(other, _)| *other != version);
        versions.push((version, number));
    }

    fn remove_all(&mut self, version: u64) {
        self.0.values_mut().for_each(|versions| versions.push((version, -1)));
    }

    /// Returns the keys that are there at this sequence number, in order.
    fn at(&self, sequence: u64) -> Vec<(Vec<u8>, u64, i32)> {
        let at = |(key, versions): (&Vec<u8>, &Vec<(u64, i32)>)| {
            let (version, number) = versions.iter().rev().find(|(v, _)| *v <= sequence)?;
            (*number >= 0).then(|| (key.clone(), *version, *number))
        };
        self.0.iter().filter_map(at).collect()
    }
}

fn scan(
    reader: &IndexReader<Number>,
    snapshot: &IndexSnapshot,
    reverse: bool,
) -> Vec<(Vec<u8>, u64, i32)> {
    let mut range = KeyRange { reverse, ..KeyRange::all() };
    let mut found = Vec::new();
    loop {
        let page = scanned(reader, &range, snapshot, 100);
        let Some(last) = page.last() else { break };
        range = range.after(&last.key);
        let live = page.into_iter().filter(|found| !found.slot.is_tombstone());
        found.extend(live.map(|found| (found.key, found.version.0, found.slot.0)));
    }
    if reverse {
        found.reverse();
    }
    found
}

fn check(reader: &IndexReader<Number>, snapshot: &IndexSnapshot, model: &Model) {
    let expected = model.at(snapshot.sequence.0);
    for (key, version, number) in &expected {
        assert_eq!(reader.at(key, snapshot), Some((Sequence(*version), Number(*number))));
    }
    assert_eq!(scan(reader, snapshot, false), expected);
    assert_eq!(scan(reader, snapshot, true), expected);
}

#[test]
fn a_large_tree_agrees_with_a_model() {
    let mut random = Random(7);
    let mut index = IndexWriter::new();
    let reader = index.reader();
    let mut model = Model::default();
    let mut snapshots: Vec<IndexSnapshot> = Vec::new();
    for version in 1..=6000_u64 {
        // Grows to some thousand keys, shrinks to none, and grows again.
        let removes = if (2500..4500).contains(&version) { 9 } else { 1 };
        let mut changes = Vec::new();
        for _ in 0..=random.below(8) {
            let rest = random.below(4000);
            let key = match random.below(3) {
                0 => format!("{rest}"),
                1 => format!("a rather long prefix:{rest:08}"),
                _ => "x".repeat(usize::try_from(rest % 90).unwrap()),
            };
            let number =
                if random.below(10) < removes { -1 } else { (rest % 90).try_into().unwrap() };
            model.insert(&key, version, number);
            changes.push(change(&key, version, number));
        }
        index.insert(changes, |_| {});
        index.publish(Sequence(version));
        index.prune(|_, _| {});
        if version == 4400 {
            index.remove_range(KeyInterval::ALL, Sequence(version + 1), &Number(-1), |_| {});
            model.remove_all(version + 1);
        }
        if random.below(50) == 0 {
            snapshots.push(reader.snapshot());
        }
        if random.below(60) == 0 && !snapshots.is_empty() {
            let position = random.below(snapshots.len() as u64);
            snapshots.swap_remove(usize::try_from(position).unwrap());
        }
        if version % by_form([1000, 250, 250]) == 0 {
            for snapshot in snapshots.iter().chain([&reader.snapshot()]) {
                check(&reader, snapshot, &model);
            }
            assert_eq!(reader.live(), model.at(version + 1).len() as u64);
        }
    }
}
