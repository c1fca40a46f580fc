//! Backups that a running server makes: what is in them, what is refused, and what becomes of one
//! that is interrupted.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::running::Running;
use common::wait::wait_until;
use kvs::protocol::native::{BackupState, BackupStep, FailureKind};
use kvs::{ClientError, EngineKind, KvsClient, Options, ServerOptions, Store};
use tempfile::TempDir;

/// A server over a store of the `kvs` engine, with a directory for backups.
struct Backed {
    directory: TempDir,
    server: Running,
}

impl Backed {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("backups")).unwrap();
        let server = Self::server(directory.path());
        Self { directory, server }
    }

    fn server(directory: &Path) -> Running {
        let options = ServerOptions::default().backup_directory(directory.join("backups"));
        Running::start_on(Options::new(directory.join("data")).segment_bytes_max(1 << 20), options)
    }

    fn client(&self) -> KvsClient {
        KvsClient::connect(self.server.address).unwrap()
    }

    /// Opens a backup as the store that it is.
    fn open(&self, name: &str) -> Store {
        Store::open(Options::new(self.directory.path().join("backups").join(name)).read_only(true))
            .unwrap()
    }

    /// Sends a command of Redis, and returns the line that answers it.
    fn redis(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(self.server.address).unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.strip_suffix("+OK\r\n").unwrap().to_owned()
    }

    /// Returns a field of `INFO persistence`.
    fn info(&self, field: &str) -> String {
        let text = self.redis("INFO persistence");
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("{field} is not in {text}")).to_owned()
    }
}

/// Waits for the end of the backup.
fn ended(client: &mut KvsClient) -> BackupState {
    let mut last = None;
    wait_until("the backup ends", || {
        last = client.backup_state().unwrap();
        let step = last.as_ref().map(|state| &state.step);
        matches!(step, Some(BackupStep::Finished { .. } | BackupStep::Failed(_)))
    });
    last.unwrap()
}

fn kind(result: Result<BackupState, ClientError>) -> FailureKind {
    result.unwrap_err().failure_kind().unwrap()
}

#[test]
fn a_backup_has_what_was_acknowledged_before_it_in_every_keyspace() {
    let backed = Backed::start();
    let mut client = backed.client();
    assert_eq!(client.backup_state().unwrap(), None);
    client.set("key", "value").unwrap();
    client.keyspace("users").unwrap().set("1", "alice").unwrap();
    let begun = client.begin_backup(Some("monday")).unwrap();
    assert_eq!(begun.name, "monday");
    client.set("key", "later").unwrap();
    let state = ended(&mut client);
    let BackupStep::Finished { keys, segments, .. } = state.step else { panic!("{state:?}") };
    assert_eq!((keys, segments), (2, 1));
    let backup = backed.open("monday");
    // It was begun, and maybe not taken, when the second write came.
    assert!(matches!(backup.get("key").unwrap().as_deref(), Some(b"value" | b"later")));
    let users = backup.find_keyspace("users").unwrap().unwrap();
    assert_eq!(users.get("1").unwrap().as_deref(), Some(&b"alice"[..]));
}

#[test]
fn each_backup_beside_writers_is_one_point_in_time() {
    let backed = Backed::start();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (backed, stop) = (&backed, &stop);
            scope.spawn(move || {
                let mut client = backed.client();
                for number in 0_u64.. {
                    // The second key never holds more than the first one.
                    client.set(format!("a{writer}"), number.to_string()).unwrap();
                    client.set(format!("b{writer}"), number.to_string()).unwrap();
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let mut client = backed.client();
        for round in 0..5 {
            let name = format!("round-{round}");
            let marker = round.to_string();
            client.set("marker", &marker).unwrap();
            client.begin_backup(Some(&name)).unwrap();
            let state = ended(&mut client);
            assert!(matches!(state.step, BackupStep::Finished { .. }), "{state:?}");
            let backup = backed.open(&name);
            assert_eq!(backup.get("marker").unwrap().as_deref(), Some(marker.as_bytes()));
            for writer in 0..2 {
                let number = |key: String| -> Option<u64> {
                    let value = backup.get(key).unwrap()?;
                    Some(String::from_utf8(value).unwrap().parse().unwrap())
                };
                let (a, b) = (number(format!("a{writer}")), number(format!("b{writer}")));
                assert!(a == b || a == b.map(|b| b + 1).or(Some(0)), "{a:?} {b:?}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn redis_clients_make_backups_and_see_them() {
    let backed = Backed::start();
    let started: u64 = backed.redis("LASTSAVE")[1..].trim().parse().unwrap();
    assert_eq!(backed.info("rdb_last_save_time"), started.to_string());
    assert_eq!(backed.info("rdb_last_bgsave_time_sec"), "-1");
    backed.server.store.set("key", "value").unwrap();
    assert_eq!(backed.redis("BGSAVE"), "+Background saving started\r\n");
    wait_until("the backup ends", || backed.info("rdb_bgsave_in_progress") == "0");
    assert_eq!(backed.info("rdb_last_bgsave_status"), "ok");
    let name = backed.info("kvs_last_backup");
    assert_eq!(backed.open(&name).get("key").unwrap().as_deref(), Some(&b"value"[..]));
    let saved: u64 = backed.redis("LASTSAVE")[1..].trim().parse().unwrap();
    assert!(saved >= started);
    assert_eq!(backed.redis("BGSAVE now"), "-ERR syntax error\r\n");
    assert_eq!(backed.redis("BGSAVE SCHEDULE"), "+Background saving started\r\n");
    wait_until("the backup ends", || backed.info("rdb_bgsave_in_progress") == "0");
    assert!(backed.info("kvs_last_backup") > name, "names of times are in order");
}

#[test]
fn names_that_lead_elsewhere_and_directories_in_use_are_refused() {
    let backed = Backed::start();
    let mut client = backed.client();
    for name in ["", "..", "a/b", "/tmp/x", ".hidden", &"x".repeat(65)] {
        assert_eq!(kind(client.begin_backup(Some(name))), FailureKind::InvalidBackupName, "{name}");
    }
    client.begin_backup(Some("monday")).unwrap();
    assert!(matches!(ended(&mut client).step, BackupStep::Finished { .. }));
    client.begin_backup(Some("monday")).unwrap();
    let state = ended(&mut client);
    let BackupStep::Failed(failure) = state.step else { panic!("{state:?}") };
    let path = backed.directory.path().to_str().unwrap();
    assert!(!failure.message.contains(path), "{failure}");
    assert_eq!(backed.info("rdb_last_bgsave_status"), "err");
    // What was there is as it was, and the next one succeeds.
    drop(backed.open("monday"));
    client.begin_backup(Some("tuesday")).unwrap();
    assert!(matches!(ended(&mut client).step, BackupStep::Finished { .. }));
    assert_eq!(backed.info("rdb_last_bgsave_status"), "ok");
}

#[test]
fn a_server_without_a_directory_or_another_engine_refuses() {
    let server = Running::start(ServerOptions::default());
    let mut client = KvsClient::connect(server.address).unwrap();
    assert_eq!(kind(client.begin_backup(None)), FailureKind::Unsupported);
    assert_eq!(client.backup_state().unwrap(), None);
    let directory = TempDir::new().unwrap();
    let options = ServerOptions::default().backup_directory(directory.path());
    let memory = Options::new("nothing-is-stored-here").engine(EngineKind::Memory);
    let server = Running::start_on(memory, options);
    let mut client = KvsClient::connect(server.address).unwrap();
    client.begin_backup(None).unwrap();
    let state = ended(&mut client);
    let BackupStep::Failed(failure) = state.step else { panic!("{state:?}") };
    assert_eq!(failure.kind, FailureKind::Unsupported);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_is_gone_fails_one_backup_and_not_the_server() {
    let backed = Backed::start();
    let backups = backed.directory.path().join("backups");
    fs::remove_dir(&backups).unwrap();
    let mut client = backed.client();
    client.begin_backup(None).unwrap();
    assert!(matches!(ended(&mut client).step, BackupStep::Failed(_)));
    fs::create_dir(&backups).unwrap();
    client.begin_backup(None).unwrap();
    assert!(matches!(ended(&mut client).step, BackupStep::Finished { .. }));
}

#[test]
fn a_server_that_stops_ends_its_backup_which_the_next_one_goes_on_with() {
    let mut backed = Backed::start();
    let mut client = backed.client();
    let mut batch = kvs::ClientBatch::new();
    for number in 0..2_000 {
        batch.set(format!("key{number}"), vec![7; 4096]);
    }
    client.write(batch).unwrap();
    client.begin_backup(Some("monday")).unwrap();
    drop(client);
    backed.server.stop();
    drop(backed.server);
    backed.server = Backed::server(backed.directory.path());
    let mut client = backed.client();
    assert_eq!(client.backup_state().unwrap(), None, "another run of the server");
    let is_finished = backed.directory.path().join("backups/monday/ENGINE").exists();
    if !is_finished {
        client.begin_backup(Some("monday")).unwrap();
        assert!(matches!(ended(&mut client).step, BackupStep::Finished { .. }));
    }
    assert_eq!(backed.open("monday").len().unwrap(), 2_000);
}
