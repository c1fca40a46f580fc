//! The `kvs` engine without threads: cut and damaged logs, failing disks.

mod background;
mod backup;
mod compaction;
mod fixtures;
mod forged;
mod garbage;
mod hints;
mod keyspaces;
mod opening;
mod power;
mod preallocation;
mod removed;
mod repair;
mod rewriting;
#[cfg(feature = "sled")]
mod sled;

use std::collections::BTreeMap;

use super::kvs::{KvsReader, KvsWriter};
use super::*;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::simulated::{Call, Failure, Fate, Fault, Fill, SimulatedDisk, State};
use crate::storage::recovery::RecoveryReport;
use crate::sync::Arc;
use crate::{Error, Options, Result};

type Opened = Result<(KvsWriter, KvsReader, RecoveryReport)>;

/// From now on a write takes a part of its bytes and fails.
const SHORT_WRITES: Fault = Fault { call: 0, failure: Failure::Short, forever: true };

fn environment(disk: &SimulatedDisk, segment_bytes_max: u64) -> LogEnvironment {
    LogEnvironment::simulated(disk, StoreId(7), segment_bytes_max)
}

fn open(disk: &SimulatedDisk, segment_bytes_max: u64) -> Opened {
    KvsWriter::open(environment(disk, segment_bytes_max), 256, 0)
}

fn open_plain(disk: &SimulatedDisk) -> Opened {
    open(disk, 1 << 20)
}

fn put(key: &str, value: &str) -> Mutation {
    Mutation::put(key.into(), value.into(), None)
}

fn remove(key: &str) -> Mutation {
    Mutation::remove(key.into())
}

fn group(batches: &[&[Mutation]]) -> Group {
    let mut group = Group::default();
    batches.iter().for_each(|batch| group.push(batch.to_vec()));
    group
}

fn commit(writer: &mut KvsWriter, batch: &[Mutation]) {
    writer.commit(&mut group(&[batch]), false).unwrap();
}

fn value(reader: &KvsReader, key: &str) -> Option<String> {
    let entry = reader.get(key.as_bytes()).unwrap();
    entry.map(|entry| String::from_utf8(entry.value).unwrap())
}

fn at(reader: &KvsReader, key: &[u8], snapshot: &EngineSnapshot) -> Option<Entry> {
    reader.get_at(key, snapshot).unwrap()
}

fn contents(reader: &KvsReader) -> Vec<(String, String)> {
    let range = KeyRange::all();
    let page = ScanPage { range: &range, snapshot: None, limit: 1000, keys_only: false };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let entries = Page::of(reader, &page).unwrap().entries.into_iter();
    entries.map(|found| (text(found.key), text(found.entry.value))).collect()
}

/// Takes apart what clears removed.
fn drain(writer: &mut KvsWriter) {
    while writer.is_draining() {
        writer.drain();
    }
}

/// Runs the jobs that are offered until none is.
fn maintain(writer: &mut KvsWriter) -> usize {
    let mut jobs = 0;
    loop {
        drain(writer);
        match writer.offer_compaction() {
            Some(mut job) => finish(writer, &mut *job),
            // A snapshot went, and nobody sees any more what a clear removed.
            None if writer.is_draining() => continue,
            None => return jobs,
        }
        jobs += 1;
    }
}

/// Runs a job to its end.
fn finish(writer: &mut KvsWriter, job: &mut dyn BackgroundJob) {
    loop {
        match job.step().unwrap() {
            JobStep::Continue => {}
            JobStep::Deliver(delivery) => writer.take_delivery(delivery),
            JobStep::Done(delivery) => break writer.take_delivery(delivery),
        }
    }
}

/// Lets time pass, so that a disk which has space again is found out.
fn recover_space(writer: &mut KvsWriter) {
    writer.tick().unwrap();
    while let Some(mut job) = writer.offer_preparation() {
        finish(writer, &mut *job);
    }
}

/// Returns the names of the segments, oldest first.
fn segments(disk: &SimulatedDisk) -> Vec<String> {
    let state = disk.state();
    let names = state.files().map(|(name, _)| name.to_owned());
    names.filter(|name| name.ends_with(".log")).collect()
}

fn bytes(disk: &SimulatedDisk, name: &str) -> Vec<u8> {
    let state = disk.state();
    let found = state.files().find(|(other, _)| *other == name);
    found.map(|(_, bytes)| bytes.to_vec()).unwrap()
}

fn overwrite(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
    disk.damage(name, |contents| *contents = bytes.to_vec());
}

/// Returns the bytes of all segments.
fn total_bytes(disk: &SimulatedDisk) -> usize {
    segments(disk).iter().map(|name| bytes(disk, name).len()).sum()
}

/// Returns the disk after a power loss that only synced bytes survive.
fn power_loss(disk: &SimulatedDisk) -> SimulatedDisk {
    SimulatedDisk::new(disk.state().image(Fate::Hostile(&|_| false), Fill::Nothing))
}

#[test]
fn a_log_cut_at_any_byte_reopens_to_a_prefix() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
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
            let text = |bytes| String::from_utf8(bytes).unwrap();
            match mutation.clone().kind {
                MutationKind::Put { key, value, .. } => {
                    drop(model.insert(text(key), text(value)));
                }
                MutationKind::Remove { key } => drop(model.remove(&text(key))),
                MutationKind::RemoveRange { .. } => model.clear(),
            }
        }
        states.push(model.into_iter().collect());
        commit(&mut writer, batch);
    }
    let name = segments(&disk).remove(0);
    let whole = bytes(&disk, &name);
    let mut reached = 0;
    for length in 0..=whole.len() {
        let files = [(name.clone(), whole[..length].to_vec())];
        let copy = SimulatedDisk::new(State::with_files(files));
        let (mut writer, reader, report) = open_plain(&copy).unwrap();
        let found = contents(&reader);
        let state = states.iter().rposition(|state| *state == found);
        let state = state.unwrap_or_else(|| panic!("cut at {length}: {found:?} was never there"));
        assert!(state >= reached, "cut at {length} lost what a shorter log had");
        reached = state;
        assert!(!report.is_clean || length <= 72, "{report:?}");
        commit(&mut writer, &[put("after", "x")]);
        writer.close().unwrap();
        drop(writer);
        let (_, reader, report) = open_plain(&copy).unwrap();
        assert!(report.is_clean && report.dropped_bytes == 0);
        assert_eq!(value(&reader, "after").unwrap(), "x");
        assert_eq!(contents(&reader).len(), found.len() + 1);
    }
    assert_eq!(reached, batches.len());
}

#[test]
fn damage_before_what_was_synced_is_refused_at_every_byte() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    for n in 0..4 {
        writer.commit(&mut group(&[&[put(&format!("key{n}"), "value")]]), true).unwrap();
    }
    writer.close().unwrap();
    let name = segments(&disk).remove(0);
    let whole = bytes(&disk, &name);
    // The close mark itself is the last to say what was durable.
    for at in 0..whole.len() - 32 {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        overwrite(&disk, &name, &damaged);
        let error = open_plain(&disk).err().unwrap_or_else(|| panic!("byte {at} opened"));
        let is_named = error.to_string().contains(&name);
        assert!(is_named && matches!(error, Error::Corrupt { .. }), "byte {at}: {error}");
        assert_eq!(bytes(&disk, &name), damaged, "refusing must not change the file");
    }
}

#[test]
fn a_clean_close_vouches_for_what_was_there_when_the_store_was_opened() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    drop(writer);
    // Nothing is written between the kill and the close.
    let (mut writer, _, report) = open_plain(&disk).unwrap();
    assert!(!report.is_clean);
    writer.close().unwrap();
    drop(writer);
    let (_, _, report) = open_plain(&disk).unwrap();
    assert!(report.is_clean);
    let name = segments(&disk).remove(0);
    let mut damaged = bytes(&disk, &name);
    damaged[72 + 40] ^= 1;
    overwrite(&disk, &name, &damaged);
    assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })));
}

#[test]
fn a_clean_close_is_marked_behind_a_segment_that_was_sealed_since_the_open() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &vec![put("hot", &"x".repeat(100)); 20]);
    writer.close().unwrap();
    drop(writer);
    let (mut writer, _, report) = open_plain(&disk).unwrap();
    assert!(report.is_clean);
    let job = writer.offer_compaction().expect("most of it is garbage");
    drop(job);
    writer.close().unwrap();
    drop(writer);
    let (_, _, report) = open_plain(&disk).unwrap();
    assert!(report.is_clean);
}

#[test]
fn a_torn_tail_takes_the_unsynced_segments_behind_it_along() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    writer.commit(&mut group(&[&[put("synced", "1")]]), true).unwrap();
    for n in 0..200 {
        commit(&mut writer, &[put(&format!("key{n:03}"), &"x".repeat(50))]);
    }
    drop(writer);
    let names = segments(&disk);
    assert!(names.len() > 2);
    let mut first = bytes(&disk, &names[0]);
    let at = first.windows(6).position(|window| window == b"key005").unwrap();
    first[at] ^= 1;
    overwrite(&disk, &names[0], &first);
    let before = total_bytes(&disk);
    let (writer, reader, report) = open_plain(&disk).unwrap();
    assert_eq!(report.dropped_bytes, (before - total_bytes(&disk)) as u64);
    assert!(report.truncated_at.unwrap().0.ends_with(&names[0]));
    assert_eq!(contents(&reader).len(), 6);
    assert_eq!(segments(&disk).len(), 1);
    assert_eq!(segments(&power_loss(&disk)).len(), 1, "what was removed would come back");
    assert_eq!(writer.next_sequence(), Sequence(7));
}

#[test]
fn a_group_is_one_sync_and_a_failed_sync_is_an_unknown_outcome() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 1 << 20).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    disk.record();
    writer
        .commit(&mut group(&[&[put("b", "1")], &[put("c", "1")], &[put("d", "1")]]), true)
        .unwrap();
    assert_eq!(disk.moments().len(), 3, "before the write, before the sync, and behind it");
    let second_call = Fault { call: 1, failure: Failure::Input, forever: false };
    disk.fail(second_call, 0);
    let failed = writer.commit(&mut group(&[&[put("b", "2")]]), true);
    assert!(matches!(failed, Err(Error::UnknownOutcome(_))));
    assert_eq!(disk.failed()[0].0, Call::Sync);
    assert_eq!(value(&reader, "b").unwrap(), "1", "what may be lost must not be read");
}

#[test]
fn a_full_disk_fails_the_group_and_writing_resumes_with_space() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 1 << 20).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    disk.fail(SHORT_WRITES, 0);
    for _ in 0..3 {
        let failed = writer.commit(&mut group(&[&[put("a", "2")], &[put("b", "2")]]), false);
        assert!(failed.unwrap_err().is_disk_full());
        assert_eq!(contents(&reader), [("a".to_owned(), "1".to_owned())]);
    }
    disk.heal();
    recover_space(&mut writer);
    commit(&mut writer, &[put("c", "3")]);
    commit(&mut writer, &[put("d", "4")]);
    let expected = contents(&reader);
    drop(writer);
    let (_, reader, report) = open_plain(&disk).unwrap();
    assert_eq!(report.dropped_bytes, 0);
    assert_eq!(contents(&reader), expected);
    assert_eq!(expected.len(), 3);
}

#[test]
fn a_segment_that_cannot_be_begun_leaves_one_file_and_uses_one_id() {
    for failure in [Failure::Input, Failure::Full, Failure::Short, Failure::Interrupted] {
        let disk = SimulatedDisk::new(State::default());
        let (mut writer, _, _) = open(&disk, 1 << 20).unwrap();
        for attempt in 0..100 {
            // Making the file is what succeeds, the first time.
            let fault = Fault { call: u64::from(attempt == 0), failure, forever: true };
            disk.fail(fault, 0);
            let refused = writer.commit(&mut group(&[&[put("a", "1")]]), true);
            assert!(matches!(refused, Err(Error::Io { .. })), "{failure:?}: {refused:?}");
            assert!(disk.state().files().count() <= 1);
            disk.heal();
            recover_space(&mut writer);
        }
        let killed = SimulatedDisk::new(disk.state());
        let (_, reader, _) = open_plain(&killed).unwrap();
        assert_eq!(value(&reader, "a"), None);
        commit(&mut writer, &[put("b", "2")]);
        assert_eq!(segments(&disk), ["00000000000000000001.log"], "{failure:?}");
        drop(writer);
        let (_, reader, _) = open_plain(&disk).unwrap();
        assert_eq!(value(&reader, "b"), Some("2".to_owned()));
    }
}

#[test]
fn bytes_left_by_an_undone_group_do_not_come_back() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 1 << 20).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    let name = segments(&disk).remove(0);
    // What the group would have written, as a disk may bring it back that lost the truncation.
    let before = bytes(&disk, &name).len();
    commit(&mut writer, &[put("a", "undone")]);
    let with_leftover = bytes(&disk, &name);
    drop(writer);
    overwrite(&disk, &name, &with_leftover[..before]);
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &[put("b", "2")]);
    writer.close().unwrap();
    drop(writer);
    overwrite(&disk, &name, &with_leftover);
    let (_, reader, _) = open_plain(&disk).unwrap();
    let expected = [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(contents(&reader), expected);
}
