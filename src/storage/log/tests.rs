//! Tests of what the log notes about its writes, and of what a clean close leaves.

use std::collections::VecDeque;

use super::log_writer::BUFFER_BYTES_KEPT;
use super::standby::Standby;
use super::{LogEnd, LogWriter, clean_shutdown_file};
use crate::storage::compaction::accounting::Accounting;
use crate::storage::compaction::{CompactionState, Replacement};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::SegmentSet;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::storage::log::group::{Group, Mutation};
use crate::storage::segment::SegmentTable;
use crate::sync::Arc;

fn log(disk: &SimulatedDisk) -> LogWriter {
    let environment = LogEnvironment::simulated(disk, StoreId(7), 4096);
    let end = LogEnd {
        active: None,
        unsealed: VecDeque::new(),
        last_written: SegmentId(0),
        next_segment: SegmentId(1),
        next_sequence: Sequence(1),
        clean_shutdown: None,
    };
    LogWriter::new(environment, end, Arc::new(SegmentTable::new(Vec::new())))
}

fn group(batches: usize, value_bytes: usize) -> Group {
    let mut group = Group::default();
    for _ in 0..batches {
        let (key, value) = (b"key".to_vec(), vec![b'v'; value_bytes]);
        group.push([Mutation::put(key, value, None)]);
    }
    group
}

fn length(log: &LogWriter, id: u64) -> u64 {
    log.table.with(SegmentId(id), |segment| segment.file.length().unwrap()).unwrap()
}

#[test]
fn the_oldest_and_the_newest_batch_of_a_segment_are_noted() {
    let disk = SimulatedDisk::new(State::default());
    let (mut log, mut accounting) = (log(&disk), Accounting::default());
    for (batches, newest) in [(1, 1), (3, 4), (2, 6)] {
        log.append(&group(batches, 100), &mut accounting, |_, _| {}).unwrap();
        let usage = accounting.get(SegmentId(1)).unwrap();
        assert_eq!([usage.oldest, usage.newest], [1, newest].map(Sequence));
        assert_eq!(usage.bytes, length(&log, 1));
        assert_eq!(log.next_sequence(), Sequence(newest + 1));
    }
}

#[test]
fn a_seal_counts_among_the_bytes_of_its_segment_and_has_no_room_behind_it() {
    let disk = SimulatedDisk::new(State::default());
    let (mut log, mut accounting) = (log(&disk), Accounting::default());
    log.environment.preallocate_bytes = Some(1000);
    log.append(&group(1, 100), &mut accounting, |_, _| {}).unwrap();
    assert_eq!(length(&log, 1), 1000);
    let before = accounting.get(SegmentId(1)).unwrap().bytes;
    assert!(!accounting.get(SegmentId(1)).unwrap().sealed);
    log.seal(&mut accounting).unwrap();
    let usage = accounting.get(SegmentId(1)).unwrap();
    assert!(usage.sealed && usage.bytes > before);
    assert_eq!(usage.bytes, length(&log, 1));
}

#[test]
fn a_buffer_that_one_group_made_large_is_given_back() {
    let disk = SimulatedDisk::new(State::default());
    let (mut log, mut accounting) = (log(&disk), Accounting::default());
    log.append(&group(1, 100), &mut accounting, |_, _| {}).unwrap();
    assert!(log.buffer.capacity() > 0);
    log.append(&group(1, BUFFER_BYTES_KEPT), &mut accounting, |_, _| {}).unwrap();
    assert_eq!(log.buffer.capacity(), 0);
}

#[test]
fn closing_where_nothing_was_written_leaves_nothing() {
    let disk = SimulatedDisk::new(State::default());
    let (mut log, mut accounting) = (log(&disk), Accounting::default());
    disk.record();
    log.close(&mut accounting, &CompactionState::Idle).unwrap();
    assert_eq!(disk.moments().len(), 1, "nothing was changed");
}

#[test]
fn a_clean_close_notes_the_segments_that_stay_and_only_once() {
    for (has_its_name, expected) in [(true, &[2][..]), (false, &[1, 2])] {
        let disk = SimulatedDisk::new(State::default());
        let (mut log, mut accounting) = (log(&disk), Accounting::default());
        log.append(&group(1, 4096), &mut accounting, |_, _| {}).unwrap();
        log.append(&group(1, 100), &mut accounting, |_, _| {}).unwrap();
        let inputs = vec![SegmentId(1)];
        let replacement = Replacement { inputs, output: SegmentId(3) };
        let state = if has_its_name {
            CompactionState::Replacing(replacement)
        } else {
            CompactionState::Copying(replacement)
        };
        log.close(&mut accounting, &state).unwrap();
        let clean_shutdown = clean_shutdown_file::read(&log.environment).unwrap().unwrap();
        assert_eq!(
            (clean_shutdown.sequence, clean_shutdown.output),
            (Sequence(2), Some(SegmentId(3)))
        );
        assert_eq!(
            clean_shutdown.segments,
            SegmentSet::of(expected.iter().copied().map(SegmentId))
        );
        disk.record();
        log.close(&mut accounting, &state).unwrap();
        assert_eq!(disk.moments().len(), 1, "nothing was changed");
    }
}

/// Asks for the file of the next segment and makes it.
fn make_standby(log: &mut LogWriter) -> Standby {
    let id = log.request_standby(0).unwrap().expect("there is none yet");
    assert_eq!(log.next_begun(), id);
    assert!(log.request_standby(0).unwrap().is_none(), "one is enough");
    Standby::make(&log.environment, id).unwrap()
}

#[test]
fn a_segment_that_was_made_ahead_is_begun_by_one_sync_of_its_header() {
    let disk = SimulatedDisk::new(State::default());
    let (mut log, mut accounting) = (log(&disk), Accounting::default());
    log.append(&group(1, 5000), &mut accounting, |_, _| {}).unwrap();
    assert!(log.request_standby(6000).unwrap().is_none(), "there is time");
    let standby = make_standby(&mut log);
    log.receive_standby(Some(standby));
    log.seal(&mut accounting).unwrap();
    disk.record();
    log.append(&group(1, 100), &mut accounting, |_, _| {}).unwrap();
    let changes = disk.moments().len() - 1;
    assert_eq!(changes, 3, "the header is written and synced, and the group is written");
    assert_eq!(log.active(), Some(SegmentId(2)));
}

#[test]
fn a_segment_that_was_made_too_late_is_removed() {
    let disk = SimulatedDisk::new(State::default());
    let (mut log, mut accounting) = (log(&disk), Accounting::default());
    log.append(&group(1, 5000), &mut accounting, |_, _| {}).unwrap();
    let standby = make_standby(&mut log);
    log.append(&group(1, 100), &mut accounting, |_, _| {}).unwrap();
    assert_eq!(log.active(), Some(SegmentId(3)), "the writer does not wait");
    let names = || disk.state().files().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names().len(), 3);
    log.receive_standby(Some(standby));
    assert_eq!(names().len(), 2);
    let standby = make_standby(&mut log);
    assert_eq!(standby.id(), SegmentId(4));
    log.receive_standby(Some(standby));
    log.close(&mut accounting, &CompactionState::Idle).unwrap();
    assert_eq!(names().len(), 3, "two segments and what a clean close notes: {:?}", names());
}

#[test]
fn a_failed_standby_is_not_tried_again_for_the_same_segment() {
    let disk = SimulatedDisk::new(State::default());
    let (mut log, mut accounting) = (log(&disk), Accounting::default());
    log.append(&group(1, 5000), &mut accounting, |_, _| {}).unwrap();
    assert!(log.request_standby(0).unwrap().is_some());
    log.receive_standby(None);
    assert!(log.request_standby(0).unwrap().is_none());
    log.append(&group(1, 100), &mut accounting, |_, _| {}).unwrap();
    assert!(log.request_standby(0).unwrap().is_some());
}
