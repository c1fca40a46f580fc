//! Hints: what is opened with them is what is opened without, and they go where their segments go.

use super::*;
use crate::storage::format::little_endian::u32_at;
use crate::storage::format::unix_millis::UnixMillis;

/// Runs the jobs that write hints until none is offered.
fn hint_all(writer: &mut KvsWriter) -> usize {
    let mut jobs = 0;
    while let Some(mut job) = writer.offer_hint() {
        jobs += 1;
        finish(writer, &mut *job);
    }
    jobs
}

fn names(disk: &SimulatedDisk, extension: &str) -> Vec<String> {
    let state = disk.state();
    let names = state.files().map(|(name, _)| name.to_owned());
    names.filter(|name| name.ends_with(extension)).collect()
}

/// Returns some full segments of put, removed and expiring keys, and their hints.
fn hinted() -> SimulatedDisk {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 2048).unwrap();
    for n in 0..100 {
        let (key, other) = (format!("key{}", n % 40), format!("other{n}"));
        let expires_at = Some(UnixMillis(u64::MAX - n));
        let expiring = Mutation::put(other.into(), vec![7], expires_at);
        commit(&mut writer, &[put(&key, &format!("value{n}")), expiring]);
        commit(&mut writer, &[remove(&format!("key{}", (n * 7) % 40))]);
        if n == 50 {
            commit(&mut writer, &[Mutation::clear(KeyspaceId::DEFAULT)]);
        }
    }
    hint_all(&mut writer);
    writer.close().unwrap();
    disk
}

fn remove_file(disk: &SimulatedDisk, name: &str) {
    use crate::storage::fs::Directory;
    disk.remove(name).unwrap();
}

#[test]
fn a_store_opens_with_hints_as_without() {
    let disk = hinted();
    let hints = names(&disk, ".hint");
    assert_eq!(hints.len(), segments(&disk).len() - 1);
    assert!(hints.len() > 3);
    let (writer, reader, report) = open(&disk, 2048).unwrap();
    assert_eq!((report.hinted, report.doubted), (hints.len(), 0));
    let copy = SimulatedDisk::new(disk.state());
    hints.iter().for_each(|hint| remove_file(&copy, hint));
    let (without, other, report) = open(&copy, 2048).unwrap();
    assert_eq!((report.hinted, report.doubted), (0, 0));
    assert_eq!(contents(&reader), contents(&other));
    assert_eq!(writer.next_sequence(), without.next_sequence());
    assert_eq!(reader.expiring(), other.expiring());
}

#[test]
fn a_long_segment_that_is_garbage_soon_gets_no_hint() {
    for (keys, hints) in [(100, 1), (1, 0)] {
        let disk = SimulatedDisk::new(State::default());
        let (mut writer, _, _) = open(&disk, 2 << 20).unwrap();
        let value = "x".repeat(64 << 10);
        for n in 0.. {
            commit(&mut writer, &[put(&format!("key{}", n % keys), &value)]);
            if segments(&disk).len() > 1 {
                break;
            }
        }
        assert_eq!(hint_all(&mut writer), hints, "{keys} keys");
    }
}

#[test]
fn an_open_that_had_to_read_a_segment_wants_its_hint() {
    let disk = hinted();
    let hints = names(&disk, ".hint");
    disk.damage(&hints[0], |bytes| bytes[20] ^= 1);
    remove_file(&disk, &hints[1]);
    let (mut writer, _, report) = open(&disk, 2048).unwrap();
    assert_eq!((report.hinted, report.doubted), (hints.len() - 2, 1));
    assert!(!names(&disk, ".hint").contains(&hints[0]), "a hint that is no use is removed");
    assert_eq!(hint_all(&mut writer), 2);
    assert_eq!(names(&disk, ".hint"), hints);
    drop(writer);
    assert_eq!(open(&disk, 2048).unwrap().2.hinted, hints.len());
}

#[test]
fn damage_behind_a_hint_is_found_by_the_read_that_meets_it() {
    let disk = hinted();
    let (_, reader, _) = open(&disk, 2048).unwrap();
    let expected = contents(&reader);
    let (key, value) = expected.iter().find(|(key, _)| key.starts_with("key")).unwrap();
    let record = [key.as_bytes(), &[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    let place = |name: &String| {
        let at = bytes(&disk, name).windows(record.len()).position(|window| window == record);
        at.map(|at| (name.clone(), at + record.len() - 1))
    };
    let (name, at) = segments(&disk).iter().find_map(place).unwrap();
    assert!(names(&disk, ".hint").contains(&name.replace(".log", ".hint")));
    disk.damage(&name, |bytes| bytes[at] ^= 1);
    let (_, reader, report) = open(&disk, 2048).unwrap();
    assert!(report.hinted > 3);
    let mut errors = 0;
    for (key, value) in expected {
        match reader.get(key.as_bytes()) {
            Ok(Some(entry)) => assert_eq!(entry.value, value.into_bytes()),
            Err(error @ Error::Corrupt { .. }) => {
                errors += 1;
                assert!(error.to_string().contains(&name));
            }
            _ => panic!("{key} is absent"),
        }
    }
    assert_eq!(errors, 1);
    remove_file(&disk, &name.replace(".log", ".hint"));
    assert!(matches!(open(&disk, 2048), Err(Error::Corrupt { .. })), "it is read now");
}

#[test]
fn a_hint_goes_with_its_segment() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 2048).unwrap();
    for n in 0..200 {
        commit(&mut writer, &[put(&format!("{}", n % 3), "value")]);
        hint_all(&mut writer);
    }
    let before = names(&disk, ".hint");
    assert!(maintain(&mut writer) > 0);
    let after = names(&disk, ".hint");
    assert!(before.len() > after.len());
    drop(writer);
    assert!(!after.contains(&before[0]));
    let state = disk.state();
    let files = state.files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    let orphan = (before[0].clone(), vec![1; 200]);
    let copy = SimulatedDisk::new(State::with_files(files.chain([orphan])));
    drop(open(&copy, 2048).unwrap());
    assert_eq!(names(&copy, ".hint"), after, "one without a segment is removed");
}

#[test]
fn a_failed_sync_writes_no_hint_and_stops_the_store() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 256).unwrap();
    commit(&mut writer, &[put("a", &"1".repeat(300))]);
    commit(&mut writer, &[put("b", "2")]);
    let mut job = writer.offer_hint().expect("the first segment is sealed");
    disk.fail(Fault { call: 0, failure: Failure::Input, forever: false }, 0);
    assert!(matches!(job.step(), Err(Error::UnknownOutcome(_))));
    assert_eq!(names(&disk, ".hint"), Vec::<String>::new());
}

#[test]
fn a_full_disk_leaves_no_part_of_a_hint() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 256).unwrap();
    commit(&mut writer, &[put("a", &"1".repeat(300))]);
    commit(&mut writer, &[put("b", "2")]);
    let mut job = writer.offer_hint().expect("the first segment is sealed");
    disk.fail(SHORT_WRITES, 0);
    let error = loop {
        match job.step() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.is_disk_full());
    writer.note_failed_job(JobKind::Hint, &error);
    disk.heal();
    assert_eq!(names(&disk, ".hint"), Vec::<String>::new());
    assert!(writer.offer_hint().is_none(), "it is not tried again and again");
}

#[test]
fn the_format_of_a_hint_does_not_change() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 72).unwrap();
    let expiring = Mutation::put(b"a".to_vec(), b"value".to_vec(), Some(UnixMillis(300)));
    let (keyspace, start, end) = (KeyspaceId(300), b"a".to_vec(), b"bc".to_vec());
    let range =
        Mutation { kind: MutationKind::RemoveRange { start, end }, ..Mutation::clear(keyspace) };
    commit(&mut writer, &[put("b", "1"), expiring, range, remove("a")]);
    commit(&mut writer, &[put("c", "1")]);
    hint_all(&mut writer);
    let (segment, hint) = (segments(&disk).remove(0), names(&disk, ".hint").remove(0));
    let (segment, hint) = (bytes(&disk, &segment), bytes(&disk, &hint));
    assert_eq!(hint[..12], *b"kvs-hnt\x1A\x02\0\0\0");
    assert_eq!(hint[16..88], segment[..72]);
    assert_eq!(u32_at(&hint, 88) as usize, segment.len());
    assert_eq!(hint[96..128], segment[segment.len() - 32..]);
    let entries = [
        &[0, 1, b'a', 1, 0, 0xAC, 2, 1, 120, 21][..],
        &[0, 1, b'a', 2, 0, 0, 1, 0x9F, 1, 15],
        &[0, 1, b'b', 1, 0, 0, 1, 104, 16],
        &[0xAC, 2, 1, b'a', 3, 0, 0, 1, 0x8D, 1, 18, 2, b'b', b'c'],
    ];
    assert_eq!(hint[128..], entries.concat());
    let mut covered = hint.clone();
    covered.drain(12..16);
    assert_eq!(u32_at(&hint, 12), crc32fast::hash(&covered));
}
