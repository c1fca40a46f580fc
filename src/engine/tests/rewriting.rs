//! Tests of what a compaction copies, and what it leaves out.

use super::*;

/// The bytes of a compacted segment that nothing was copied to, and some to spare.
const EMPTY_OUTPUT_BYTES: usize = 150;

#[test]
fn cleared_keys_stay_removed_though_a_snapshot_keeps_their_segment() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    let mut n = 0;
    while segments(&disk).len() < 2 {
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays while there is a snapshot")]);
        n += 1;
    }
    // The last one is in the segment of the clear, and must not be what keeps the clear.
    commit(&mut writer, &[remove(&format!("cold{:03}", n - 1))]);
    let snapshot = reader.snapshot().unwrap();
    commit(&mut writer, &[Mutation::clear(KeyspaceId::DEFAULT)]);
    while segments(&disk).len() < 3 {
        commit(&mut writer, &vec![put("hot", "overwritten"); 50]);
    }
    let before = segments(&disk);
    assert_eq!(maintain(&mut writer), 1);
    let after = segments(&disk);
    assert!(after.contains(&before[0]), "the snapshot keeps it");
    assert!(!after.contains(&before[1]), "this one held the clear");
    drop((writer, snapshot));
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(contents(&reader), [("hot".to_owned(), "overwritten".to_owned())]);
}

#[test]
fn nothing_is_left_of_a_clear_with_nothing_older() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    while segments(&disk).len() < 2 {
        commit(&mut writer, &[put("cold", "goes with all others")]);
    }
    commit(&mut writer, &[Mutation::clear(KeyspaceId::DEFAULT)]);
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten"), remove("hot")]);
    }
    assert_eq!(maintain(&mut writer), 1);
    let output = segments(&disk).pop().unwrap();
    assert!(total_bytes(&disk) < EMPTY_OUTPUT_BYTES, "{} bytes", bytes(&disk, &output).len());
}

#[test]
fn compaction_copies_a_key_written_twice_in_a_batch_once() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("k", "the first"), put("k", "the second")]);
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert_eq!(maintain(&mut writer), 1);
    let holds = |text: &str| {
        let mut names = segments(&disk).into_iter();
        names.any(|name| bytes(&disk, &name).windows(text.len()).any(|w| w == text.as_bytes()))
    };
    assert!(holds("the second") && !holds("the first"));
    assert_eq!(value(&reader, "k").unwrap(), "the second");
}

#[test]
fn a_long_segment_is_copied_in_several_steps() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4 << 20).unwrap();
    let long = "x".repeat(200_000);
    while segments(&disk).len() < 2 {
        commit(&mut writer, &[put("hot", &long)]);
    }
    let mut job = writer.offer_compaction().expect("nearly all of it is garbage");
    let mut steps = 0;
    while matches!(job.step().unwrap(), JobStep::Continue) {
        steps += 1;
    }
    assert!((4..8).contains(&steps), "{steps} steps for 4 MiB");
}

#[test]
fn a_compaction_that_is_given_up_leaves_no_file() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    let is_unfinished = |name: &str| name.ends_with(".tmp");
    assert!(matches!(job.step().unwrap(), JobStep::Continue));
    assert!(disk.state().files().any(|(name, _)| is_unfinished(name)));
    drop(job);
    assert!(!disk.state().files().any(|(name, _)| is_unfinished(name)));
}

#[test]
fn a_copied_key_stays_removed_when_its_tombstone_is_compacted() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    let compact_with_garbage = |writer: &mut KvsWriter| {
        for _ in 0..30 {
            commit(writer, &[put("hot", "a value that will be overwritten")]);
        }
        assert_eq!(maintain(writer), 1);
    };
    commit(&mut writer, &[put("gone", "copied once")]);
    (0..10).for_each(|n| commit(&mut writer, &[put(&format!("cold{n}"), "stays")]));
    compact_with_garbage(&mut writer);
    let output = segments(&disk).pop().unwrap();
    commit(&mut writer, &[remove("gone")]);
    compact_with_garbage(&mut writer);
    assert!(segments(&disk).contains(&output), "most of it is still needed");
    drop(writer);
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(value(&reader, "gone"), None);
    assert_eq!(contents(&reader).len(), 11);
}
