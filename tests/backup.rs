//! Backups and restores on the real file system: beside writers, with links, bases and refusals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::form::by_form;
use common::mount::{Mount, can_mount_memory};
use common::random::Random;
use common::wait::wait_until;
use kvs::{
    BackupOptions, BackupPhase, Change, Durability, EngineKind, Error, Expiry, Options, Store,
    Watch, WatchEvent, WriteBatch,
};
use tempfile::TempDir;

/// Options with which segments are short and compacted soon.
fn options(directory: &Path) -> Options {
    let options = Options::new(directory).segment_bytes_max(1 << 16).compaction_bytes_min(1 << 14);
    options.durability(Durability::Never)
}

/// Returns every entry of every keyspace.
fn contents(store: &Store) -> BTreeMap<(String, Vec<u8>), Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in store.keyspaces().unwrap() {
        let keyspace = store.keyspace(&name).unwrap();
        for entry in keyspace.scan(..) {
            let (key, value) = entry.unwrap();
            found.insert((name.clone(), key), value);
        }
    }
    found
}

fn opened(directory: &Path) -> BTreeMap<(String, Vec<u8>), Vec<u8>> {
    contents(&Store::open(options(directory)).unwrap())
}

/// Writes keys of every kind.
fn fill(store: &Store, round: u64) {
    let other = store.keyspace("other").unwrap();
    for number in 0..300_u64 {
        let mut batch = WriteBatch::new();
        let key = format!("{number:03}");
        batch.set(&*key, format!("{round} of default {}", "x".repeat(100)));
        batch.on(&other).set(&*key, format!("{round} of other"));
        store.write(batch).unwrap();
    }
    store.set_expiring("expiring", "x", Expiry::After(Duration::from_secs(3600))).unwrap();
    store.remove_range("100".."120").unwrap();
    other.remove("200").unwrap();
}

/// Returns the names of the segments in a directory, and their inodes.
fn segments(directory: &Path) -> BTreeMap<String, u64> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let found = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino()));
    found.filter(|(name, _)| name.ends_with(".log")).collect()
}

struct Scene {
    directory: TempDir,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(options(&directory.path().join("data"))).unwrap();
        fill(&store, 1);
        Self { directory, store }
    }

    /// Returns the version of the last batch of [`fill`], which writes three behind this key.
    fn newest_version(&self) -> u64 {
        self.store.metadata("299").unwrap().unwrap().version + 3
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }
}

#[test]
fn a_backup_and_what_is_restored_of_it_hold_what_the_store_held() {
    let scene = Scene::new();
    let before = contents(&scene.store);
    let report = scene.store.backup(scene.path("backup"), &BackupOptions::new()).unwrap();
    assert_eq!(report.keys, before.len() as u64);
    assert_eq!(report.version, scene.newest_version());
    assert_eq!(report.bytes(), report.bytes_linked, "one file system");
    for round in 2..6 {
        fill(&scene.store, round);
    }
    let changed = contents(&scene.store);
    assert_ne!(changed, before);

    let options = BackupOptions::new();
    let restored = Store::restore(scene.path("backup"), scene.path("restored"), &options).unwrap();
    assert_eq!(restored.bytes(), restored.bytes_copied);
    assert_eq!((restored.keys, restored.version), (report.keys, report.version));
    assert_eq!(opened(&scene.path("restored")), before);
    let mode = fs::metadata(scene.path("restored")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700, "nobody else may read it");

    // The backup is a store itself, and what is written to it changes no file of the other.
    let backup = Store::open(self::options(&scene.path("backup"))).unwrap();
    assert_eq!(contents(&backup), before);
    for round in 7..11 {
        fill(&backup, round);
    }
    drop(backup);
    assert_eq!(contents(&scene.store), changed);
    let Scene { directory, store } = scene;
    drop(store);
    assert_eq!(opened(&directory.path().join("data")), changed);
}

#[test]
fn files_are_linked_copied_or_taken_from_an_earlier_backup_as_asked() {
    let scene = Scene::new();
    let inodes = |name: &str| segments(&scene.path(name));
    let back_up = |name: &str, options: BackupOptions| {
        scene.store.backup(scene.path(name), &options).unwrap()
    };
    back_up("linked", BackupOptions::new());
    for (name, inode) in inodes("linked") {
        assert_eq!(segments(&scene.path("data"))[&name], inode, "{name}");
    }
    let copied = back_up("copied", BackupOptions::new().copy_all(true));
    assert_eq!(copied.bytes(), copied.bytes_copied);
    let shares =
        inodes("copied").values().any(|inode| inodes("linked").values().any(|i| i == inode));
    assert!(!shares);

    // A little is new.
    scene.store.set("new", "value").unwrap();
    let options = BackupOptions::new().copy_all(true).base(scene.path("copied"));
    let increment = back_up("increment", options);
    assert!(increment.bytes_copied > 0 && increment.bytes_copied < 1000, "{increment:?}");
    assert_eq!(increment.bytes_linked, copied.bytes());
    let expected = contents(&scene.store);
    // Each backup stands by itself.
    fs::remove_dir_all(scene.path("copied")).unwrap();
    assert_eq!(opened(&scene.path("increment")), expected);
}

#[test]
fn a_backup_on_another_file_system_is_copied_and_a_full_one_is_finished_later() {
    if !can_mount_memory() {
        return;
    }
    // Without compactions, so that both attempts find the same segments.
    let directory = tempfile::tempdir().unwrap();
    let options = |path: &Path| options(path).compaction_bytes_min(1 << 30);
    let scene =
        Scene { store: Store::open(options(&directory.path().join("data"))).unwrap(), directory };
    (0..6).for_each(|round| fill(&scene.store, round));
    let mount = Mount::memory(1 << 20);
    let ballast = mount.path().join("ballast");
    fs::write(&ballast, vec![1; (1 << 20) - (200 << 10)]).unwrap();
    let backup = mount.path().join("backup");
    let error = scene.store.backup(&backup, &BackupOptions::new()).unwrap_err();
    assert!(error.is_disk_full(), "{error}");
    let refused = Store::open(options(&backup)).unwrap_err();
    assert!(matches!(refused, Error::UnfinishedBackup { .. }), "{refused}");
    scene.store.set("later", "value").unwrap();
    fs::remove_file(&ballast).unwrap();
    let report = scene.store.backup(&backup, &BackupOptions::new()).unwrap();
    assert!(report.bytes_kept > 0 && report.bytes_copied > 0, "{report:?}");
    assert_eq!(report.bytes_linked, 0);
    assert_eq!(opened(&backup), contents(&scene.store));
}

#[test]
fn nothing_is_overwritten_and_every_refusal_leaves_both_directories_as_they_were() {
    let scene = Scene::new();
    let other = Store::open(options(&scene.path("other"))).unwrap();
    other.set("key", "value").unwrap();
    other.backup(scene.path("of other"), &BackupOptions::new()).unwrap();
    let back_up = |name: &str, options: BackupOptions| {
        scene.store.backup(scene.path(name), &options).unwrap_err()
    };
    let plain = BackupOptions::new;

    fs::create_dir(scene.path("full")).unwrap();
    fs::write(scene.path("full/notes.txt"), "precious").unwrap();
    fs::write(scene.path("file"), "precious").unwrap();
    for name in ["full", "of other", "data"] {
        // The store goes on to make hints of its segments, which begin with their numbers.
        let is_its_own = |file: &str| name == "data" && file.starts_with(char::is_numeric);
        let names = |name| {
            let files = fs::read_dir(scene.path(name)).unwrap();
            let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            files.filter(|file| !is_its_own(file)).collect::<BTreeSet<_>>()
        };
        let before = names(name);
        let error = back_up(name, plain());
        let is_refused = matches!(error, Error::NotEmpty { .. } | Error::Locked { .. });
        assert!(is_refused, "{name}: {error}");
        assert_eq!(names(name), before, "{name}");
    }
    for (name, part) in [("file", "Not a directory"), ("missing/backup", "create that first")] {
        let error = back_up(name, plain()).to_string();
        assert!(error.contains(part), "{error}");
    }
    let error = back_up("new", plain().base(scene.path("of other"))).to_string();
    assert!(error.contains("no backup of this store"), "{error}");
    assert!(!scene.path("new").exists());
    let error = back_up("new", plain().base(scene.path("nowhere"))).to_string();
    assert!(error.contains("nowhere"), "{error}");

    // A store in use, no store, an unfinished backup.
    let error = Store::restore(scene.path("data"), scene.path("new"), &plain()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    let error = Store::restore(scene.path("full"), scene.path("new"), &plain()).unwrap_err();
    assert!(matches!(error, Error::NoStore { .. }), "{error}");
    fs::rename(scene.path("of other/ENGINE"), scene.path("of other/BACKUP")).unwrap();
    let error = Store::restore(scene.path("of other"), scene.path("new"), &plain()).unwrap_err();
    assert!(matches!(error, Error::UnfinishedBackup { .. }), "{error}");
    let error = back_up("of other", plain());
    assert!(matches!(error, Error::NotEmpty { .. }), "an unfinished one of another store: {error}");
    assert!(!scene.path("new").exists());
    assert_eq!(fs::read_to_string(scene.path("full/notes.txt")).unwrap(), "precious");
    // The unfinished one can be finished by its own store.
    other.backup(scene.path("of other"), &plain()).unwrap();
    assert_eq!(opened(&scene.path("of other")).len(), 1);
}

#[test]
fn engines_without_segments_say_that_they_have_no_backups() {
    let directory = tempfile::tempdir().unwrap();
    for engine in [EngineKind::Memory, EngineKind::Sled] {
        if engine == EngineKind::Sled && cfg!(not(feature = "sled")) {
            continue;
        }
        let path = directory.path().join(engine.to_string());
        let store = Store::open(Options::new(&path).engine(engine)).unwrap();
        let error = store.backup(directory.path().join("new"), &BackupOptions::new()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{engine}: {error}");
        assert!(!directory.path().join("new").exists());
    }
}

#[test]
fn a_store_that_was_killed_or_is_only_read_can_be_backed_up() {
    let scene = Scene::new();
    let expected = contents(&scene.store);
    // A kill leaves the files as they are, without a close.
    fs::create_dir(scene.path("killed")).unwrap();
    for name in fs::read_dir(scene.path("data")).unwrap() {
        let name = name.unwrap().file_name();
        fs::copy(scene.path("data").join(&name), scene.path("killed").join(&name)).unwrap();
    }
    let options = BackupOptions::new();
    let (killed, at_rest) = (scene.path("killed"), scene.path("at rest"));
    let report = Store::backup_directory(killed, &at_rest, &options).unwrap();
    assert_eq!(report.version, scene.newest_version());
    assert_eq!(opened(&at_rest), expected);
    let reader = Store::open(self::options(&scene.path("killed")).read_only(true)).unwrap();
    let report = reader.backup(scene.path("read only"), &options).unwrap();
    assert_eq!(report.keys, expected.len() as u64);
    assert_eq!(opened(&scene.path("read only")), expected);
}

#[test]
fn a_backup_beside_writers_holds_every_write_that_was_acknowledged_before() {
    const THREADS: u64 = 4;
    let scene = Scene::new();
    let stop = AtomicBool::new(false);
    let acknowledged: Vec<_> = (0..THREADS).map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        for (number, acknowledged) in acknowledged.iter().enumerate() {
            let (store, stop) = (&scene.store, &stop);
            scope.spawn(move || {
                let mut count = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    count += 1;
                    // Two keys at once, so that a torn batch is seen.
                    let mut batch = WriteBatch::new();
                    batch.set(format!("a{number}"), count.to_string());
                    batch.set(format!("b{number}"), count.to_string());
                    store.write(batch).unwrap();
                    acknowledged.store(count, Ordering::SeqCst);
                }
            });
        }
        for round in 0..5 {
            let before: Vec<_> = acknowledged.iter().map(|it| it.load(Ordering::SeqCst)).collect();
            let path = scene.path(&format!("backup {round}"));
            let options = BackupOptions::new().copy_all(round % 2 == 0);
            scene.store.backup(&path, &options).unwrap();
            let after: Vec<_> = acknowledged.iter().map(|it| it.load(Ordering::SeqCst)).collect();
            let backup = Store::open(self::options(&path)).unwrap();
            for (number, (before, after)) in before.iter().zip(&after).enumerate() {
                let get = |key: String| -> u64 {
                    let value = backup.get(key).unwrap().unwrap_or_else(|| b"0".to_vec());
                    String::from_utf8(value).unwrap().parse().unwrap()
                };
                let [a, b] = ["a", "b"].map(|name| get(format!("{name}{number}")));
                assert_eq!(a, b, "half of a batch");
                // One more may be applied and not yet be counted.
                assert!((*before..=after + 1).contains(&a), "{before} <= {a} <= {after} + 1");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Overwrites and removes keys until it is told to stop, and counts what was acknowledged.
fn write_fast(store: &Store, thread: u64, acknowledged: &AtomicU64, stop: &AtomicBool) {
    let mut random = Random(thread);
    for number in 1_u64.. {
        let key = format!("{:04}", random.below(5_000));
        match random.below(10) {
            0 => assert!(matches!(store.remove(key), Ok(true | false))),
            _ => store.set(key, format!("{thread} {number} {}", "x".repeat(80))).unwrap(),
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
}

/// Adds the changes of the journal up to a version to the contents.
fn replay(journal: &mut Watch, contents: &mut BTreeMap<Vec<u8>, Vec<u8>>, version: u64) {
    while journal.version() < version {
        let event = journal.next().unwrap();
        let WatchEvent::Committed(batch) = event else { panic!("{event:?}") };
        for change in batch.changes() {
            match change {
                Change::Set { key, value, .. } => {
                    contents.insert(key.to_vec(), value.to_vec());
                }
                Change::Removed { key } => {
                    contents.remove(key);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_backup_beside_fast_writers_is_the_journal_of_their_writes_up_to_its_version() {
    let rounds = by_form([2, 5, 30]);
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path().join("data")).segment_bytes_max(1 << 20);
    let options = options.compaction_bytes_min(1 << 18).watch_bytes(1 << 30);
    let store = Store::open(options).unwrap();
    let (mut journal, mut expected) = (store.watch(..).unwrap(), BTreeMap::new());
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..2 {
            let (store, acknowledged, stop) = (&store, &acknowledged, &stop);
            scope.spawn(move || write_fast(store, thread, acknowledged, stop));
        }
        for round in 0..rounds {
            let so_far = || acknowledged.load(Ordering::SeqCst);
            let first = so_far();
            wait_until("some thousand writes", || so_far() > first + 5_000);
            let (start, before) = (Instant::now(), so_far());
            let path = directory.path().join(format!("backup {round}"));
            let report = store.backup(&path, &BackupOptions::new().copy_all(true)).unwrap();
            let writes = so_far() - before;
            let rate = writes as f64 / start.elapsed().as_secs_f64();
            println!("round {round}: {writes} writes beside the backup, {rate:.0} a second");
            // A removal of a key that is not there has no version.
            replay(&mut journal, &mut expected, report.version);
            let restored = directory.path().join("restored");
            Store::restore(&path, &restored, &BackupOptions::new()).unwrap();
            let found = Store::open(Options::new(&restored)).unwrap();
            let found: BTreeMap<_, _> = found.scan(..).map(Result::unwrap).collect();
            assert!(found == expected, "round {round}: not what was written up to its version");
            fs::remove_dir_all(&restored).unwrap();
            fs::remove_dir_all(&path).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn progress_is_told_of_copying_and_of_verifying_up_to_the_end() {
    let scene = Scene::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let options = BackupOptions::new().on_progress(move |now| listener.lock().unwrap().push(now));
    let report = scene.store.backup(scene.path("backup"), &options).unwrap();
    let told = told.lock().unwrap();
    for phase in [BackupPhase::Copying, BackupPhase::Verifying] {
        let done: Vec<_> =
            told.iter().filter(|it| it.phase == phase).map(|it| it.bytes_done).collect();
        assert!(done.is_sorted() && done.last() == Some(&report.bytes()), "{phase:?}: {done:?}");
    }
    assert!(told.iter().all(|it| it.bytes_total == report.bytes()));
}
