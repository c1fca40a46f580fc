//! Tests of opening: the report, and the files, for everything that it may find.

use super::*;
use crate::storage::format::frame::{FrameKind, FrameNumbers};
use crate::storage::format::segment_header::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::sequence::Sequence;

/// Appends a mark behind what is in a segment, as valid as any.
fn append_mark(disk: &SimulatedDisk, name: &str, kind: FrameKind, sequence: u64) {
    let mut segment = bytes(disk, name);
    let codec = SegmentHeader::decode(&segment, name.as_ref()).unwrap().codec();
    let numbers = FrameNumbers { sequence: Sequence(sequence), durable: Sequence(0) };
    codec.encode_mark(kind, &[], numbers, 0, &mut segment).unwrap();
    overwrite(disk, name, &segment);
}

/// Returns a disk with one compacted segment, and the segment's name.
fn compacted() -> (SimulatedDisk, String) {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    for n in 0..200 {
        commit(&mut writer, &[put(&format!("{}", n % 3), "value")]);
    }
    assert!(maintain(&mut writer) > 0);
    writer.close().unwrap();
    let is_compacted = |name: &String| bytes(&disk, name)[12] == 2;
    let name = segments(&disk).into_iter().find(is_compacted).unwrap();
    (disk, name)
}

fn refusal(disk: &SimulatedDisk) -> String {
    match open_plain(disk) {
        Err(error @ Error::Corrupt { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn a_compacted_segment_without_its_end_is_damaged() {
    let (disk, name) = compacted();
    let whole = bytes(&disk, &name);
    overwrite(&disk, &name, &whole[..whole.len() - 32]);
    assert!(refusal(&disk).contains("its seal is missing"));
}

#[test]
fn a_compacted_segment_that_goes_on_behind_its_end_is_damaged() {
    let (disk, name) = compacted();
    append_mark(&disk, &name, FrameKind::Seal, 1);
    assert!(refusal(&disk).contains("bytes follow its seal"));
}

#[test]
fn a_mark_of_a_clean_close_in_a_compacted_segment_is_damage() {
    let (disk, name) = compacted();
    let whole = bytes(&disk, &name);
    overwrite(&disk, &name, &whole[..whole.len() - 32]);
    append_mark(&disk, &name, FrameKind::Close, 1);
    assert!(refusal(&disk).contains("out of place"));
}

#[test]
fn bytes_behind_a_seal_are_cut_off() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    drop(writer);
    let name = segments(&disk).remove(0);
    append_mark(&disk, &name, FrameKind::Seal, 2);
    let sealed = bytes(&disk, &name);
    overwrite(&disk, &name, &[&sealed[..], &[7; 5]].concat());
    let (_, reader, report) = open_plain(&disk).unwrap();
    assert_eq!((report.dropped_bytes, report.is_clean), (5, false));
    assert_eq!(value(&reader, "a").unwrap(), "1");
    assert_eq!(bytes(&disk, &name), sealed);
}

#[test]
fn the_report_counts_what_was_read() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    for n in 0..100 {
        commit(&mut writer, &[put(&format!("{n}"), &"v".repeat(50)), remove("none")]);
    }
    writer.close().unwrap();
    drop(writer);
    let (_, _, report) = open_plain(&disk).unwrap();
    let segments = segments(&disk).len();
    assert!(segments > 2);
    let expected = RecoveryReport {
        segments,
        hinted: 0,
        doubted: 0,
        records: 200,
        is_clean: true,
        dropped_bytes: 0,
        truncated_at: None,
    };
    assert_eq!(report, expected);
}

#[test]
fn the_next_open_writes_again_the_bytes_that_a_failed_sync_lost() {
    // By chance one thing or another of what was not synced is lost.
    for chance in (0..16).map(|chance| chance << 60) {
        let disk = SimulatedDisk::new(State::default());
        let (mut writer, _, _) = open_plain(&disk).unwrap();
        writer.commit(&mut group(&[&[put("a", "synced")]]), true).unwrap();
        commit(&mut writer, &[put("b", "1")]);
        // More than is written at once.
        commit(&mut writer, &[put("c", &"1".repeat(3 << 20))]);
        disk.fail(Fault { call: 0, failure: Failure::Input, forever: true }, chance);
        writer.sync().unwrap_err();
        disk.heal();
        drop(writer);
        drop(open_plain(&disk).unwrap());
        let (_, reader, _) = open_plain(&power_loss(&disk)).unwrap();
        assert_eq!(value(&reader, "b").unwrap(), "1");
        assert_eq!(value(&reader, "c").unwrap().len(), 3 << 20);
    }
}

#[test]
fn a_range_removal_and_its_whole_batch_reopen_as_they_were() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &[put("a", "old"), put("b", "old"), put("c", "old")]);
    // Records of a batch survive the range removal of the same batch, before and behind it.
    let clear = Mutation::clear(KeyspaceId::DEFAULT);
    commit(&mut writer, &[put("b", "before"), clear, put("a", "after")]);
    let expected = [("a", "after"), ("b", "before")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(contents(&reader), expected);
    drop(writer);
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(contents(&reader), expected);
}

/// Writes until a second segment begins, and syncs just before or just after that; cuts the
/// last batch of the first segment. Returns the name of the second.
fn damage_before_a_second_segment(disk: &SimulatedDisk, syncs_before: bool) -> String {
    let (mut writer, _, _) = open(disk, 4096).unwrap();
    let mut n = 0;
    while segments(disk).len() < 2 {
        if syncs_before {
            writer.sync().unwrap();
        }
        commit(&mut writer, &[put(&format!("key{n:03}"), &"x".repeat(50))]);
        n += 1;
    }
    if !syncs_before {
        writer.sync().unwrap();
        commit(&mut writer, &[put("later", "1")]);
    }
    drop(writer);
    let names = segments(disk);
    let mut first = bytes(disk, &names[0]);
    let last = format!("key{:03}", n - 2);
    let at = first.windows(last.len()).rposition(|window| window == last.as_bytes()).unwrap();
    // With the seal behind it, which tells of what was synced as well.
    first.truncate(at);
    overwrite(disk, &names[0], &first);
    names[1].clone()
}

#[test]
fn a_batch_of_the_next_segment_vouches_for_the_end_of_the_one_before() {
    let disk = SimulatedDisk::new(State::default());
    damage_before_a_second_segment(&disk, false);
    assert!(refusal(&disk).contains("had been synced"));
}

#[test]
fn the_header_of_the_next_segment_vouches_for_the_end_of_the_one_before() {
    let disk = SimulatedDisk::new(State::default());
    let next = damage_before_a_second_segment(&disk, true);
    let header = bytes(&disk, &next)[..SEGMENT_HEADER_BYTES].to_vec();
    overwrite(&disk, &next, &header);
    assert!(refusal(&disk).contains("had been synced"));
}

#[test]
fn writing_goes_on_in_the_segment_that_was_closed_cleanly() {
    let disk = SimulatedDisk::new(State::default());
    for n in 0..5 {
        let (mut writer, reader, report) = open_plain(&disk).unwrap();
        assert!(report.is_clean);
        assert_eq!(contents(&reader).len(), n);
        commit(&mut writer, &[put(&format!("{n}"), "value")]);
        writer.close().unwrap();
    }
    assert_eq!(segments(&disk).len(), 1);
}

#[test]
fn opening_and_closing_without_a_write_changes_nothing() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    writer.close().unwrap();
    drop(writer);
    let name = segments(&disk).remove(0);
    let before = bytes(&disk, &name);
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    writer.close().unwrap();
    assert_eq!(bytes(&disk, &name), before);
}
