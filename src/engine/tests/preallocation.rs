//! Zeros behind the end of the log: room that was made ahead, or what is left of damaged batches.

use super::*;
use crate::bugs::{Bug, plant};

/// Opens with room for many batches behind the end.
fn open_with_room(disk: &SimulatedDisk) -> Opened {
    KvsWriter::open(
        LogEnvironment { preallocate_bytes: Some(1000), ..environment(disk, 4096) },
        256,
        0,
    )
}

fn commit_durably(writer: &mut KvsWriter, batch: &[Mutation]) {
    writer.commit(&mut group(&[batch]), true).unwrap();
}

/// Returns a killed store with three batches, and the offsets of their beginnings and of the end.
fn killed() -> (SimulatedDisk, Vec<usize>) {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_with_room(&disk).unwrap();
    let mut places = vec![72];
    for n in 1..=3 {
        commit_durably(&mut writer, &[put(&format!("{n}"), "value")]);
        let name = segments(&disk).remove(0);
        let is_zero = |byte: &&u8| **byte == 0;
        let zeros = bytes(&disk, &name).iter().rev().take_while(is_zero).count();
        places.push(1000 - zeros);
    }
    (disk, places)
}

#[test]
fn a_segment_with_room_has_the_same_length_before_and_after_a_write() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_with_room(&disk).unwrap();
    let mut lengths = Vec::new();
    for n in 0..60 {
        commit_durably(&mut writer, &[put(&format!("{n:02}"), "value")]);
        lengths.push(bytes(&disk, &segments(&disk)[0]).len());
    }
    lengths.dedup();
    assert_eq!(lengths[..4], [1000, 2000, 3000, 4000]);
}

#[test]
fn after_a_kill_room_is_no_loss_and_is_cut_off() {
    let (disk, places) = killed();
    let name = segments(&disk).remove(0);
    assert_eq!(bytes(&disk, &name).len(), 1000);
    let (_, reader, report) = open_plain(&disk).unwrap();
    assert_eq!((report.dropped_bytes, report.truncated_at, report.records), (0, None, 3));
    assert_eq!(contents(&reader).len(), 3);
    assert_eq!(bytes(&disk, &name).len(), places[3]);
}

#[test]
fn a_clean_close_leaves_no_room() {
    let disk = SimulatedDisk::new(State::default());
    for n in 0..3 {
        let (mut writer, reader, report) = open_with_room(&disk).unwrap();
        assert!(report.is_clean);
        assert_eq!(contents(&reader).len(), n);
        commit_durably(&mut writer, &[put(&format!("{n}"), "value")]);
        let name = segments(&disk).remove(0);
        assert_eq!(bytes(&disk, &name).len(), 1000);
        writer.close().unwrap();
        assert!(bytes(&disk, &name).len() < 1000);
    }
}

#[test]
fn room_that_a_power_loss_left_behind_a_mark_is_cut_off() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_with_room(&disk).unwrap();
    commit_durably(&mut writer, &[put("a", "1")]);
    writer.close().unwrap();
    drop(writer);
    let name = segments(&disk).remove(0);
    let closed = bytes(&disk, &name);
    overwrite(&disk, &name, &[&closed[..], &[0; 500]].concat());
    let (mut writer, reader, report) = open_with_room(&disk).unwrap();
    assert_eq!((report.is_clean, report.dropped_bytes), (true, 0));
    assert_eq!(value(&reader, "a").unwrap(), "1");
    assert_eq!(bytes(&disk, &name), closed);
    commit_durably(&mut writer, &[put("b", "2")]);
    drop(writer);
    let (_, reader, _) = open_with_room(&disk).unwrap();
    assert_eq!(contents(&reader).len(), 2);
}

/// Opens a killed store in which the second batch is zeros.
fn open_zeroed() -> Opened {
    let (disk, places) = killed();
    disk.damage(&segments(&disk)[0], |bytes| bytes[places[1]..places[2]].fill(0));
    open_plain(&disk)
}

#[test]
fn zeros_before_a_batch_that_states_they_were_durable_are_damage() {
    assert!(matches!(open_zeroed(), Err(Error::Corrupt { .. })));
}

#[test]
fn taking_any_zero_for_the_end_loses_durable_writes() {
    let _planted = plant(Some(Bug::TrustZeros));
    let (_, reader, _) = open_zeroed().unwrap();
    assert_eq!(contents(&reader).len(), 1);
}

#[test]
fn without_preallocation_the_file_grows_with_each_write() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open_with_room(&disk).unwrap();
    commit_durably(&mut writer, &[put("a", "1")]);
    disk.fail(Fault { call: 0, failure: Failure::Input, forever: false }, 0);
    commit_durably(&mut writer, &[put("b", &"2".repeat(1000))]);
    let name = segments(&disk).remove(0);
    assert_eq!(disk.failed(), [(Call::SetLength, name.clone())]);
    assert_eq!(bytes(&disk, &name).last(), Some(&b'2'));
    assert_eq!(contents(&reader).len(), 2);
}
