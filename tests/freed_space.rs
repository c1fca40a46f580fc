//! A full disk that is freed by removing what the store holds, or by others: writes are taken again
//! by themselves, with and without a restart.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::connection::redis::{RedisConnection, Reply};
use common::form::by_form;
use common::mount::{Mount, can_mount_memory};
use common::process::Server;
use kvs::KvsClient;
use kvs::protocol::native::FailureKind;

/// The size of the disk.
const DISK_BYTES: u64 = 8 << 20;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn call(client: &mut RedisConnection, command: &[&str]) -> Reply {
    let command: Vec<_> = command.iter().map(|word| (*word).to_owned()).collect();
    client.call(&[command]).unwrap().remove(0)
}

/// Sets a key; the error, if there is one.
fn set(client: &mut RedisConnection, key: &str, bytes: usize) -> Option<String> {
    match call(client, &["SET", key, &key.chars().cycle().take(bytes).collect::<String>()]) {
        Reply::Error(text) => Some(text),
        _ => None,
    }
}

fn ok(client: &mut RedisConnection, command: &[&str]) {
    let reply = call(client, command);
    assert!(!matches!(reply, Reply::Error(_)), "{command:?}: {reply:?}");
}

/// Waits until a key can be set.
fn wait_until_writable(client: &mut RedisConnection) {
    let start = Instant::now();
    while let Some(error) = set(client, "again", 50_000) {
        assert!(start.elapsed() < PATIENCE, "still: {error}");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(write_status(client), "ok");
}

/// Waits until a key can be set and half of the disk is free. A key may be set before that, and
/// the next one be refused: a client is faster than the removal of files.
fn wait_until_freed(client: &mut RedisConnection, mount: &Mount) {
    wait_until_writable(client);
    let start = Instant::now();
    while mount.free() < DISK_BYTES / 2 {
        assert!(start.elapsed() < PATIENCE, "{} bytes are free", mount.free());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the status of writes in `INFO`.
fn write_status(client: &mut RedisConnection) -> String {
    let Reply::Bulk(Some(text)) = call(client, &["INFO", "persistence"]) else {
        panic!("INFO has no answer");
    };
    let text = String::from_utf8(text).unwrap();
    let status = text.lines().find_map(|line| line.strip_prefix("aof_last_write_status:"));
    status.unwrap().trim_end().to_owned()
}

/// Sets `key0` and so on until one is refused; how many there are.
fn fill(client: &mut RedisConnection, bytes: usize) -> usize {
    for number in 0..100_000 {
        if let Some(error) = set(client, &format!("key{number}"), bytes) {
            assert!(error.starts_with("MISCONF the disk is full"), "{error}");
            assert!(error.contains(&format!("key \"key{number}\"")), "{error}");
            return number;
        }
    }
    panic!("the disk is never full");
}

/// Returns the number of files, and the highest number that one has for a name.
fn files(directory: &Path) -> (usize, u64) {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    let ids = names.iter().filter_map(|name| name.split_once('.')?.0.parse().ok());
    (names.len(), ids.max().unwrap_or(0))
}

fn start(directory: &Path) -> (Server, RedisConnection) {
    let server = Server::start(directory, &[]);
    let client = RedisConnection::open(server.address).unwrap();
    (server, client)
}

#[test]
fn flushall_frees_a_full_disk_with_kills_in_between() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(DISK_BYTES);
    let directory = mount.path().join("store");
    let (mut server, mut client) = start(&directory);
    for is_killed in [false, true, true] {
        let count = fill(&mut client, 5_000);
        assert!(count > 1_000, "{count} values of 5 kB are not what 8 MiB hold");
        assert_eq!(write_status(&mut client), "err");
        if is_killed {
            server.kill();
            (server, client) = start(&directory);
        }
        ok(&mut client, &["FLUSHALL"]);
        if is_killed {
            server.kill();
            (server, client) = start(&directory);
        }
        assert_eq!(call(&mut client, &["DBSIZE"]), Reply::Integer(0));
        wait_until_freed(&mut client, &mount);
    }
}

#[test]
fn flushall_of_very_many_keys_frees_a_full_disk() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(DISK_BYTES);
    let (_server, mut client) = start(&mount.path().join("store"));
    for _ in 0..by_form([1, 2, 2]) {
        let count = fill(&mut client, 100);
        assert!(count > 20_000, "{count} values of 100 bytes are not what 8 MiB hold");
        ok(&mut client, &["FLUSHALL"]);
        assert_eq!(call(&mut client, &["DBSIZE"]), Reply::Integer(0));
        wait_until_freed(&mut client, &mount);
    }
}

#[test]
fn keys_are_removed_one_by_one_to_the_last_on_a_full_disk() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(DISK_BYTES);
    let (_server, mut client) = start(&mount.path().join("store"));
    let count = fill(&mut client, 5_000);
    // Every seventh first, so that no segment is without a live record for long.
    for number in (0..7).flat_map(|first| (first..count).step_by(7)) {
        let removed = call(&mut client, &["DEL", &format!("key{number}")]);
        assert_eq!(removed, Reply::Integer(1), "key{number} of {count}");
    }
    assert_eq!(call(&mut client, &["DBSIZE"]), Reply::Integer(0));
    wait_until_writable(&mut client);
}

#[test]
fn a_disk_that_is_full_of_garbage_beside_live_data_becomes_writable() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(32 << 20);
    let (_server, mut client) = start(&mount.path().join("store"));
    // A third is overwritten at once, which is less than a half of any segment.
    let (mut number, mut refused) = (0, 0);
    while refused < 3 {
        let key = if number % 3 == 0 { "hot".to_owned() } else { format!("cold{number}") };
        if set(&mut client, &key, 20_000).is_some() {
            refused += 1;
            wait_until_writable(&mut client);
        }
        number += 1;
    }
    assert!(number > 1_200, "only {number} values of 20 kB were written");
}

#[test]
fn writes_are_taken_again_when_another_file_goes_and_leave_no_trace_until_then() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(DISK_BYTES);
    let (directory, ballast) = (mount.path().join("store"), mount.path().join("ballast"));
    fs::write(&ballast, vec![1; 5 << 20]).unwrap();
    let (server, mut client) = start(&directory);
    fill(&mut client, 5_000);
    let before = files(&directory);
    for number in 0..1_000 {
        let error = set(&mut client, &format!("in vain {number}"), 9_000).unwrap();
        assert!(error.starts_with("MISCONF "), "{error}");
        assert!(!error.contains(mount.path().to_str().unwrap()), "{error}");
    }
    let mut native = KvsClient::connect(server.address).unwrap();
    match native.set("native", vec![1; 9_000]) {
        Err(kvs::ClientError::Remote { kind: FailureKind::Full, message }) => {
            assert!(message.contains("key \"native\""), "{message}");
            assert!(!message.contains(mount.path().to_str().unwrap()), "{message}");
        }
        outcome => panic!("{outcome:?}"),
    }
    assert_eq!(write_status(&mut client), "err");
    let after = files(&directory);
    assert!(after.0 <= before.0 + 2 && after.1 <= before.1 + 4, "{before:?}, then {after:?}");
    fs::remove_file(&ballast).unwrap();
    wait_until_writable(&mut client);
}

#[test]
fn a_store_that_is_opened_on_a_full_disk_takes_removals() {
    if !can_mount_memory() {
        return;
    }
    let mount = Mount::memory(DISK_BYTES);
    let directory = mount.path().join("store");
    let (server, mut client) = start(&directory);
    fill(&mut client, 5_000);
    server.kill();
    // As if it had been written by a build without a reserve, and somebody else had taken the rest.
    let _ = fs::remove_file(directory.join("RESERVE"));
    let ballast = fs::write(mount.path().join("ballast"), vec![1; 8 << 20]);
    assert!(ballast.is_err(), "the disk has room for it");
    let (_server, mut client) = start(&directory);
    ok(&mut client, &["DEL", "key0"]);
    ok(&mut client, &["FLUSHALL"]);
    wait_until_writable(&mut client);
}
