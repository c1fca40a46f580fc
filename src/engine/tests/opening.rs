//! What opening makes of what it finds, told by its report and by what it writes.

use super::*;
use crate::storage::record::{Checksum, FrameKind};
use crate::storage::segment::HEADER_BYTES;

/// Appends a mark behind what is in a segment, as valid as any.
fn append_mark(path: &Path, kind: FrameKind, sequence: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    let checksum = Checksum::new(&bytes[..HEADER_BYTES]);
    checksum.encode_mark(kind, &[], (sequence, 0), 0, &mut bytes).unwrap();
    std::fs::write(path, &bytes).unwrap();
}

/// A directory with one compacted segment, its first, and the path of that.
fn compacted() -> (TempDir, std::path::PathBuf) {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    for n in 0..200 {
        commit(&mut writer, &[put(&format!("{}", n % 3), "value")]);
    }
    assert!(maintain(&mut writer) > 0);
    writer.close().unwrap();
    let is_compacted = |path: &std::path::PathBuf| std::fs::read(path).unwrap()[12] == 2;
    let path = segments(directory.path()).into_iter().find(is_compacted).unwrap();
    (directory, path)
}

fn refusal(directory: &TempDir) -> String {
    match open_plain(directory.path()) {
        Err(error @ Error::Corrupt { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn a_compacted_segment_without_its_end_is_damaged() {
    let (directory, path) = compacted();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 32]).unwrap();
    assert!(refusal(&directory).contains("its end is missing"));
}

#[test]
fn a_compacted_segment_that_goes_on_behind_its_end_is_damaged() {
    let (directory, path) = compacted();
    append_mark(&path, FrameKind::Seal, 1);
    assert!(refusal(&directory).contains("something follows its end"));
}

#[test]
fn a_mark_of_a_clean_close_in_a_compacted_segment_is_damage() {
    let (directory, path) = compacted();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 32]).unwrap();
    append_mark(&path, FrameKind::Close, 1);
    assert!(refusal(&directory).contains("out of place"));
}

#[test]
fn what_follows_a_seal_is_cut_off() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open_plain(directory.path()).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    drop(writer);
    let path = segments(directory.path()).remove(0);
    append_mark(&path, FrameKind::Seal, 2);
    let sealed = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&sealed[..], &[7; 5]].concat()).unwrap();
    let (_, reader, report) = open_plain(directory.path()).unwrap();
    assert_eq!((report.dropped_bytes, report.is_clean), (5, false));
    assert_eq!(value(&reader, "a").unwrap(), "1");
    assert_eq!(std::fs::read(&path).unwrap(), sealed);
}

#[test]
fn the_report_counts_what_was_read() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    for n in 0..100 {
        commit(&mut writer, &[put(&format!("{n}"), &"v".repeat(50)), remove("none")]);
    }
    writer.close().unwrap();
    drop(writer);
    let (_, _, report) = open_plain(directory.path()).unwrap();
    let segments = segments(directory.path()).len();
    assert!(segments > 2);
    let expected = RecoveryReport {
        segments,
        records: 200,
        is_clean: true,
        dropped_bytes: 0,
        truncated_at: None,
    };
    assert_eq!(report, expected);
}

#[test]
fn what_may_not_be_durable_is_written_again_and_nothing_else() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 1 << 20).unwrap();
    writer.commit(group(&[&[put("a", "synced")]]), true).unwrap();
    let path = segments(directory.path()).remove(0);
    let length = || std::fs::metadata(&path).unwrap().len();
    let synced = length();
    // It tells that what is before it is durable.
    commit(&mut writer, &[put("b", "1")]);
    // More than is written at once.
    commit(&mut writer, &[put("c", &"1".repeat(3 << 20))]);
    drop(writer);
    switches.written.store(0, Ordering::Relaxed);
    let (_, reader, _) = open(directory.path(), &switches, 1 << 20).unwrap();
    assert_eq!(switches.written.load(Ordering::Relaxed), length() - synced);
    assert_eq!(value(&reader, "c").unwrap().len(), 3 << 20);
}

#[test]
fn a_clear_and_what_surrounds_it_in_its_batch_reopen_as_they_were() {
    let directory = TempDir::new().unwrap();
    let (mut writer, reader, _) = open_plain(directory.path()).unwrap();
    commit(&mut writer, &[put("a", "old"), put("b", "old")]);
    commit(&mut writer, &[put("b", "before"), Mutation::Clear, put("a", "after")]);
    let expected = [("a".to_owned(), "after".to_owned())];
    assert_eq!(contents(&reader), expected);
    drop(writer);
    let (_, reader, _) = open_plain(directory.path()).unwrap();
    assert_eq!(contents(&reader), expected);
}

/// Writes until a second segment begins, and syncs just before or just after that; cuts the
/// last batch of the first segment. The path of the second.
fn damage_before_a_second_segment(directory: &Path, syncs_before: bool) -> std::path::PathBuf {
    let (mut writer, _, _) = open(directory, &Arc::default(), 4096).unwrap();
    let mut n = 0;
    while segments(directory).len() < 2 {
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
    let paths = segments(directory);
    let mut bytes = std::fs::read(&paths[0]).unwrap();
    let last = format!("key{:03}", n - 2);
    let at = bytes.windows(last.len()).rposition(|window| window == last.as_bytes()).unwrap();
    // With the seal behind it, which tells of what was synced as well.
    bytes.truncate(at);
    std::fs::write(&paths[0], &bytes).unwrap();
    paths[1].clone()
}

#[test]
fn a_batch_of_the_next_segment_vouches_for_the_end_of_the_one_before() {
    let directory = TempDir::new().unwrap();
    damage_before_a_second_segment(directory.path(), false);
    assert!(refusal(&directory).contains("it had been synced"));
}

#[test]
fn the_header_of_the_next_segment_vouches_for_the_end_of_the_one_before() {
    let directory = TempDir::new().unwrap();
    let next = damage_before_a_second_segment(directory.path(), true);
    let header = std::fs::read(&next).unwrap()[..HEADER_BYTES].to_vec();
    std::fs::write(&next, header).unwrap();
    assert!(refusal(&directory).contains("it had been synced"));
}

#[test]
fn segments_behind_a_torn_end_are_removed_for_good_before_it_is_cut() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    while segments(directory.path()).len() < 3 {
        commit(&mut writer, &[put("key", &"x".repeat(50))]);
    }
    drop(writer);
    let first = segments(directory.path()).remove(0);
    let bytes = std::fs::read(&first).unwrap();
    std::fs::write(&first, &bytes[..bytes.len() / 2]).unwrap();
    lock(&switches.names).clear();
    open(directory.path(), &switches, 4096).unwrap();
    assert_eq!(lock(&switches.names)[..], ["remove", "remove", "sync"]);
}

#[test]
fn writing_goes_on_in_the_segment_that_was_closed_cleanly() {
    let directory = TempDir::new().unwrap();
    for n in 0..5 {
        let (mut writer, reader, report) = open_plain(directory.path()).unwrap();
        assert!(report.is_clean);
        assert_eq!(contents(&reader).len(), n);
        commit(&mut writer, &[put(&format!("{n}"), "value")]);
        writer.close().unwrap();
    }
    assert_eq!(segments(directory.path()).len(), 1);
}

#[test]
fn opening_and_closing_without_a_write_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open_plain(directory.path()).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    writer.close().unwrap();
    drop(writer);
    let path = segments(directory.path()).remove(0);
    let before = std::fs::read(&path).unwrap();
    let (mut writer, _, _) = open_plain(directory.path()).unwrap();
    writer.close().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
