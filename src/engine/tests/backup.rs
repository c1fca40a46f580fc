//! Backups on simulated disks: the disk of the backup fails at every call, and loses power at every
//! moment.

use std::path::Path;

use super::*;
use crate::BackupOptions;
use crate::engine::backup::back_up_to;
use crate::options::Cancellation;
use crate::storage::fs::FileSystem;
use crate::sync::{AtomicUsize, Ordering};

/// Returns a store of several segments with a compacted one, and what it holds.
fn source() -> (SimulatedDisk, KvsWriter, Vec<(String, String)>) {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 700).unwrap();
    for round in 0..4 {
        for number in 0..10 {
            commit(&mut writer, &[put(&format!("key{number}"), &format!("value {round}"))]);
        }
        commit(&mut writer, &[remove(&format!("key{round}"))]);
    }
    maintain(&mut writer);
    while let Some(mut job) = writer.offer_hint() {
        finish(&mut writer, &mut *job);
    }
    commit(&mut writer, &[put("after", "the compaction")]);
    (disk, writer, contents(&reader))
}

fn back_up(writer: &mut KvsWriter, to: &SimulatedDisk) -> Result<crate::BackupReport> {
    let point = writer.backup_point()?.unwrap();
    let file_system: Arc<dyn FileSystem> = Arc::new(to.clone());
    back_up_to(&file_system, &point, Path::new("backup"), &BackupOptions::new())
}

/// Returns what the directory holds as a store; `None` if it is none.
fn restored(state: State) -> Option<Vec<(String, String)>> {
    let disk = SimulatedDisk::new(state);
    let options = Options::new("backup").read_only(true);
    let opened = crate::engine::open_in(&options, Arc::new(disk.clone()));
    match opened {
        Ok(engine) => {
            let page =
                ScanPage { range: &KeyRange::all(), snapshot: None, limit: 1000, keys_only: false };
            let text = |bytes| String::from_utf8(bytes).unwrap();
            let found = Page::of(&*engine.reader, &page).unwrap().entries.into_iter();
            Some(found.map(|found| (text(found.key), text(found.entry.value))).collect())
        }
        Err(Error::UnfinishedBackup { .. } | Error::NoStore { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_backup_holds_what_was_committed_before_it_and_nothing_later() {
    let (_disk, mut writer, before) = source();
    let backup = SimulatedDisk::new(State::default());
    let point = writer.backup_point().unwrap().unwrap();
    commit(&mut writer, &[put("later", "x")]);
    let file_system: Arc<dyn FileSystem> = Arc::new(backup.clone());
    let options = BackupOptions::new();
    let report = back_up_to(&file_system, &point, Path::new("backup"), &options).unwrap();
    assert_eq!(report.keys, before.len() as u64);
    assert_eq!(report.bytes(), report.bytes_copied);
    assert!(report.segments > 1);
    assert_eq!(restored(backup.state()), Some(before));
}

#[test]
fn a_backup_at_any_step_of_a_compaction_holds_the_same() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 1000).unwrap();
    for round in 0..6 {
        for number in 0..10 {
            commit(&mut writer, &[put(&format!("key{number}"), &format!("value {round}"))]);
        }
    }
    let expected = contents(&reader);
    let mut job = writer.offer_compaction().unwrap();
    let mut steps = 0;
    let mut is_done = false;
    while !is_done {
        let mut check = |writer: &mut KvsWriter| {
            let backup = SimulatedDisk::new(State::default());
            back_up(writer, &backup).unwrap();
            assert_eq!(restored(backup.state()).as_ref(), Some(&expected), "step {steps}");
            steps += 1;
        };
        let step = job.step().unwrap();
        // The job has done something of which the writer does not know yet.
        check(&mut writer);
        match step {
            JobStep::Continue => {}
            JobStep::Deliver(delivery) => writer.take_delivery(delivery),
            JobStep::Done(delivery) => {
                writer.take_delivery(delivery);
                is_done = true;
            }
        }
        check(&mut writer);
    }
    assert!(steps > 8, "{steps} steps");
}

#[test]
fn what_a_power_loss_leaves_is_the_backup_or_none_and_another_attempt_finishes_it() {
    let (_disk, mut writer, before) = source();
    let backup = SimulatedDisk::new(State::default());
    backup.record();
    back_up(&mut writer, &backup).unwrap();
    commit(&mut writer, &[put("later", "x")]);
    let after: Vec<_> = before.iter().cloned().chain([("later".into(), "x".into())]).collect();
    let moments = backup.moments();
    let (mut whole, mut partial) = (0, 0);
    for moment in &moments {
        let state = &moment.state;
        let every: [&dyn Fn(usize) -> bool; 4] =
            [&|_| false, &|_| true, &|piece| piece % 2 == 0, &|piece| piece % 2 == 1];
        for survives in every {
            for fill in [Fill::Nothing, Fill::Zeros] {
                let image = state.image(Fate::Hostile(survives), fill);
                match restored(image.clone()) {
                    Some(found) => {
                        assert_eq!(found, before);
                        whole += 1;
                        continue;
                    }
                    None => partial += 1,
                }
                let disk = SimulatedDisk::new(image);
                back_up(&mut writer, &disk).unwrap();
                assert_eq!(restored(disk.state()).as_ref(), Some(&after));
            }
        }
    }
    assert!(whole > 0 && partial > 50, "{whole} whole, {partial} not");
}

#[test]
fn every_failed_call_fails_the_backup_and_the_next_attempt_succeeds() {
    let (_disk, mut writer, before) = source();
    for failure in [Failure::Input, Failure::Full] {
        let mut call = 0;
        loop {
            let backup = SimulatedDisk::new(State::default());
            backup.fail(Fault { call, failure, forever: false }, 3);
            let made = back_up(&mut writer, &backup);
            if !backup.has_failed() {
                made.unwrap();
                break;
            }
            if let Err(error) = made {
                // Bytes that the verification cannot read are damage.
                let is_expected = matches!(
                    error,
                    Error::Io { .. } | Error::UnknownOutcome(_) | Error::Corrupt { .. }
                );
                assert!(is_expected, "{error}");
                backup.heal();
                // The last sync failed: the backup is whole, but may not survive.
                if !matches!(error, Error::UnknownOutcome(_)) || restored(backup.state()).is_none()
                {
                    back_up(&mut writer, &backup).unwrap();
                }
            }
            assert_eq!(restored(backup.state()), Some(before.clone()), "call {call}");
            call += 1;
        }
        assert!(call > 20, "{call} calls");
    }
}

#[test]
fn a_damaged_segment_is_found_and_the_backup_is_not_finished() {
    let (disk, mut writer, _) = source();
    let state = disk.state();
    let segments = state.files().filter(|(name, _)| name.ends_with(".log"));
    for (name, bytes) in segments {
        let backup = SimulatedDisk::new(State::default());
        let middle = bytes.len() / 2;
        disk.damage(name, |bytes| bytes[middle] ^= 1);
        let made = back_up(&mut writer, &backup);
        assert!(matches!(made, Err(Error::Corrupt { .. })), "{name}: {made:?}");
        assert_eq!(restored(backup.state()), None);
        disk.damage(name, |bytes| bytes[middle] ^= 1);
        back_up(&mut writer, &backup).unwrap();
    }
}

#[test]
fn a_backup_that_is_ended_early_is_none_and_another_attempt_finishes_it() {
    let (_disk, mut writer, before) = source();
    let point = writer.backup_point().unwrap().unwrap();
    let backup = SimulatedDisk::new(State::default());
    let file_system: Arc<dyn FileSystem> = Arc::new(backup.clone());
    let attempt = |ends_at: usize| {
        let (cancellation, calls) = (Cancellation::default(), AtomicUsize::new(0));
        let ended = cancellation.clone();
        let options = BackupOptions::new().cancellation(cancellation).on_progress(move |_| {
            if calls.fetch_add(1, Ordering::Relaxed) == ends_at {
                ended.cancel();
            }
        });
        back_up_to(&file_system, &point, Path::new("backup"), &options)
    };
    let mut attempts = 0;
    let report = loop {
        match attempt(attempts) {
            Ok(report) => break report,
            Err(Error::Closed) => assert_eq!(restored(backup.state()), None),
            Err(error) => panic!("{error}"),
        }
        attempts += 1;
    };
    assert!(attempts > 3, "{attempts} attempts");
    assert!(report.bytes_kept > 0 && report.keys == before.len() as u64, "{report:?}");
    assert_eq!(restored(backup.state()), Some(before));
}
