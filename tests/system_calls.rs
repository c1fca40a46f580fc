//! The system calls of a server, and its behaviour when they fail.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use common::process::Server;
use common::tool::has;
use kvs::KvsClient;
use tempfile::TempDir;

/// Starts a server under `strace`, which runs beside it so that signals reach the server itself.
fn traced(directory: &Path, options: &[&str], arguments: &[&str]) -> Server {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq"]).args(options).arg(env!("CARGO_BIN_EXE_kvs-server"));
    Server::start_command(command, directory, arguments)
}

/// Returns the number of calls, from a summary that strace writes when the server has ended.
fn calls(summary: &Path, name: &str) -> u64 {
    let text = loop {
        match std::fs::read_to_string(summary) {
            Ok(text) if text.contains("total") => break text,
            _ => thread::sleep(Duration::from_millis(10)),
        }
    };
    let line = text.lines().find(|line| line.ends_with(&format!(" {name}")));
    line.map_or(0, |line| line.split_whitespace().nth(3).unwrap().parse().unwrap())
}

#[test]
fn always_syncs_once_for_each_group_of_writes() {
    if !has("strace", &["-V"]) {
        return;
    }
    const CLIENTS: u64 = 50;
    const WRITES: u64 = 40;
    let (directory, traces) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let summary = traces.path().join("summary");
    let options = ["-c", "-e", "trace=fdatasync,pwrite64", "-o", summary.to_str().unwrap()];
    let server = traced(directory.path(), &options, &["--durability", "always"]);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let mut connection = KvsClient::connect(server.address).unwrap();
            scope.spawn(move || {
                for write in 0..WRITES {
                    connection.set(format!("{client}:{write}"), "value").unwrap();
                }
            });
        }
    });
    server.signal("TERM");
    assert!(server.wait().0.success());
    let (syncs, writes) = (calls(&summary, "fdatasync"), calls(&summary, "pwrite64"));
    println!("{} sets: {writes} writes, {syncs} syncs", CLIENTS * WRITES);
    // Besides the groups: the engine's name, the header of the segment, the lock's note, the close
    // mark.
    let others = 6;
    assert!(syncs.abs_diff(writes) <= others, "{writes} writes, {syncs} syncs");
    assert!(syncs < CLIENTS * WRITES / 2, "{syncs} syncs: writes that waited were not grouped");
}

#[test]
fn after_a_failed_sync_the_server_acknowledges_no_write_and_still_reads() {
    if !has("strace", &["-V"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let inject = "inject=fdatasync:error=EIO:when=4+";
    let options = ["-o", "/dev/null", "-e", "trace=fdatasync", "-e", inject];
    let server = traced(directory.path(), &options, &["--durability", "always"]);
    let mut client = KvsClient::connect(server.address).unwrap();
    let mut acknowledged = 0;
    while client.set(format!("key{acknowledged}"), "value").is_ok() {
        acknowledged += 1;
    }
    assert!(acknowledged > 0, "the first syncs succeed");
    for _ in 0..3 {
        assert!(matches!(client.set("later", "value"), Err(kvs::ClientError::Remote { .. })));
    }
    assert_eq!(client.get("later").unwrap(), None);
    assert_eq!(client.get("key0").unwrap().unwrap(), b"value");
    server.signal("TERM");
    let (status, logged) = server.wait();
    assert_eq!(status.code(), Some(1), "{logged}");
    assert!(logged.contains("takes no more writes"), "{logged}");
    let server = Server::start(directory.path(), &[]);
    let mut client = KvsClient::connect(server.address).unwrap();
    for key in 0..acknowledged {
        assert_eq!(client.get(format!("key{key}")).unwrap().unwrap(), b"value");
    }
}
