//! Files that are removed under an open store, and stores that are only read.

use super::*;
use crate::engine::{Engine, open_in};

fn options() -> Options {
    Options::new("/simulated").segment_bytes_max(4096).compaction_bytes_min(256)
}

fn open_engine(disk: &SimulatedDisk, options: &Options) -> Result<Engine> {
    open_in(options, Arc::new(disk.clone()))
}

fn fill(writer: &mut dyn WriteHalf, count: usize) {
    for n in 0..count {
        let batch = [put(&format!("key{n:03}"), &"v".repeat(100))];
        writer.commit(&mut group(&[&batch]), false).unwrap();
    }
}

#[test]
fn a_directory_or_a_segment_that_was_removed_is_noticed() {
    for removed in [None, Some(0), Some(1), Some(2)] {
        let disk = SimulatedDisk::new(State::default());
        let mut engine = open_engine(&disk, &options()).unwrap();
        fill(&mut *engine.writer, 80);
        let names = segments(&disk);
        assert_eq!(names.len(), 3);
        engine.writer.check_files().unwrap();
        let removed = removed.map(|position: usize| names[position].as_str());
        removed.map_or_else(|| disk.remove_directory(), |name| disk.remove_name(name));
        let found = engine.writer.check_files();
        let expected = removed.unwrap_or("simulated");
        let is_named = matches!(&found, Err(Error::Removed { path }) if path.ends_with(expected));
        assert!(is_named, "{expected}: {found:?}");
    }
}

#[test]
fn more_segments_than_one_check_looks_at_are_all_looked_at() {
    let disk = SimulatedDisk::new(State::default());
    let mut engine = open_engine(&disk, &options()).unwrap();
    fill(&mut *engine.writer, 3000);
    let names = segments(&disk);
    assert!(names.len() > 80);
    disk.remove_name(&names[79]);
    let checks: Vec<_> = (0..2).map(|_| engine.writer.check_files().is_ok()).collect();
    assert_eq!(checks, [true, false]);
}

#[test]
fn inputs_that_a_compaction_removes_are_not_missed() {
    let disk = SimulatedDisk::new(State::default());
    let mut engine = open_engine(&disk, &options()).unwrap();
    (0..3).for_each(|_| fill(&mut *engine.writer, 40));
    let mut job = engine.writer.offer_compaction().expect("there is garbage");
    loop {
        engine.writer.check_files().unwrap();
        match job.step().unwrap() {
            JobStep::Continue => {}
            JobStep::Deliver(delivery) => engine.writer.take_delivery(delivery),
            JobStep::Done(delivery) => break engine.writer.take_delivery(delivery),
        }
    }
    engine.writer.check_files().unwrap();
}

#[test]
fn a_read_only_store_changes_nothing_whatever_it_finds() {
    let disk = SimulatedDisk::new(State::default());
    let mut engine = open_engine(&disk, &options()).unwrap();
    fill(&mut *engine.writer, 80);
    drop(engine);
    let newest = segments(&disk).pop().unwrap();
    disk.damage(&newest, |bytes| bytes.extend([1, 2, 3]));
    for leftover in ["00000000000000000009.tmp", "00000000000000000010.log"] {
        crate::storage::fs::Directory::create(&disk, leftover).unwrap();
    }
    let before = disk.state().fingerprint();
    disk.write_protect();
    let options = options().read_only(true);
    let mut engine = open_engine(&disk, &options).unwrap();
    let value = engine.reader.get(b"key079").unwrap();
    assert!(matches!(value, Some(entry) if entry.value.len() == 100));
    assert_eq!(engine.reader.count(), 80);
    let refused = engine.writer.commit(&mut group(&[&[put("k", "v")]]), true);
    assert!(matches!(refused, Err(Error::ReadOnly)));
    assert!(engine.writer.offer_compaction().is_none() && engine.writer.offer_sync().is_none());
    engine.writer.sync().unwrap();
    engine.writer.close().unwrap();
    drop(engine);
    assert_eq!(disk.state().fingerprint(), before);
}
