//! The `kvs` engine without threads: cut and damaged logs, failing disks, compaction against snapshots.

mod garbage;
mod opening;
mod power;
mod random;
mod sled;
mod switches;

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

use super::kvs::{KvsReader, KvsWriter};
use super::*;
use crate::storage::fs::{FileSystem, RealFileSystem};
use crate::storage::log::Place;
use crate::storage::names::SegmentId;
use crate::storage::recovery::RecoveryReport;
use crate::sync::{Ordering, lock};
use switches::{SwitchedFileSystem, Switches};

type Opened = Result<(KvsWriter, KvsReader, RecoveryReport)>;

fn open(directory: &Path, switches: &Arc<Switches>, segment_bytes_max: u64) -> Opened {
    let file_system = Arc::new(SwitchedFileSystem(Arc::clone(switches)));
    let directory = directory.to_path_buf();
    KvsWriter::open(Place { file_system, directory, store: 7, segment_bytes_max }, 256)
}

fn open_plain(directory: &Path) -> Opened {
    open(directory, &Arc::default(), 1 << 20)
}

fn put(key: &str, value: &str) -> Mutation {
    Mutation::Put { key: key.into(), value: value.into(), expires_at: None }
}

fn remove(key: &str) -> Mutation {
    Mutation::Remove { key: key.into() }
}

fn group(batches: &[&[Mutation]]) -> Group {
    let mut group = Group::default();
    batches.iter().for_each(|batch| group.push(batch.to_vec()));
    group
}

fn commit(writer: &mut KvsWriter, batch: &[Mutation]) {
    writer.commit(group(&[batch]), false).unwrap();
}

fn value(reader: &KvsReader, key: &str) -> Option<String> {
    match reader.get(key.as_bytes(), Access::Blocking).unwrap() {
        Lookup::Found(entry) => Some(String::from_utf8(entry.value).unwrap()),
        Lookup::Absent => None,
        Lookup::Cold => panic!("a blocking read is never cold"),
    }
}

fn at(reader: &KvsReader, key: &[u8], snapshot: &Snapshot) -> Option<Entry> {
    match reader.get_at(key, snapshot, Access::Blocking).unwrap() {
        Lookup::Found(entry) => Some(entry),
        Lookup::Absent => None,
        Lookup::Cold => panic!("a blocking read is never cold"),
    }
}

fn contents(reader: &KvsReader) -> Vec<(String, String)> {
    let range = KeyRange::all();
    let page = ScanPage { range: &range, snapshot: None, limit: 1000, keys_only: false };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let entries = reader.scan(&page).unwrap().entries.into_iter();
    entries.map(|found| (text(found.key), text(found.entry.value))).collect()
}

/// Runs the jobs that are offered until none is.
fn maintain(writer: &mut KvsWriter) -> usize {
    let mut jobs = 0;
    while let Some(mut job) = writer.offer_compaction() {
        jobs += 1;
        finish(writer, &mut *job);
    }
    jobs
}

/// Runs a job to its end.
fn finish(writer: &mut KvsWriter, job: &mut dyn Job) {
    loop {
        match job.step().unwrap() {
            Step::Continue => {}
            Step::Deliver(delivery) => writer.take(delivery).unwrap(),
            Step::Done(delivery) => break writer.take(delivery).unwrap(),
        }
    }
}

fn segments(directory: &Path) -> Vec<std::path::PathBuf> {
    let names = RealFileSystem.list(directory).unwrap();
    let mut paths: Vec<_> = names
        .iter()
        .filter(|name| name.ends_with(".log"))
        .map(|name| directory.join(name))
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_log_cut_at_any_byte_reopens_to_a_prefix() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open_plain(directory.path()).unwrap();
    let batches: [&[Mutation]; 5] = [
        &[put("a", "1")],
        &[put("b", "2"), put("c", "3"), put("a", "4")],
        &[remove("b")],
        &[put("d", "some longer value that spans a few more bytes")],
        &[remove("a"), put("b", "5")],
    ];
    let mut states = vec![vec![]];
    for batch in batches {
        let mut model: std::collections::BTreeMap<_, _> =
            states.last().cloned().unwrap_or_default().into_iter().collect();
        for mutation in batch {
            match mutation.clone() {
                Mutation::Put { key, value, .. } => {
                    model
                        .insert(String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap());
                }
                Mutation::Remove { key } => drop(model.remove(&String::from_utf8(key).unwrap())),
                Mutation::Clear => model.clear(),
            }
        }
        states.push(model.into_iter().collect());
        commit(&mut writer, batch);
    }
    let path = segments(directory.path()).remove(0);
    let whole = std::fs::read(&path).unwrap();
    let mut reached = 0;
    for length in 0..=whole.len() {
        let copy = TempDir::new().unwrap();
        std::fs::write(copy.path().join(path.file_name().unwrap()), &whole[..length]).unwrap();
        let (mut writer, reader, report) = open_plain(copy.path()).unwrap();
        let found = contents(&reader);
        let state = states.iter().rposition(|state| *state == found);
        let state = state.unwrap_or_else(|| panic!("cut at {length}: {found:?} was never there"));
        assert!(state >= reached, "cut at {length} lost what a shorter log had");
        reached = state;
        assert!(!report.is_clean || length <= 72, "{report:?}");
        commit(&mut writer, &[put("after", "x")]);
        writer.close().unwrap();
        drop(writer);
        let (_, reader, report) = open_plain(copy.path()).unwrap();
        assert!(report.is_clean && report.dropped_bytes == 0);
        assert_eq!(value(&reader, "after").unwrap(), "x");
        assert_eq!(contents(&reader).len(), found.len() + 1);
    }
    assert_eq!(reached, batches.len());
}

#[test]
fn damage_before_what_was_synced_is_refused_at_every_byte() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open_plain(directory.path()).unwrap();
    for n in 0..4 {
        writer.commit(group(&[&[put(&format!("key{n}"), "value")]]), true).unwrap();
    }
    writer.close().unwrap();
    let path = segments(directory.path()).remove(0);
    let whole = std::fs::read(&path).unwrap();
    // The close mark itself is the last to say what was durable.
    for at in 0..whole.len() - 32 {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        let error =
            open_plain(directory.path()).err().unwrap_or_else(|| panic!("byte {at} opened"));
        let is_named = error.to_string().contains(path.to_str().unwrap());
        assert!(is_named && matches!(error, Error::Corrupt { .. }), "byte {at}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged, "refusing must not change the file");
    }
}

#[test]
fn a_torn_tail_takes_the_unsynced_segments_behind_it_along() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    writer.commit(group(&[&[put("synced", "1")]]), true).unwrap();
    for n in 0..200 {
        commit(&mut writer, &[put(&format!("key{n:03}"), &"x".repeat(50))]);
    }
    drop(writer);
    let paths = segments(directory.path());
    assert!(paths.len() > 2);
    let mut first = std::fs::read(&paths[0]).unwrap();
    let at = first.windows(6).position(|window| window == b"key005").unwrap();
    first[at] ^= 1;
    std::fs::write(&paths[0], &first).unwrap();
    let bytes = || -> u64 {
        segments(directory.path()).iter().map(|path| std::fs::metadata(path).unwrap().len()).sum()
    };
    let before = bytes();
    let (writer, reader, report) = open_plain(directory.path()).unwrap();
    assert_eq!(report.dropped_bytes, before - bytes());
    assert_eq!(report.truncated_at.unwrap().0, paths[0]);
    assert_eq!(contents(&reader).len(), 6);
    assert_eq!(segments(directory.path()).len(), 1);
    assert_eq!(writer.next_sequence(), 7);
}

#[test]
fn a_group_is_one_sync_and_a_failed_sync_is_an_unknown_outcome() {
    let directory = TempDir::new().unwrap();
    let switches = Arc::new(Switches::default());
    let (mut writer, reader, _) = open(directory.path(), &switches, 1 << 20).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    let before = switches.syncs.load(Ordering::Relaxed);
    writer.commit(group(&[&[put("b", "1")], &[put("c", "1")], &[put("d", "1")]]), true).unwrap();
    assert_eq!(switches.syncs.load(Ordering::Relaxed), before + 1);
    switches.syncs_fail.store(true, Ordering::Relaxed);
    let failed = writer.commit(group(&[&[put("b", "2")]]), true);
    assert!(matches!(failed, Err(Error::UnknownOutcome(_))));
    assert_eq!(value(&reader, "b").unwrap(), "1", "what may be lost must not be read");
}

#[test]
fn a_full_disk_fails_the_group_and_writing_resumes_with_space() {
    let directory = TempDir::new().unwrap();
    let switches = Arc::new(Switches::default());
    let (mut writer, reader, _) = open(directory.path(), &switches, 1 << 20).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    switches.writes_fail.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let failed = writer.commit(group(&[&[put("a", "2")], &[put("b", "2")]]), false);
        assert!(failed.unwrap_err().is_disk_full());
        assert_eq!(contents(&reader), [("a".to_owned(), "1".to_owned())]);
    }
    switches.writes_fail.store(false, Ordering::Relaxed);
    commit(&mut writer, &[put("c", "3")]);
    commit(&mut writer, &[put("d", "4")]);
    let expected = contents(&reader);
    drop(writer);
    let (_, reader, report) = open_plain(directory.path()).unwrap();
    assert_eq!(report.dropped_bytes, 0);
    assert_eq!(contents(&reader), expected);
    assert_eq!(expected.len(), 3);
}

#[test]
fn what_an_undone_group_left_behind_does_not_come_back() {
    let directory = TempDir::new().unwrap();
    let switches = Arc::new(Switches::default());
    let (mut writer, _, _) = open(directory.path(), &switches, 1 << 20).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    let path = segments(directory.path()).remove(0);
    // What the group would have written, as a disk may bring it back that lost the truncation.
    let other = TempDir::new().unwrap();
    std::fs::copy(&path, other.path().join(path.file_name().unwrap())).unwrap();
    let before = std::fs::read(&path).unwrap().len();
    commit(&mut writer, &[put("a", "undone")]);
    let with_leftover = std::fs::read(&path).unwrap();
    drop(writer);
    std::fs::write(&path, &with_leftover[..before]).unwrap();
    let (mut writer, _, _) = open_plain(directory.path()).unwrap();
    commit(&mut writer, &[put("b", "2")]);
    writer.close().unwrap();
    drop(writer);
    std::fs::write(&path, &with_leftover).unwrap();
    let (_, reader, _) = open_plain(directory.path()).unwrap();
    let expected = [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(contents(&reader), expected);
}

#[test]
fn compaction_keeps_what_a_snapshot_sees() {
    let directory = TempDir::new().unwrap();
    let (mut writer, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    for n in 0..100 {
        commit(&mut writer, &[put(&format!("{n}"), "old")]);
    }
    let snapshot = reader.snapshot().unwrap();
    for _ in 0..4 {
        for n in 0..100 {
            commit(&mut writer, &[put(&format!("{n}"), "new")]);
        }
    }
    for n in 0..50 {
        commit(&mut writer, &[remove(&format!("{n}"))]);
    }
    maintain(&mut writer);
    for n in 0..100 {
        let key = format!("{n}").into_bytes();
        assert_eq!(at(&reader, &key, &snapshot).unwrap().value, b"old");
        assert_eq!(value(&reader, &format!("{n}")).is_some(), n >= 50);
    }
    let before = segments(directory.path()).len();
    drop(snapshot);
    commit(&mut writer, &[put("last", "1")]);
    assert!(maintain(&mut writer) > 0);
    assert!(segments(directory.path()).len() < before);
    let expected = contents(&reader);
    assert_eq!(expected.len(), 51);
    drop(writer);
    let (_, reader, _) = open_plain(directory.path()).unwrap();
    assert_eq!(contents(&reader), expected);
}

#[test]
fn a_crash_between_renaming_the_output_and_removing_the_inputs_is_repaired() {
    let directory = TempDir::new().unwrap();
    let (mut writer, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    for round in 0..10 {
        for n in 0..40 {
            commit(&mut writer, &[put(&format!("{n}"), &format!("{round}"))]);
        }
    }
    for n in 0..20 {
        commit(&mut writer, &[remove(&format!("{n}"))]);
    }
    let expected = contents(&reader);
    let copy = TempDir::new().unwrap();
    for path in segments(directory.path()) {
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    assert!(maintain(&mut writer) > 0);
    drop(writer);
    for path in segments(directory.path()) {
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let (_, reader, _) = open_plain(copy.path()).unwrap();
    assert_eq!(contents(&reader), expected);
    let names = |path| segments(path).iter().map(|p| p.file_name().unwrap().to_owned()).collect();
    let (left, right): (Vec<_>, Vec<_>) = (names(copy.path()), names(directory.path()));
    assert_eq!(left, right);
}

#[test]
fn clearing_survives_reopening_and_compaction() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    for n in 0..200 {
        commit(&mut writer, &[put(&format!("{n}"), "old")]);
    }
    commit(&mut writer, &[Mutation::Clear]);
    commit(&mut writer, &[put("7", "new")]);
    drop(writer);
    for _ in 0..2 {
        let (mut writer, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
        assert_eq!(contents(&reader), [("7".to_owned(), "new".to_owned())]);
        assert_eq!(reader.count(), 1);
        // Enough garbage that compaction looks again.
        for _ in 0..20 {
            commit(&mut writer, &[put("7", "new")]);
        }
        maintain(&mut writer);
        assert_eq!(contents(&reader), [("7".to_owned(), "new".to_owned())]);
    }
    let bytes: u64 =
        segments(directory.path()).iter().map(|p| std::fs::metadata(p).unwrap().len()).sum();
    assert!(bytes < 8192, "{bytes} bytes are left");
}

#[test]
fn segment_ids_and_sequence_numbers_are_never_used_twice() {
    let directory = TempDir::new().unwrap();
    let mut newest = SegmentId(0);
    let mut next = 1;
    for _ in 0..5 {
        let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
        assert!(writer.next_sequence() >= next);
        for _ in 0..100 {
            commit(&mut writer, &[put("k", &"v".repeat(80))]);
        }
        commit(&mut writer, &[remove("k")]);
        maintain(&mut writer);
        next = writer.next_sequence();
        writer.close().unwrap();
        let last = segments(directory.path()).pop().unwrap();
        let id = SegmentId(last.file_stem().unwrap().to_str().unwrap().parse().unwrap());
        assert!(id > newest);
        newest = id;
    }
}

#[test]
fn a_segment_in_which_writing_goes_on_is_not_compacted() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    while segments(directory.path()).len() < 3 {
        commit(&mut writer, &[put("k", "overwritten")]);
    }
    writer.close().unwrap();
    drop(writer);
    // The last segment holds little more than its header, which is no live data either.
    let (mut writer, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    let mut job = writer.offer_compaction().expect("the full segments are garbage");
    commit(&mut writer, &[put("during", "x")]);
    loop {
        match job.step().unwrap() {
            Step::Continue => {}
            Step::Deliver(delivery) => writer.take(delivery).unwrap(),
            Step::Done(delivery) => break writer.take(delivery).unwrap(),
        }
        commit(&mut writer, &[put("during", "y")]);
    }
    let expected = contents(&reader);
    assert_eq!(expected.len(), 2);
    drop(writer);
    let (_, reader, _) = open_plain(directory.path()).unwrap();
    assert_eq!(contents(&reader), expected);
}
