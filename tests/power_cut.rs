//! Power cuts on a real file system: a store has to open the bytes that its disk held at one
//! moment.
//!
//! The server runs on an ext4 in a file. It is stopped in mid-work, the file is copied, and it goes
//! on; the copy is mounted, the kernel recovers its journal, and the store in it is opened. What
//! only the kernel's memory held is not in the copy, as it would not be on a disk.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use common::form::by_form;
use common::journal::{Journal, Outcome};
use common::journaled::Connection;
use common::mount::{Mount, can_mount_image, make_image};
use common::process::Server;
use common::random::{Random, setting};
use common::wait::wait_until;
use kvs::{KvsClient, Options, Store};
use tempfile::{NamedTempFile, TempDir, TempPath};

const IMAGE_BYTES: u64 = 48 << 20;

const CLIENTS: usize = 3;

const KEYS: u64 = 5;

/// A server on a file system whose disk is a file.
struct Machine {
    server: Server,
    /// Dropped after the server.
    mount: Mount,
    images: TempDir,
}

impl Machine {
    fn start(durability: &str) -> Self {
        let images = TempDir::new().unwrap();
        let image = images.path().join("disk");
        make_image(&image, IMAGE_BYTES);
        let mount = Mount::image(&image);
        let server = Server::start(&mount.path().join("store"), &["--durability", durability]);
        Self { server, mount, images }
    }

    /// Copies what its disk holds at this moment; `see` looks at the clients while the server
    /// stands still.
    fn cut<T>(&self, see: impl FnOnce() -> T) -> (Disk, T) {
        self.server.signal("STOP");
        wait_until_stopped(self.server.id());
        let seen = see();
        // A file of its own for each: what is mounted from a file must not change under the kernel.
        let copy = NamedTempFile::new_in(self.images.path()).unwrap().into_temp_path();
        fs::copy(self.images.path().join("disk"), &copy).unwrap();
        self.server.signal("CONT");
        (Disk { mount: Mount::image(&copy), _copy: copy }, seen)
    }

    fn stop(self) {
        let Self { server, mount, .. } = self;
        server.signal("TERM");
        let (status, log) = server.wait();
        assert!(status.success() && !log.contains("panicked"), "{log}");
        drop(mount);
    }
}

/// The disk as a power cut left it.
struct Disk {
    /// Dropped before the file that it is in.
    mount: Mount,
    _copy: TempPath,
}

impl Disk {
    /// Opens the store; what was on the disk before, for a message.
    fn open(&self) -> (Store, String) {
        let path = self.mount.path().join("store");
        let files = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap());
        let files = files.map(|file| (file.file_name(), file.metadata().unwrap().len()));
        let files = format!("{:?}", files.collect::<Vec<_>>());
        (Store::open(Options::new(path)).unwrap_or_else(|error| panic!("{error}: {files}")), files)
    }
}

/// Waits until no thread of the process runs any more.
fn wait_until_stopped(process: u32) {
    let is_stopped = |task: &Path| {
        let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
        // The state is behind the name, which stands in parentheses.
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('T'))
    };
    wait_until("the server stops", || {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        tasks.map(|task| task.unwrap().path()).all(|task| is_stopped(&task))
    });
}

fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap()
}

/// Writes to its keys until it is told to stop, with values that are soon worth a compaction.
fn write(
    client: usize,
    address: std::net::SocketAddr,
    journal: &Mutex<Journal>,
    stop: &AtomicBool,
) {
    let mut random = Random(client as u64);
    let mut connection = match client % 2 {
        0 => Connection::native(address),
        _ => Connection::redis(address),
    };
    let key = |n: u64| format!("client{client}:key{n}");
    let batch: Vec<_> = (100..104).map(key).collect();
    let batch: Vec<_> = batch.iter().map(String::as_str).collect();
    while !stop.load(Ordering::Relaxed) {
        let one = key(random.below(KEYS));
        let bytes = usize::try_from(random.below(48 << 10)).unwrap();
        let write = match random.below(10) {
            0 => lock(journal).remove(&one),
            1..=3 if client % 2 == 1 => lock(journal).set(&batch, bytes / 10),
            _ => lock(journal).set(&[&one], bytes),
        };
        let outcome = connection.write(&write);
        assert_eq!(outcome, Outcome::Acknowledged);
        lock(journal).conclude(&write, &outcome);
    }
}

/// Opens what a cut left and compares it with what was acknowledged before; then it has to work on.
fn check(disk: &Disk, journals: &mut [Journal]) {
    for round in 0..2 {
        let (store, files) = disk.open();
        for (client, journal) in journals.iter_mut().enumerate() {
            let settled = journal.settle(|key| store.get(key).unwrap());
            settled.unwrap_or_else(|violation| panic!("{violation:?}: {files}"));
            let key = format!("client{client}:after");
            let write = journal.set(&[&key], 100 + round);
            store.set(key.as_str(), write.value(&key).unwrap()).unwrap();
            journal.conclude(&write, &Outcome::Acknowledged);
        }
    }
}

/// Checks that with `always` everything that was acknowledged before the cut is there.
fn cut_always(cuts: u64, seed: u64) {
    println!("repeat with KVS_SEED={seed} in the same form");
    let mut random = Random(seed);
    let machine = Machine::start("always");
    let journals: Vec<_> = (0..CLIENTS).map(|_| Mutex::new(Journal::default())).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for (client, journal) in journals.iter().enumerate() {
            let (address, stop) = (machine.server.address, &stop);
            scope.spawn(move || write(client, address, journal, stop));
        }
        let _stop = StopOnDrop(&stop);
        for cut in 1..=cuts {
            thread::sleep(random.milliseconds(200));
            wait_until("writes are acknowledged", || acknowledged(&journals) >= cut * WRITES_LEAST);
            let see = || journals.iter().map(|journal| lock(journal).clone()).collect::<Vec<_>>();
            let (disk, mut seen) = machine.cut(see);
            check(&disk, &mut seen);
        }
    });
    machine.stop();
    println!("{cuts} cuts, {} acknowledged writes", acknowledged(&journals));
}

/// The least number of acknowledged writes for each cut that proves something.
const WRITES_LEAST: u64 = 10;

fn acknowledged(journals: &[Mutex<Journal>]) -> u64 {
    journals.iter().map(|journal| lock(journal).acknowledged).sum()
}

/// Lets the clients end when a check panics.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does write N, which sets key N modulo [`KEYS`] to N, so that a state says which writes made it.
fn set_numbered(client: &mut KvsClient, number: u64) {
    let value = format!("{number} {}", "x".repeat(20_000));
    client.set(format!("key{}", number % KEYS), value).unwrap();
}

/// Returns the number of writes that made this state; fails unless they are the first writes.
fn prefix(read: impl Fn(&str) -> Option<u64>) -> Result<u64, String> {
    let found: Vec<_> = (0..KEYS).map(|key| read(&format!("key{key}")).unwrap_or(0)).collect();
    let count = found.iter().copied().max().unwrap_or(0);
    for (key, found) in (0..KEYS).zip(&found) {
        let expected = (1..=count).rev().find(|number| number % KEYS == key).unwrap_or(0);
        if *found != expected {
            return Err(format!("key{key} is {found} after {count} writes instead of {expected}"));
        }
    }
    Ok(count)
}

fn read_prefix(disk: &Disk) -> (u64, String) {
    let (store, files) = disk.open();
    let read = |key: &str| {
        let value = store.get(key).unwrap()?;
        Some(common::text(&value).split(' ').next().unwrap().parse().unwrap())
    };
    let count = prefix(read).unwrap_or_else(|reason| panic!("{reason}: {files}"));
    (count, files)
}

/// Cuts the power behind numbered writes; what is lost are the newest, and none before the last
/// sync that was asked for. Cuts so many times, and then until one has lost something if that is
/// asked for; returns how many were lost at each cut.
fn cut_prefix(durability: &str, cuts: u64, until_lost: bool, seed: u64) -> Vec<u64> {
    /// The system may have written everything when the power is cut, but not time and again.
    const MORE_CUTS: u64 = 20;
    let mut random = Random(seed);
    let machine = Machine::start(durability);
    let mut client = KvsClient::connect(machine.server.address).unwrap();
    let (mut number, mut synced, mut lost) = (0, 0, Vec::<u64>::new());
    for cut in 0..cuts + MORE_CUTS {
        if cut >= cuts && (!until_lost || lost.iter().any(|lost| *lost > 0)) {
            break;
        }
        for _ in 0..1 + random.below(100) {
            number += 1;
            set_numbered(&mut client, number);
        }
        if cut % 2 == 1 {
            client.sync().unwrap();
            synced = number;
            for _ in 0..1 + random.below(20) {
                number += 1;
                set_numbered(&mut client, number);
            }
        }
        let (disk, ()) = machine.cut(|| ());
        let (found, files) = read_prefix(&disk);
        let is_allowed = (synced..=number).contains(&found);
        assert!(is_allowed, "cut {cut}: {found} of {number}, {synced} synced: {files}");
        lost.push(number - found);
    }
    machine.stop();
    println!("{durability}: {} cuts lost {lost:?} of {number} writes", lost.len());
    lost
}

#[test]
fn always_loses_nothing_to_a_power_cut() {
    if can_mount_image() {
        cut_always(by_form([2, 5, 200]), setting("KVS_SEED", 1));
    }
}

#[test]
fn interval_loses_the_newest_writes_at_most() {
    if can_mount_image() {
        cut_prefix("interval=10", by_form([2, 5, 50]), false, setting("KVS_SEED", 1));
    }
}

/// The cuts are real: where nothing but compaction syncs, a cut takes what was written.
#[test]
fn never_loses_only_the_newest_writes_and_does_lose_some() {
    if can_mount_image() {
        let lost = cut_prefix("never", by_form([2, 4, 20]), true, setting("KVS_SEED", 1));
        assert!(lost.iter().any(|lost| *lost > 0), "nothing was lost, so nothing was cut");
    }
}

#[test]
fn a_state_that_is_no_prefix_is_noticed() {
    let state = |numbers: [u64; 5]| {
        prefix(move |key| {
            let key: usize = key.strip_prefix("key").unwrap().parse().unwrap();
            Some(numbers[key]).filter(|number| *number > 0)
        })
    };
    assert_eq!(state([0, 0, 0, 0, 0]), Ok(0));
    assert_eq!(state([5, 6, 7, 3, 4]), Ok(7));
    assert!(state([5, 1, 7, 3, 4]).is_err(), "an older write is missing");
    assert!(state([0, 6, 7, 3, 4]).is_err());
}
