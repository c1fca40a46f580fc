//! Compaction that never ends, never begins, or gains nothing.

use super::*;

fn bytes(directory: &Path) -> u64 {
    segments(directory).iter().map(|path| std::fs::metadata(path).unwrap().len()).sum()
}

#[test]
fn compaction_ends_however_little_garbage_is_asked_for() {
    let directory = TempDir::new().unwrap();
    let file_system = Arc::new(RealFileSystem);
    let place = Place {
        directory_handle: file_system.open_directory(directory.path()).unwrap(),
        file_system,
        directory: directory.path().to_path_buf(),
        store: 7,
        segment_bytes_max: 4096,
    };
    let (mut writer, _, _) = KvsWriter::open(place, 0).unwrap();
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
    let directory = TempDir::new().unwrap();
    let (mut writer, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    let long = "x".repeat(3000);
    let batch: Vec<_> = (0..10).map(|n| put(&format!("{n}"), &long)).collect();
    commit(&mut writer, &batch);
    for n in 2..10 {
        commit(&mut writer, &[put(&format!("{n}"), "short")]);
    }
    assert!(maintain(&mut writer) > 0);
    assert!(bytes(directory.path()) < 12_000, "{} bytes are left", bytes(directory.path()));
    assert_eq!(contents(&reader).len(), 10);
}

#[test]
fn tombstones_that_have_to_stay_are_copied_once() {
    let directory = TempDir::new().unwrap();
    let (mut writer, _, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    let fill = |writer: &mut KvsWriter, make: &dyn Fn(usize) -> Mutation| {
        let count = segments(directory.path()).len();
        let mut n = 0;
        while segments(directory.path()).len() == count {
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
    let output = segments(directory.path()).pop().unwrap();
    assert!(std::fs::metadata(&output).unwrap().len() > 900, "it holds the tombstones");
    for _ in 0..100 {
        commit(&mut writer, &[hot()]);
        maintain(&mut writer);
    }
    assert!(output.exists(), "it was copied again");
}

#[test]
fn keys_that_come_and_go_beside_old_ones_take_no_more_and_more_space() {
    let directory = TempDir::new().unwrap();
    let (mut writer, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    while segments(directory.path()).len() < 3 {
        let next = format!("cold{}", writer.next_sequence());
        commit(&mut writer, &[put(&next, "never touched again")]);
    }
    let (cold, count) = (contents(&reader).len(), segments(directory.path()).len());
    for round in 0..3000 {
        // Some keys come again, others never do.
        for key in [format!("again{}", round % 10), format!("once{round}")] {
            commit(&mut writer, &[put(&key, "for a moment")]);
            commit(&mut writer, &[remove(&key)]);
        }
        maintain(&mut writer);
    }
    let paths = segments(directory.path());
    let bytes: u64 = paths.iter().map(|path| std::fs::metadata(path).unwrap().len()).sum();
    assert!(paths.len() <= count + 4, "{} files, {bytes} bytes", paths.len());
    assert!(bytes < (count as u64 + 4) * 4096, "{bytes} bytes");
    assert_eq!(contents(&reader).len(), cold);
    drop(writer);
    let (_, reader, _) = open(directory.path(), &Arc::default(), 4096).unwrap();
    assert_eq!(contents(&reader).len(), cold);
}
