//! A disk without room, and limits on what a process may have: writes fail with a reason, reads go
//! on, and writes succeed again when there is room, without a restart.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use common::connection::redis::RedisConnection;
use common::journal::{Journal, Outcome};
use common::journaled::Connection;
use common::mount::{Mount, can_mount_memory};
use common::process::{Server, is_compacting};
use common::tool::has;
use common::wait::wait_until;
use common::{directory_bytes, text};
use tempfile::TempDir;

const ALWAYS: [&str; 2] = ["--durability", "always"];

/// Writes keys `{prefix}0`, `{prefix}1` and so on until one is refused; the reason.
fn fill(connection: &mut Connection, journal: &mut Journal, prefix: &str, bytes: usize) -> String {
    for number in 0..100_000 {
        let write = journal.set(&[&format!("{prefix}{number}")], bytes);
        match connection.send(journal, &write) {
            Outcome::Acknowledged => {}
            Outcome::Refused(reason) => return reason,
            outcome => panic!("{outcome:?} on a full disk"),
        }
    }
    panic!("the disk never was full")
}

fn set(connection: &mut Connection, journal: &mut Journal, key: &str, bytes: usize) -> Outcome {
    let write = journal.set(&[key], bytes);
    connection.send(journal, &write)
}

fn check(connection: &mut Connection, journal: &Journal) {
    journal.check(|key| connection.get(key)).unwrap();
}

/// Stops the server and looks at everything in another one; what the first one logged.
fn restart_and_check(server: Server, directory: &Path, journal: &mut Journal) -> String {
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success() && !log.contains("panicked"), "{status}: {log}");
    let server = Server::start(directory, &ALWAYS);
    let mut connection = Connection::native(server.address);
    journal.settle(|key| connection.get(key)).unwrap();
    assert_eq!(set(&mut connection, journal, "after", 10), Outcome::Acknowledged);
    log
}

#[test]
fn writes_fail_on_a_full_disk_and_succeed_when_there_is_room() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(8 << 20);
    let directory = mount.path().join("store");
    let ballast = |round: usize| mount.path().join(format!("ballast{round}"));
    for round in 0..3 {
        fs::write(ballast(round), vec![1; 1 << 20]).unwrap();
    }
    let server = Server::start(&directory, &ALWAYS);
    let mut connections = [Connection::native(server.address), Connection::redis(server.address)];
    let mut journal = Journal::default();
    for (round, bytes) in [100_000, 3_000, 100].into_iter().enumerate() {
        for connection in &mut connections {
            let reason = fill(connection, &mut journal, &format!("fill{round}:"), bytes);
            assert!(reason.contains("No space left on device"), "{reason}");
            check(connection, &journal);
        }
        fs::remove_file(ballast(round)).unwrap();
        for (number, connection) in connections.iter_mut().enumerate() {
            wait_until("space that was freed", || {
                let key = format!("room{round}:{number}");
                set(connection, &mut journal, &key, bytes) == Outcome::Acknowledged
            });
            check(connection, &journal);
        }
    }
    let log = restart_and_check(server, &directory, &mut journal);
    assert!(log.contains("a write failed and was undone"), "{log}");
    assert!(log.contains("there is space again"), "{log}");
    assert!(log.lines().count() < 40, "each failure is logged: {log}");
}

#[test]
fn compaction_makes_room_on_a_full_disk_and_on_one_with_space() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(8 << 20);
    let (ballast, directory) = (mount.path().join("ballast"), mount.path().join("store"));
    let server = Server::start(&directory, &ALWAYS);
    let mut connection = Connection::redis(server.address);
    let mut journal = Journal::default();
    // Live data that cannot be copied at once any more when the ballast is there.
    for number in 0..80 {
        let key = format!("live{number}");
        assert_eq!(set(&mut connection, &mut journal, &key, 50_000), Outcome::Acknowledged);
    }
    fs::write(&ballast, vec![1; 3 << 20]).unwrap();
    let (mut refused, mut number) = (0, 0);
    while number < 120 || refused == 0 {
        assert!(number < 10_000, "the disk was never full");
        number += 1;
        match set(&mut connection, &mut journal, &format!("live{}", number % 80), 50_000) {
            Outcome::Acknowledged => {}
            Outcome::Refused(reason) => {
                assert!(reason.contains("No space left on device"), "{reason}");
                refused += 1;
            }
            outcome => panic!("{outcome:?} on a full disk"),
        }
        check(&mut connection, &journal);
    }
    fs::remove_file(&ballast).unwrap();
    // More than the disk holds, so that it is compaction that makes room: it gets the time for it,
    // as a disk that fills up meanwhile has no room for its output.
    for number in 0..400 {
        wait_until("a compaction", || !is_compacting(&directory));
        wait_until("room that a compaction makes", || {
            let key = format!("live{}", number % 80);
            set(&mut connection, &mut journal, &key, 50_000) == Outcome::Acknowledged
        });
    }
    check(&mut connection, &journal);
    wait_until("no unfinished output", || !is_compacting(&directory));
    let log = restart_and_check(server, &directory, &mut journal);
    assert!(log.contains("compaction finished"), "{log}");
}

/// Lets the server open no file beyond so many.
fn limit_files(server: &Server, files: usize) {
    let process = server.id().to_string();
    let limit = format!("--nofile={files}:");
    assert!(common::tool::succeeds("prlimit", &["--pid", &process, &limit]));
}

/// Seconds of processor time that the server has used.
fn processor_seconds(server: &Server) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().unwrap()).sum();
    f64::from(ticks) / 100.0
}

#[test]
fn without_file_descriptors_the_server_goes_on_and_recovers() {
    if !has("prlimit", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &ALWAYS);
    let mut connection = Connection::redis(server.address);
    let mut journal = Journal::default();
    assert_eq!(set(&mut connection, &mut journal, "first", 10), Outcome::Acknowledged);
    // Fewer than it has open already.
    limit_files(&server, 3);
    let before = processor_seconds(&server);
    let address = server.address;
    // The system takes these connections in, and the server cannot.
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            thread::spawn(move || {
                RedisConnection::open(address).unwrap().call(&[vec!["PING".to_owned()]])
            })
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    let used = processor_seconds(&server) - before;
    assert!(used < 0.5, "{used} s of processor time in one second of waiting for files");
    assert!(waiting.iter().all(|thread| !thread.is_finished()), "no file was missing");
    // Enough for compactions, which need files too.
    let mut refused = 0;
    for number in 0..40 {
        match set(&mut connection, &mut journal, &format!("key{}", number % 3), 200_000) {
            Outcome::Acknowledged => {}
            Outcome::Refused(reason) => {
                assert!(reason.contains("Too many open files"), "{reason}");
                refused += 1;
            }
            outcome => panic!("{outcome:?} without files"),
        }
        check(&mut connection, &journal);
    }
    println!("{refused} writes were refused");
    limit_files(&server, 1000);
    for thread in waiting {
        thread.join().unwrap().unwrap();
    }
    for number in 0..40 {
        let outcome = set(&mut connection, &mut journal, &format!("key{}", number % 3), 200_000);
        assert_eq!(outcome, Outcome::Acknowledged);
    }
    // Much less than the 16 MB that were written.
    wait_until("a compaction", || {
        directory_bytes(directory.path()) < 8_000_000 && !is_compacting(directory.path())
    });
    let log = restart_and_check(server, directory.path(), &mut journal);
    assert!(log.contains("cannot accept a connection"), "{log}");
    assert!(log.contains("compaction finished"), "{log}");
}

#[test]
fn a_limit_on_the_size_of_files_refuses_writes_and_does_not_kill() {
    if !has("prlimit", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let mut command = Command::new("prlimit");
    command.args(["--fsize=100000", env!("CARGO_BIN_EXE_kvs-server")]);
    let server = Server::start_command(command, directory.path(), &ALWAYS);
    let mut connection = Connection::native(server.address);
    let mut journal = Journal::default();
    let mut refused = 0;
    for number in 0..100 {
        match set(&mut connection, &mut journal, &format!("key{number}"), 15_000) {
            Outcome::Acknowledged => {}
            Outcome::Refused(reason) => {
                assert!(reason.contains("File too large"), "{reason}");
                refused += 1;
            }
            outcome => panic!("{outcome:?} at the limit"),
        }
    }
    check(&mut connection, &journal);
    // A write that does not fit is undone, and the next one begins another file.
    assert!((1..50).contains(&refused), "{refused} of 100 writes were refused");
    restart_and_check(server, directory.path(), &mut journal);
}

/// Runs `kvs` on a directory.
fn kvs(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvs"));
    command.args(arguments).arg("--dir").arg(directory).output().unwrap()
}

#[test]
fn an_export_leaves_nothing_on_a_full_disk_and_an_import_is_run_again_when_there_is_room() {
    if !can_mount_memory() {
        return;
    }
    let places = TempDir::new().unwrap();
    let mount = Mount::memory(12 << 20);
    let from = places.path().join("from");
    let store = kvs::Store::open(kvs::Options::new(&from)).unwrap();
    for n in 0..4000 {
        store.set(format!("key{n}"), vec![b'x'; 1000]).unwrap();
    }
    drop(store);
    let (ballast, file) = (mount.path().join("ballast"), mount.path().join("export"));
    fs::write(&ballast, vec![1; 10 << 20]).unwrap();
    let refused = kvs(&from, &["export", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let message = text(&refused.stderr);
    let expected = format!("cannot write {}: No space left on device", file.display());
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(fs::read_dir(mount.path()).unwrap().count(), 1);
    let file = places.path().join("export");
    let path = file.to_str().unwrap();
    assert!(kvs(&from, &["export", path]).status.success());
    let to = mount.path().join("to");
    let refused = kvs(&to, &["import", path]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let message = text(&refused.stderr);
    assert!(message.contains("No space left on device"), "{message}");
    assert!(message.contains("imported"), "{message}");
    fs::remove_file(&ballast).unwrap();
    let imported = kvs(&to, &["import", "--merge", path]);
    assert_eq!(text(&imported.stdout), "keys imported: 4000, expired: 0\n", "{imported:?}");
    let there = kvs(&to, &["export"]);
    assert!(there.stdout == fs::read(&file).unwrap());
}
