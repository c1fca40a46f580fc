//! Tests of what a power loss, or a snapshot that goes at the wrong moment, could undo or bring
//! back.

use std::panic::catch_unwind;

use super::*;
use crate::bugs::{Bug, plant};

/// Fills a segment with keys that stay, then one with garbage that a compaction takes whole.
fn fill_then_compact_what_follows(disk: &SimulatedDisk) -> KvsWriter {
    let (mut writer, _, _) = open(disk, 4096).unwrap();
    let mut n = 0;
    while segments(disk).len() < 2 {
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    for _ in 0..100 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert_eq!(maintain(&mut writer), 1);
    writer
}

#[test]
fn writing_goes_on_after_the_newest_segment_was_compacted_away() {
    let disk = SimulatedDisk::new(State::default());
    let mut writer = fill_then_compact_what_follows(&disk);
    let cold = segments(&disk).remove(0);
    assert!(cold == "00000000000000000001.log", "the cold segment is still there");
    writer.close().unwrap();
    drop(writer);
    for n in 0..3 {
        let (mut writer, reader, report) = open_plain(&disk).unwrap();
        assert_eq!(report.dropped_bytes, 0);
        assert_eq!(value(&reader, "hot").unwrap(), "overwritten");
        commit(&mut writer, &[put(&format!("later{n}"), "x")]);
        writer.close().unwrap();
    }
}

#[test]
fn a_segment_that_ends_before_what_a_compaction_vouches_for_is_damaged() {
    let disk = SimulatedDisk::new(State::default());
    let mut writer = {
        let (mut writer, _, _) = open(&disk, 4096).unwrap();
        while segments(&disk).len() < 2 {
            commit(&mut writer, &[put("hot", "overwritten")]);
        }
        writer
    };
    commit(&mut writer, &[put("kept", "1")]);
    let last = segments(&disk).pop().unwrap();
    let length = bytes(&disk, &last).len();
    commit(&mut writer, &[put("lost", "1")]);
    let mut job = writer.offer_compaction().expect("the first segment is garbage");
    finish(&mut writer, &mut *job);
    drop(writer);
    disk.damage(&last, |bytes| bytes.truncate(length));
    assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })));
}

/// Removes what a snapshot still sees, compacts, and lets the snapshot go once that was copied.
fn compact_under_a_snapshot(removal: &Mutation, is_dropped_early: bool) {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("a", "old")]);
    while segments(&disk).len() < 2 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    let mut snapshot = Some(reader.snapshot().unwrap());
    commit(&mut writer, std::slice::from_ref(removal));
    while segments(&disk).len() < 3 {
        // The first of two records of a key in one batch is garbage, whatever snapshot there is.
        commit(&mut writer, &vec![put("kept", "overwritten"); 50]);
    }
    commit(&mut writer, &[put("kept", "newest")]);
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    assert!(matches!(job.step().unwrap(), JobStep::Continue), "the first segment was copied");
    assert!(at(&reader, b"a", snapshot.as_ref().unwrap()).is_some());
    if is_dropped_early {
        snapshot = None;
        commit(&mut writer, &[put("kept", "newest")]);
    }
    finish(&mut writer, &mut *job);
    assert_eq!(value(&reader, "a"), None);
    drop((writer, snapshot));
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(value(&reader, "a"), None);
    assert_eq!(value(&reader, "kept").unwrap(), "newest");
}

#[test]
fn removed_keys_stay_removed_though_a_compaction_copied_them_for_a_snapshot() {
    for is_dropped_early in [false, true] {
        compact_under_a_snapshot(&remove("a"), is_dropped_early);
    }
}

#[test]
fn a_key_removed_while_a_compaction_copies_it_stays_removed() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("a", "old")]);
    while segments(&disk).len() < 2 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    assert!(matches!(job.step().unwrap(), JobStep::Continue), "the first segment was copied");
    commit(&mut writer, &[remove("a")]);
    finish(&mut writer, &mut *job);
    // The copy and the segment with the tombstone are garbage by then, and compacted together.
    for _ in 0..200 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert!(maintain(&mut writer) > 0);
    drop((writer, reader));
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(value(&reader, "a"), None);
}

/// Random crashes meet the moment too rarely.
#[test]
fn mistakes_with_dead_marks_bring_removed_keys_back() {
    let caught: [(Bug, fn()); 2] = [
        (Bug::ForgetRejected, a_key_removed_while_a_compaction_copies_it_stays_removed),
        (Bug::TrustMarks, removed_keys_stay_removed_though_a_compaction_copied_them_for_a_snapshot),
    ];
    for (bug, test) in caught {
        let _planted = plant(Some(bug));
        assert!(catch_unwind(test).is_err(), "{bug:?} is missed");
    }
}

#[test]
fn cleared_keys_stay_removed_though_a_compaction_copied_them_for_a_snapshot() {
    for is_dropped_early in [false, true] {
        compact_under_a_snapshot(&Mutation::clear(KeyspaceId::DEFAULT), is_dropped_early);
    }
}

/// Leaves a directory whose log was not closed, with a segment that is garbage but for one key.
fn leave_garbage(disk: &SimulatedDisk) {
    let (mut writer, _, _) = open(disk, 4096).unwrap();
    commit(&mut writer, &[put("a", "old")]);
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
}

#[test]
fn a_compaction_makes_durable_what_was_written_since_it_began() {
    let disk = SimulatedDisk::new(State::default());
    leave_garbage(&disk);
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("b", "1")]);
    drop(writer);
    // The segment of this open is the only one left to write to, and nothing was written yet.
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    commit(&mut writer, &[put("a", "new")]);
    finish(&mut writer, &mut *job);
    let copy = power_loss(&disk);
    let (_, reader, _) = open_plain(&copy).unwrap();
    assert!(value(&reader, "a").is_some(), "the old value was durable");
}

#[test]
fn a_sync_that_began_before_a_segment_was_sealed_does_not_vouch_for_the_seal() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    let mut n = 0;
    let length = || bytes(&disk, &segments(&disk)[0]).len();
    while n == 0 || length() < 4096 {
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    let mut sync = writer.offer_sync().expect("nothing was synced");
    let Ok(JobStep::Done(synced)) = sync.step() else { panic!("a sync is one step") };
    commit(&mut writer, &[put("hot", "overwritten")]);
    writer.take_delivery(synced);
    for _ in 0..100 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    let mut job = writer.offer_compaction().expect("the second segment is garbage");
    finish(&mut writer, &mut *job);
    let copy = power_loss(&disk);
    let (_, reader, _) = open_plain(&copy).unwrap();
    assert_eq!(contents(&reader).len(), n + 1);
}

#[test]
fn a_seal_that_a_killed_process_left_unsynced_is_synced_by_the_next_open() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    let mut n = 0;
    while segments(&disk).len() < 2 {
        if n > 0 {
            writer.sync().unwrap();
        }
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    drop(writer);
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[remove(&format!("cold{:03}", n - 1))]);
    for _ in 0..100 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert!(maintain(&mut writer) > 0);
    let copy = power_loss(&disk);
    let (_, reader, _) = open_plain(&copy).unwrap();
    assert_eq!(contents(&reader).len(), n);
}

#[test]
fn an_output_has_its_name_for_good_before_what_it_replaces_is_removed() {
    let disk = SimulatedDisk::new(State::default());
    leave_garbage(&disk);
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("b", "1")]);
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    disk.record();
    while !matches!(job.step().unwrap(), JobStep::Deliver(_)) {}
    // One of the kills comes between the rename and the sync of the directory.
    for killed in disk.moments() {
        let disk = SimulatedDisk::new(killed.state);
        disk.record();
        open(&disk, 4096).unwrap();
        for cut in disk.moments() {
            let left = power_loss(&SimulatedDisk::new(cut.state));
            let (_, reader, _) = open(&left, 4096).unwrap();
            assert_eq!(value(&reader, "a").unwrap(), "old");
        }
    }
}

#[test]
fn a_failed_sync_in_the_background_fails_every_later_sync() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    let mut job = writer.offer_sync().expect("nothing was synced");
    disk.fail(Fault { call: 0, failure: Failure::Input, forever: false }, 0);
    assert!(job.step().is_err());
    // The operating system tells of a failure once, and says yes to whoever asks again.
    disk.heal();
    assert!(matches!(writer.sync(), Err(Error::UnknownOutcome(_))));
    assert!(matches!(writer.close(), Err(Error::UnknownOutcome(_))));
}

#[test]
fn an_undone_group_does_not_come_back_with_a_power_loss() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    disk.fail(SHORT_WRITES, 0);
    assert!(writer.commit(&mut group(&[&[put("b", "1")], &[put("c", "1")]]), false).is_err());
    assert_eq!(disk.state().pieces(), 0, "the cut has to survive as well");
}

#[test]
fn inputs_that_cannot_be_removed_do_not_come_back_after_another_compaction() {
    let disk = SimulatedDisk::new(State::default());
    leave_garbage(&disk);
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    commit(&mut writer, &[put("b", "1")]);
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    let error = loop {
        match job.step() {
            Ok(JobStep::Deliver(delivery)) => {
                writer.take_delivery(delivery);
                // The output has its name, and what follows is the removals.
                disk.fail(Fault { call: 0, failure: Failure::Input, forever: true }, 0);
            }
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    writer.note_failed_job(JobKind::Compaction, &error);
    disk.heal();
    for _ in 0..100 {
        commit(&mut writer, &[put("hot", "overwritten")]);
        assert!(writer.offer_compaction().is_none(), "recovery has to know what was replaced");
    }
    drop(writer);
    let (mut writer, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(contents(&reader).len(), 3);
    assert!(maintain(&mut writer) > 0);
}

#[test]
fn a_segment_that_lost_its_seal_gets_another_before_its_successor_is_compacted_away() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    let mut n = 0;
    while segments(&disk).len() < 2 {
        writer.sync().unwrap();
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    let copy = power_loss(&disk);
    let (mut writer, _, _) = open(&copy, 4096).unwrap();
    for _ in 0..100 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert!(maintain(&mut writer) > 0);
    drop(writer);
    let (_, reader, _) = open_plain(&copy).unwrap();
    assert_eq!(contents(&reader).len(), n);
}

#[test]
fn the_rest_of_a_segment_that_could_not_begin_is_no_damage() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    disk.fail(SHORT_WRITES, 0);
    assert!(writer.commit(&mut group(&[&[put("a", "1")]]), false).unwrap_err().is_disk_full());
    // It has half a header, which would be damage in any but the newest segment.
    assert!(segments(&disk).is_empty());
    disk.heal();
    let (_, reader, report) = open_plain(&SimulatedDisk::new(disk.state())).unwrap();
    assert_eq!((contents(&reader).len(), report.dropped_bytes), (0, 0));
}

#[test]
fn writes_synced_in_the_background_are_durable_and_not_synced_again() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open_plain(&disk).unwrap();
    commit(&mut writer, &[put("a", "synced")]);
    let mut job = writer.offer_sync().expect("nothing was synced");
    finish(&mut writer, &mut *job);
    assert!(writer.offer_sync().is_none());
    commit(&mut writer, &[put("b", "1")]);
    drop(writer);
    let name = segments(&disk).remove(0);
    let mut segment = bytes(&disk, &name);
    let at = segment.windows(6).position(|window| window == b"synced").unwrap();
    segment[at] ^= 1;
    overwrite(&disk, &name, &segment);
    assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })));
}
