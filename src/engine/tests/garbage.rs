//! Compaction that never ends, never begins, or gains nothing.

use super::*;

#[test]
fn compaction_ends_however_little_garbage_is_asked_for() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = KvsWriter::open(environment(&disk, 4096), 0, 0).unwrap();
    for _ in 0..20 {
        commit(&mut writer, &[put("hot", "overwritten")]);
    }
    for _ in 0..3 {
        let Some(mut job) = writer.offer_compaction() else { return };
        finish(&mut writer, &mut *job);
    }
    panic!("nothing was written, and there is still something to compact");
}

#[test]
fn a_segment_that_one_group_made_long_is_compacted_too() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    let long = "x".repeat(3000);
    let batch: Vec<_> = (0..10).map(|n| put(&format!("{n}"), &long)).collect();
    commit(&mut writer, &batch);
    for n in 2..10 {
        commit(&mut writer, &[put(&format!("{n}"), "short")]);
    }
    assert!(maintain(&mut writer) > 0);
    assert!(total_bytes(&disk) < 12_000, "{} bytes are left", total_bytes(&disk));
    assert_eq!(contents(&reader).len(), 10);
}

#[test]
fn tombstones_that_have_to_stay_are_copied_once() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    let fill = |writer: &mut KvsWriter, make: &dyn Fn(usize) -> Mutation| {
        let count = segments(&disk).len();
        let mut n = 0;
        while segments(&disk).len() == count {
            commit(writer, &[make(n)]);
            n += 1;
        }
    };
    let hot = || put("hot", "a value that will be overwritten");
    commit(&mut writer, &[put("oldest", "stays")]);
    fill(&mut writer, &|_| hot());
    // Two thirds of this segment stay, so that it keeps the values of what is removed later.
    let name = |n| if n % 3 == 0 { format!("gone{n:03}") } else { format!("cold{n:03}") };
    fill(&mut writer, &|n| put(&name(n), "stays"));
    fill(&mut writer, &|n| if n % 2 == 0 { hot() } else { remove(&name(n / 2 * 3)) });
    fill(&mut writer, &|_| hot());
    assert!(maintain(&mut writer) > 0);
    // What was copied keeps its place while only other segments have new garbage.
    let output = segments(&disk).pop().unwrap();
    assert!(bytes(&disk, &output).len() > 900, "it holds the tombstones");
    for _ in 0..100 {
        commit(&mut writer, &[hot()]);
        maintain(&mut writer);
    }
    assert!(segments(&disk).contains(&output), "it was copied again");
}

#[test]
fn keys_that_come_and_go_beside_old_ones_take_no_more_and_more_space() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, reader, _) = open(&disk, 4096).unwrap();
    while segments(&disk).len() < 3 {
        let next = format!("cold{}", writer.next_sequence());
        commit(&mut writer, &[put(&next, "never touched again")]);
    }
    let (cold, count) = (contents(&reader).len(), segments(&disk).len());
    for round in 0..3000 {
        // Some keys come again, others never do.
        for key in [format!("again{}", round % 10), format!("once{round}")] {
            commit(&mut writer, &[put(&key, "for a moment")]);
            commit(&mut writer, &[remove(&key)]);
        }
        maintain(&mut writer);
    }
    let (now, bytes) = (segments(&disk).len(), total_bytes(&disk));
    assert!(now <= count + 4, "{now} files, {bytes} bytes");
    assert!(bytes < (count + 4) * 4096, "{bytes} bytes");
    assert_eq!(contents(&reader).len(), cold);
    drop(writer);
    let (_, reader, _) = open(&disk, 4096).unwrap();
    assert_eq!(contents(&reader).len(), cold);
}
