//! Compactions against snapshots, crashes, clears and writes.

use super::*;

#[test]
fn compaction_keeps_what_a_snapshot_sees() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
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
    let before = segments(&disk).len();
    drop(snapshot);
    commit(&mut writer, &[put("last", "1")]);
    assert!(maintain(&mut writer) > 0);
    assert!(segments(&disk).len() < before);
    let expected = contents(&reader);
    assert_eq!(expected.len(), 51);
    drop(writer);
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(contents(&reader), expected);
}

#[test]
fn a_crash_between_renaming_the_output_and_removing_the_inputs_is_repaired() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    for round in 0..10 {
        for n in 0..40 {
            commit(&mut writer, &[put(&format!("{n}"), &format!("{round}"))]);
        }
    }
    for n in 0..20 {
        commit(&mut writer, &[remove(&format!("{n}"))]);
    }
    let expected = contents(&reader);
    let files = || segments(&disk).into_iter().map(|name| (name.clone(), bytes(&disk, &name)));
    let mut both: BTreeMap<_, _> = files().collect();
    assert!(maintain(&mut writer) > 0);
    drop(writer);
    both.extend(files());
    let copy = SimulatedDisk::new(State::with_files(both));
    let (_, reader, _) = open_plain(&copy).unwrap();
    assert_eq!(contents(&reader), expected);
    assert_eq!(segments(&copy), segments(&disk));
}

#[test]
fn clearing_survives_reopening_and_compaction() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    for n in 0..200 {
        commit(&mut writer, &[put(&format!("{n}"), "old")]);
    }
    commit(&mut writer, &[Mutation::clear(KeyspaceId::DEFAULT)]);
    commit(&mut writer, &[put("7", "new")]);
    drop(writer);
    for _ in 0..2 {
        let (mut writer, reader, _) = open(&disk, 4096).unwrap();
        assert_eq!(contents(&reader), [("7".to_owned(), "new".to_owned())]);
        assert_eq!(reader.count(), 1);
        // Enough garbage that compaction looks again.
        for _ in 0..20 {
            commit(&mut writer, &[put("7", "new")]);
        }
        maintain(&mut writer);
        assert_eq!(contents(&reader), [("7".to_owned(), "new".to_owned())]);
    }
    let bytes = total_bytes(&disk);
    assert!(bytes < 8192, "{bytes} bytes are left");
}

#[test]
fn segment_ids_and_sequence_numbers_are_never_used_twice() {
    let disk = SimulatedDisk::new(State::default());
    let mut newest = SegmentId(0);
    let mut next = Sequence::FIRST;
    for _ in 0..5 {
        let (mut writer, _, _) = open(&disk, 4096).unwrap();
        assert!(writer.next_sequence() >= next);
        for _ in 0..100 {
            commit(&mut writer, &[put("k", &"v".repeat(80))]);
        }
        commit(&mut writer, &[remove("k")]);
        maintain(&mut writer);
        next = writer.next_sequence();
        writer.close().unwrap();
        let last = segments(&disk).pop().unwrap();
        let id = SegmentId(last.strip_suffix(".log").unwrap().parse().unwrap());
        assert!(id > newest);
        newest = id;
    }
}

#[test]
fn a_segment_in_which_writing_goes_on_is_not_compacted() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    while segments(&disk).len() < 3 {
        commit(&mut writer, &[put("k", "overwritten")]);
    }
    writer.close().unwrap();
    drop(writer);
    // The last segment holds little more than its header, which is no live data either.
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    let mut job = writer.offer_compaction().expect("the full segments are garbage");
    commit(&mut writer, &[put("during", "x")]);
    loop {
        match job.step().unwrap() {
            JobStep::Continue => {}
            JobStep::Deliver(delivery) => writer.take_delivery(delivery),
            JobStep::Done(delivery) => break writer.take_delivery(delivery),
        }
        commit(&mut writer, &[put("during", "y")]);
    }
    let expected = contents(&reader);
    assert_eq!(expected.len(), 2);
    drop(writer);
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(contents(&reader), expected);
}
