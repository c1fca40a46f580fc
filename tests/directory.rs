//! The data directory of a store, which holds the directory and not its name: renamed, replaced,
//! removed, shared and guarded.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use common::connection::redis::{RedisConnection, Reply};
use common::process::Server;
use common::text;
use common::tool::is_able;
use kvs::{Error, Options, Store};
use tempfile::TempDir;

const LOCAL: &str = env!("CARGO_BIN_EXE_kvs");

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn small(directory: impl Into<PathBuf>) -> Options {
    Options::new(directory).segment_bytes_max(4096)
}

fn local(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(LOCAL).arg("--dir").arg(directory).args(arguments).output().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn set(connection: &mut RedisConnection, key: &str, value: &[u8]) -> std::io::Result<Reply> {
    let command = vec![b"SET".to_vec(), key.as_bytes().to_vec(), value.to_vec()];
    Ok(connection.call(&[command])?.remove(0))
}

fn is_ok(reply: &std::io::Result<Reply>) -> bool {
    matches!(reply, Ok(Reply::Simple(text)) if text == "OK")
}

/// Returns true if the test runs as root, who alone may change owners.
fn is_root() -> bool {
    is_able("only root may change owners", || {
        let output = Command::new("id").arg("-u").output();
        output.is_ok_and(|output| text(&output.stdout).trim() == "0")
    })
}

#[test]
fn a_store_stays_in_its_directory_when_the_current_directory_changes() {
    let places = TempDir::new().unwrap();
    let (here, there) = (places.path().join("here"), places.path().join("there"));
    for place in [&here, &there] {
        fs::create_dir(place).unwrap();
    }
    let other = Store::open(small(there.join("data"))).unwrap();
    other.set("other", "value").unwrap();
    drop(other);
    let before = names(&there.join("data"));
    // No other test of this program depends on it.
    std::env::set_current_dir(&here).unwrap();
    let store = Store::open(small("data")).unwrap();
    store.set("first", "value").unwrap();
    std::env::set_current_dir(&there).unwrap();
    for number in 0..200 {
        store.set(format!("key{number}"), vec![b'v'; 100]).unwrap();
    }
    assert_eq!(store.directory(), here.join("data"));
    drop(store);
    assert_eq!(names(&there.join("data")), before);
    let store = Store::open(small(here.join("data"))).unwrap();
    assert_eq!(store.count(..).unwrap(), 201);
    let other = Store::open(small(there.join("data"))).unwrap();
    assert_eq!(other.count(..).unwrap(), 1);
}

#[test]
fn a_server_goes_on_in_a_directory_that_was_renamed() {
    let places = TempDir::new().unwrap();
    let (data, old) = (places.path().join("data"), places.path().join("old"));
    let first = Server::start(&data, &[]);
    fs::rename(&data, &old).unwrap();
    fs::create_dir(&data).unwrap();
    let second = Server::start(&data, &[]);
    let mut to_second = RedisConnection::open(second.address).unwrap();
    assert!(is_ok(&set(&mut to_second, "second", b"value")));
    let mut to_first = RedisConnection::open(first.address).unwrap();
    // Several segments, each of at most 64 MiB.
    let value = vec![b'v'; 10 << 20];
    for number in 0..14 {
        assert!(is_ok(&set(&mut to_first, &format!("first{number}"), &value)), "{number}");
    }
    drop((to_first, to_second));
    for server in [first, second] {
        server.signal("TERM");
        let (status, log) = server.wait();
        assert!(status.success(), "{log}");
    }
    assert!(names(&old).iter().filter(|name| name.ends_with(".log")).count() > 1);
    let keys = |directory: &Path| {
        let store = Store::open(Options::new(directory)).unwrap();
        store.count(..).unwrap()
    };
    assert_eq!((keys(&old), keys(&data)), (14, 1));
}

#[test]
fn without_its_lock_file_a_directory_is_still_locked() {
    let directory = TempDir::new().unwrap();
    let store = Store::open(Options::new(directory.path())).unwrap();
    let lock = directory.path().join("LOCK");
    for _ in 0..2 {
        fs::remove_file(&lock).unwrap();
        let options = Options::new(directory.path()).lock_wait(Duration::ZERO);
        let second = Store::open(options.clone());
        assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
        let reader = Store::open(options.read_only(true));
        assert!(matches!(reader, Err(Error::Locked { .. })), "{reader:?}");
        fs::write(&lock, "process 1").unwrap();
    }
    store.set("key", "value").unwrap();
}

/// Removes a directory in which files may be made meanwhile.
fn remove_directory(path: &Path) {
    let start = Instant::now();
    while let Err(error) = fs::remove_dir_all(path) {
        assert!(start.elapsed() < PATIENCE, "{error}");
    }
}

/// Writes to a server until it takes no more, and waits for its end; what was acknowledged until
/// then.
fn write_until_the_end(server: Server) -> usize {
    let mut connection = RedisConnection::open(server.address).unwrap();
    let (mut acknowledged, start) = (0, Instant::now());
    while is_ok(&set(&mut connection, "key", b"value")) {
        acknowledged += 1;
        assert!(start.elapsed() < PATIENCE, "writes are acknowledged into removed files");
        thread::sleep(Duration::from_millis(10));
    }
    let (status, log) = server.wait();
    assert!(!status.success(), "{log}");
    assert!(log.contains("was removed or replaced"), "{log}");
    acknowledged
}

#[test]
fn a_server_ends_when_its_directory_or_its_files_are_removed() {
    let remove: [fn(&Path); 4] = [
        remove_directory,
        // One that is only being made has another name by now.
        |data| names(data).iter().for_each(|name| drop(fs::remove_file(data.join(name)))),
        |data| fs::remove_file(data.join("00000000000000000001.log")).unwrap(),
        |data| {
            let log = data.join("00000000000000000001.log");
            fs::copy(&log, data.join("copy")).unwrap();
            fs::rename(data.join("copy"), log).unwrap();
        },
    ];
    // At the same time, as each looks at its files once a second.
    thread::scope(|scope| {
        for (number, remove) in remove.iter().enumerate() {
            scope.spawn(move || {
                let places = TempDir::new().unwrap();
                let data = places.path().join("data");
                let server = Server::start(&data, &[]);
                let mut connection = RedisConnection::open(server.address).unwrap();
                assert!(is_ok(&set(&mut connection, "key", b"value")));
                remove(&data);
                let acknowledged = write_until_the_end(server);
                println!("case {number}: {acknowledged} writes acknowledged after the removal");
            });
        }
    });
}

/// sled makes its files with modes of its own.
#[cfg(feature = "sled")]
#[test]
fn files_of_sled_are_closed_to_other_users() {
    let directory = TempDir::new().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for _ in 0..2 {
        let options = Options::new(directory.path()).engine(kvs::EngineKind::Sled);
        Store::open(options).unwrap().set("key", "value").unwrap();
        assert_eq!(mode(&directory.path().join("sled")), 0o700);
    }
    assert_eq!(mode(&directory.path().join("sled/db")), 0o600);
    assert_eq!(mode(&directory.path().join("sled/conf")), 0o600);
}

#[cfg(feature = "sled")]
#[test]
fn a_server_of_sled_ends_when_its_files_are_removed() {
    let places = TempDir::new().unwrap();
    let data = places.path().join("data");
    let server = Server::start(&data, &["--engine", "sled"]);
    remove_directory(&data.join("sled"));
    write_until_the_end(server);
}

#[test]
fn a_server_without_clients_ends_too() {
    let places = TempDir::new().unwrap();
    let data = places.path().join("data");
    let server = Server::start(&data, &[]);
    remove_directory(&data);
    let (status, log) = server.wait();
    assert!(!status.success() && log.contains("was removed or replaced"), "{log}");
}

#[test]
fn no_link_is_followed_and_no_foreign_file_is_written_to() {
    let outside = TempDir::new().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    for name in ["LOCK", "CLOSED", "ENGINE", "ENGINE.tmp"] {
        for is_store in [false, true] {
            let directory = TempDir::new().unwrap();
            if is_store {
                Store::open(Options::new(directory.path())).unwrap().set("a", "b").unwrap();
            }
            let link = directory.path().join(name);
            let _ = fs::remove_file(&link);
            symlink(&victim, &link).unwrap();
            let output = local(directory.path(), &["set", "key", "value"]);
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{name}: {output:?}");
            // What is only left over from a crash is removed, and not what it points to.
            if name != "ENGINE.tmp" {
                assert!(matches!(output.status.code(), Some(1 | 5)), "{name}: {output:?}");
                assert!(text(&output.stderr).contains(name), "{output:?}");
            }
        }
    }
    for contents in ["", "12345\n", "MyProgram"] {
        let directory = TempDir::new().unwrap();
        let lock = directory.path().join("LOCK");
        fs::write(&lock, contents).unwrap();
        let output = local(directory.path(), &["set", "key", "value"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(fs::read_to_string(&lock).unwrap(), contents);
        assert_eq!(names(directory.path()), ["LOCK"]);
    }
}

#[test]
fn a_copy_made_of_links_keeps_its_close() {
    let (directory, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    Store::open(Options::new(directory.path())).unwrap().set("a", "1").unwrap();
    let names = names(directory.path());
    let linked = names.iter().filter(|name| name.as_str() == "CLOSED");
    for name in linked {
        fs::hard_link(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    let before = fs::read(copy.path().join("CLOSED")).unwrap();
    Store::open(Options::new(directory.path())).unwrap().set("a", "2").unwrap();
    assert_eq!(fs::read(copy.path().join("CLOSED")).unwrap(), before);
    assert_ne!(fs::read(directory.path().join("CLOSED")).unwrap(), before);
}

#[test]
fn a_directory_that_others_may_change_is_refused_unless_it_is_trusted() {
    let directory = TempDir::new().unwrap();
    for (mode, is_refused) in [(0o777, true), (0o1777, false), (0o775, false), (0o700, false)] {
        set_mode(directory.path(), mode);
        let opened = Store::open(Options::new(directory.path()));
        let refused = matches!(&opened, Err(Error::UntrustedDirectory { .. }));
        assert_eq!(refused, is_refused, "{mode:o}: {opened:?}");
        assert_eq!(opened.is_err(), is_refused, "{mode:o}");
    }
    set_mode(directory.path(), 0o777);
    let output = local(directory.path(), &["get", "key"]);
    assert!(text(&output.stderr).contains("--trust-dir"), "{output:?}");
    assert!(local(directory.path(), &["--trust-dir", "set", "key", "value"]).status.success());
    let server = Server::start(directory.path(), &["--trust-dir"]);
    drop(server);
    Store::open(Options::new(directory.path()).trust_directory(true)).unwrap();
}

#[test]
fn a_directory_of_another_user_is_refused_unless_it_is_trusted() {
    if !is_root() {
        return;
    }
    let directory = TempDir::new().unwrap();
    std::os::unix::fs::chown(directory.path(), Some(65534), None).unwrap();
    let opened = Store::open(Options::new(directory.path()));
    assert!(matches!(&opened, Err(Error::UntrustedDirectory { .. })), "{opened:?}");
    assert!(names(directory.path()).is_empty());
    Store::open(Options::new(directory.path()).trust_directory(true)).unwrap();
}

#[test]
fn only_the_last_component_of_a_path_is_made() {
    let places = TempDir::new().unwrap();
    let data = places.path().join("data");
    assert!(local(&data, &["set", "key", "value"]).status.success());
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let deep = places.path().join("missing").join("data");
    for arguments in [&["set", "key", "value"][..], &["get", "key"], &["rm", "key"]] {
        let output = local(&deep, arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains("missing"), "{output:?}");
        assert!(output.stdout.is_empty());
    }
    let dangling = places.path().join("dangling");
    symlink(places.path().join("nowhere"), &dangling).unwrap();
    let output = local(&dangling, &["set", "key", "value"]);
    assert!(text(&output.stderr).contains("symbolic link"), "{output:?}");
    fs::write(places.path().join("file"), "").unwrap();
    let output = local(&places.path().join("file"), &["set", "key", "value"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(names(places.path()), ["dangling", "data", "file"]);
    // A link to a directory is as good as the directory.
    symlink(&data, places.path().join("link")).unwrap();
    let output = local(&places.path().join("link"), &["get", "key"]);
    assert_eq!(text(&output.stdout), "value\n");
}

#[test]
fn looking_for_a_key_creates_nothing() {
    let places = TempDir::new().unwrap();
    for arguments in [&["get", "key"][..], &["rm", "key"], &["--read-only", "get", "key"]] {
        let output = local(places.path(), arguments);
        assert_eq!(text(&output.stdout), "Key not found\n", "{output:?}");
        assert_eq!(output.status.success(), arguments.contains(&"get"), "{output:?}");
        let missing = local(&places.path().join("missing"), arguments);
        assert_eq!(missing.status.code(), Some(1), "{missing:?}");
        assert!(text(&missing.stderr).contains("missing"), "{missing:?}");
        assert!(names(places.path()).is_empty(), "{arguments:?}");
    }
}

#[test]
fn readers_share_a_store_but_not_with_a_writer() {
    let directory = TempDir::new().unwrap();
    let options = || Options::new(directory.path()).lock_wait(Duration::ZERO);
    let read = || Store::open(options().read_only(true));
    assert!(matches!(read(), Err(Error::NoStore { .. })));
    let writer = Store::open(options()).unwrap();
    writer.set("key", "value").unwrap();
    assert!(matches!(read(), Err(Error::Locked { .. })));
    drop(writer);
    let before = names(directory.path());
    let readers = [read().unwrap(), read().unwrap()];
    for reader in &readers {
        assert_eq!(reader.get("key").unwrap().unwrap(), b"value");
        assert!(matches!(reader.set("key", "other"), Err(Error::ReadOnly)));
        assert!(matches!(reader.remove("key"), Err(Error::ReadOnly)));
        reader.sync().unwrap();
    }
    assert!(matches!(Store::open(options()), Err(Error::Locked { .. })));
    let output = local(directory.path(), &["--read-only", "set", "key", "other"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("reading only"), "{output:?}");
    drop(readers);
    assert_eq!(names(directory.path()), before);
    Store::open(options()).unwrap().set("key", "other").unwrap();
}

#[test]
fn a_store_is_read_where_nothing_can_be_written() {
    if !is_root() {
        return;
    }
    let places = TempDir::new().unwrap();
    set_mode(places.path(), 0o755);
    let data = places.path().join("data");
    let server = Server::start(&data, &[]);
    let mut connection = RedisConnection::open(server.address).unwrap();
    assert!(is_ok(&set(&mut connection, "key", b"value")));
    server.kill();
    let mounted = Command::new("mount").args(["--bind", "-o", "ro"]).args([&data, &data]).status();
    let is_mounted =
        is_able("directories cannot be mounted", || mounted.is_ok_and(|s| s.success()));
    if is_mounted {
        let output = local(&data, &["--read-only", "get", "key"]);
        let refused = local(&data, &["get", "key"]);
        assert!(Command::new("umount").arg(&data).status().unwrap().success());
        assert_eq!(text(&output.stdout), "value\n", "{output:?}");
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    }
    // Another user, who may read everything and change nothing.
    set_mode(&data, 0o755);
    for name in names(&data) {
        set_mode(&data.join(name), 0o644);
    }
    let before = names(&data);
    let copy = places.path().join("kvs");
    fs::copy(LOCAL, &copy).unwrap();
    set_mode(&copy, 0o755);
    let mut command = Command::new(&copy);
    std::os::unix::process::CommandExt::uid(&mut command, 65534);
    let output = command.arg("--dir").arg(&data).args(["--read-only", "get", "key"]).output();
    let output = output.unwrap();
    assert_eq!(text(&output.stdout), "value\n", "{output:?}");
    assert_eq!(names(&data), before);
}
