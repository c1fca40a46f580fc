//! What a power loss, or a snapshot that goes at the wrong moment, could undo or bring back.

use super::*;

/// Fills a segment with keys that stay, then one with garbage that a compaction takes whole.
fn fill_then_compact_what_follows(directory: &Path, switches: &Arc<Switches>) -> KvsWriter {
    let (mut writer, _, _) = open(directory, switches, 4096).unwrap();
    let mut n = 0;
    while segments(directory).len() < 2 {
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert_eq!(maintain(&mut writer), 1);
    writer
}

#[test]
fn writing_goes_on_after_the_newest_segment_was_compacted_away() {
    let directory = TempDir::new().unwrap();
    let mut writer = fill_then_compact_what_follows(directory.path(), &Arc::default());
    let cold = segments(directory.path()).remove(0);
    assert!(cold.ends_with("00000000000000000001.log"), "the cold segment is still there");
    writer.close().unwrap();
    drop(writer);
    for n in 0..3 {
        let (mut writer, reader, report) = open_plain(directory.path()).unwrap();
        assert_eq!(report.dropped_bytes, 0);
        assert_eq!(value(&reader, "hot").unwrap(), "overwritten");
        commit(&mut writer, &[put(&format!("later{n}"), "x")]);
        writer.close().unwrap();
    }
}

#[test]
fn a_segment_that_ends_before_what_a_compaction_vouches_for_is_damaged() {
    let directory = TempDir::new().unwrap();
    let mut writer = {
        let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
        while segments(directory.path()).len() < 2 {
            commit(&mut writer, &[put("hot", "overwritten")]);
        }
        writer
    };
    commit(&mut writer, &[put("kept", "1")]);
    let last = segments(directory.path()).pop().unwrap();
    let length = std::fs::metadata(&last).unwrap().len();
    commit(&mut writer, &[put("lost", "1")]);
    let mut job = writer.offer_compaction().expect("the first segment is garbage");
    finish(&mut writer, &mut *job);
    drop(writer);
    std::fs::OpenOptions::new().write(true).open(&last).unwrap().set_len(length).unwrap();
    assert!(matches!(open_plain(directory.path()), Err(Error::Corrupt { .. })));
}

/// Removes what a snapshot still sees, compacts, and lets the snapshot go once that was copied.
fn compact_under_a_snapshot(removal: &Mutation, is_dropped_early: bool) {
    let directory = TempDir::new().unwrap();
    let (mut writer, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    commit(&mut writer, &[put("a", "old")]);
    while segments(directory.path()).len() < 2 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    let mut snapshot = Some(reader.snapshot().unwrap());
    commit(&mut writer, std::slice::from_ref(removal));
    while segments(directory.path()).len() < 3 {
        // What a batch writes twice is garbage, whatever snapshot there is.
        commit(&mut writer, &vec![put("kept", "overwritten"); 50]);
    }
    commit(&mut writer, &[put("kept", "newest")]);
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    assert!(matches!(job.step().unwrap(), Step::Continue), "the first segment was copied");
    assert!(at(&reader, b"a", snapshot.as_ref().unwrap()).is_some());
    if is_dropped_early {
        snapshot = None;
        commit(&mut writer, &[put("kept", "newest")]);
    }
    finish(&mut writer, &mut *job);
    assert_eq!(value(&reader, "a"), None);
    drop((writer, snapshot));
    let (_, reader, _) = open_plain(directory.path()).unwrap();
    assert_eq!(value(&reader, "a"), None);
    assert_eq!(value(&reader, "kept").unwrap(), "newest");
}

#[test]
fn what_was_removed_stays_removed_though_a_compaction_copied_it_for_a_snapshot() {
    for is_dropped_early in [false, true] {
        compact_under_a_snapshot(&remove("a"), is_dropped_early);
    }
}

#[test]
fn what_was_cleared_stays_removed_though_a_compaction_copied_it_for_a_snapshot() {
    for is_dropped_early in [false, true] {
        compact_under_a_snapshot(&Mutation::Clear, is_dropped_early);
    }
}

/// Leaves a directory whose log was not closed, with a segment that is garbage but for one key.
fn leave_garbage(directory: &Path, switches: &Arc<Switches>) {
    let (mut writer, _, _) = open(directory, switches, 4096).unwrap();
    commit(&mut writer, &[put("a", "old")]);
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
}

#[test]
fn a_compaction_makes_durable_what_was_written_since_it_began() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    leave_garbage(directory.path(), &switches);
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    commit(&mut writer, &[put("b", "1")]);
    drop(writer);
    // The segment of this open is the only one left to write to, and nothing was written yet.
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    commit(&mut writer, &[put("a", "new")]);
    finish(&mut writer, &mut *job);
    let copy = switches.power_loss(directory.path());
    let (_, reader, _) = open_plain(copy.path()).unwrap();
    assert!(value(&reader, "a").is_some(), "the old value was durable");
}

#[test]
fn a_sync_that_began_before_a_segment_was_sealed_does_not_vouch_for_the_seal() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    let mut n = 0;
    let length = || std::fs::metadata(segments(directory.path()).remove(0)).unwrap().len();
    while n == 0 || length() < 4096 {
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    let mut sync = writer.offer_sync().expect("nothing was synced");
    let Ok(Step::Done(synced)) = sync.step() else { panic!("a sync is one step") };
    commit(&mut writer, &[put("hot", "overwritten")]);
    writer.take(synced).unwrap();
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    let mut job = writer.offer_compaction().expect("the second segment is garbage");
    finish(&mut writer, &mut *job);
    let copy = switches.power_loss(directory.path());
    let (_, reader, _) = open_plain(copy.path()).unwrap();
    assert_eq!(contents(&reader).len(), n + 1);
}

#[test]
fn a_seal_that_a_killed_process_left_unsynced_is_synced_by_the_next_open() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    let mut n = 0;
    while segments(directory.path()).len() < 2 {
        if n > 0 {
            writer.sync().unwrap();
        }
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    drop(writer);
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    commit(&mut writer, &[remove(&format!("cold{:03}", n - 1))]);
    for _ in 0..30 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert!(maintain(&mut writer) > 0);
    let copy = switches.power_loss(directory.path());
    let (_, reader, _) = open_plain(copy.path()).unwrap();
    assert_eq!(contents(&reader).len(), n);
}

#[test]
fn an_output_has_its_name_for_good_before_what_it_replaces_is_removed() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    leave_garbage(directory.path(), &switches);
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    commit(&mut writer, &[put("b", "1")]);
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    while !matches!(job.step().unwrap(), Step::Deliver(_)) {}
    drop((job, writer));
    lock(&switches.names).clear();
    let (_, reader, _) = open(directory.path(), &switches, 4096).unwrap();
    assert_eq!(
        lock(&switches.names)[..2],
        ["sync", "remove"],
        "a kill may have come before the sync"
    );
    assert_eq!(value(&reader, "a").unwrap(), "old");
}

#[test]
fn a_failed_sync_in_the_background_fails_every_later_sync() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    let mut job = writer.offer_sync().expect("nothing was synced");
    switches.syncs_fail.store(true, Ordering::Relaxed);
    assert!(job.step().is_err());
    // The operating system tells of a failure once, and says yes to whoever asks again.
    switches.syncs_fail.store(false, Ordering::Relaxed);
    assert!(matches!(writer.sync(), Err(Error::UnknownOutcome(_))));
    assert!(matches!(writer.close(), Err(Error::UnknownOutcome(_))));
}

#[test]
fn an_undone_group_does_not_come_back_with_a_power_loss() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    commit(&mut writer, &[put("a", "1")]);
    let length = || std::fs::metadata(segments(directory.path()).remove(0)).unwrap().len();
    let syncs = switches.syncs.load(Ordering::Relaxed);
    switches.writes_fail.store(true, Ordering::Relaxed);
    assert!(writer.commit(group(&[&[put("b", "1")], &[put("c", "1")]]), false).is_err());
    assert!(switches.syncs.load(Ordering::Relaxed) > syncs, "the cut has to survive as well");
    assert_eq!(lock(&switches.synced).values().copied().max().unwrap(), length());
}

#[test]
fn inputs_that_cannot_be_removed_do_not_come_back_after_another_compaction() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    leave_garbage(directory.path(), &switches);
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    commit(&mut writer, &[put("b", "1")]);
    let mut job = writer.offer_compaction().expect("most of it is garbage");
    switches.removals_fail.store(true, Ordering::Relaxed);
    let error = loop {
        match job.step() {
            Ok(Step::Deliver(delivery)) => writer.take(delivery).unwrap(),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    writer.take(Delivery::Failed(JobKind::Compaction, error)).unwrap();
    switches.removals_fail.store(false, Ordering::Relaxed);
    for _ in 0..100 {
        commit(&mut writer, &[put("hot", "overwritten")]);
        assert!(writer.offer_compaction().is_none(), "recovery has to know what was replaced");
    }
    drop(writer);
    let (mut writer, reader, _) = open_plain(directory.path()).unwrap();
    assert_eq!(contents(&reader).len(), 3);
    assert!(maintain(&mut writer) > 0);
}

#[test]
fn a_segment_that_lost_its_seal_gets_another_before_its_successor_is_compacted_away() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    let mut n = 0;
    while segments(directory.path()).len() < 2 {
        writer.sync().unwrap();
        commit(&mut writer, &[put(&format!("cold{n:03}"), "stays")]);
        n += 1;
    }
    let copy = switches.power_loss(directory.path());
    let (mut writer, _, _) = open(copy.path(), &Arc::default(), 4096).unwrap();
    for _ in 0..30 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    assert!(maintain(&mut writer) > 0);
    drop(writer);
    let (_, reader, _) = open_plain(copy.path()).unwrap();
    assert_eq!(contents(&reader).len(), n);
}

#[test]
fn the_rest_of_a_segment_that_could_not_begin_is_removed_for_good() {
    let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
    let (mut writer, _, _) = open(directory.path(), &switches, 4096).unwrap();
    switches.writes_fail.store(true, Ordering::Relaxed);
    assert!(writer.commit(group(&[&[put("a", "1")]]), false).unwrap_err().is_disk_full());
    assert!(segments(directory.path()).is_empty());
    // It has half a header, which is damage in any but the newest segment.
    assert_eq!(lock(&switches.names)[..], ["remove", "sync"]);
}

#[test]
fn what_was_synced_in_the_background_is_vouched_for_and_not_synced_again() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open_plain(directory.path()).unwrap();
    commit(&mut writer, &[put("a", "synced")]);
    let mut job = writer.offer_sync().expect("nothing was synced");
    finish(&mut writer, &mut *job);
    assert!(writer.offer_sync().is_none());
    commit(&mut writer, &[put("b", "1")]);
    drop(writer);
    let path = segments(directory.path()).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|window| window == b"synced").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(open_plain(directory.path()), Err(Error::Corrupt { .. })));
}
