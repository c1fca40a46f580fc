//! The three programs from outside: exit codes, streams, signals.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod answers;
mod arguments;
mod backups;
#[path = "../common/mod.rs"]
mod common;
mod compact;
mod damage;
mod data_directory;
mod engines;
mod killed;
mod memory;
mod passwords;
mod permissions;
mod plan;
mod ranges;
mod repair;
mod running_server;
mod terminal;
mod transfer;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use common::process::Server;
use common::text;
use common::wait::wait_until;
use kvs::protocol::native::FailureKind;
use kvs::{EngineKind, KvsClient};
use tempfile::TempDir;

const CLIENT: &str = env!("CARGO_BIN_EXE_kvs-client");
const LOCAL: &str = env!("CARGO_BIN_EXE_kvs");
const SERVER: &str = env!("CARGO_BIN_EXE_kvs-server");

/// Longer than anything here takes, so that a hang fails a test instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(10);

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn client(server: &Server, arguments: &[&str]) -> Output {
    let address = server.address.to_string();
    run(CLIENT, &[arguments, &["--addr", &address]].concat())
}

/// One of the two tools, with what makes it find its store.
struct Tool<'a> {
    program: &'a str,
    place: [&'a str; 2],
}

impl Tool<'_> {
    /// Runs a command, with its place at the front of the arguments or behind that many of them.
    fn run<A: AsRef<OsStr>>(&self, arguments: &[A], place_at: usize) -> Output {
        let (before, after) = arguments.split_at(place_at);
        Command::new(self.program).args(before).args(self.place).args(after).output().unwrap()
    }

    /// Runs a command that has to succeed without a word on standard error; what it printed.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, 0);
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        text(&output.stdout)
    }

    /// Runs a command that has to end with this code; what it printed and what it complained of.
    fn ended(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments, 0);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        (text(&output.stdout), text(&output.stderr))
    }

    /// Runs a command with these bytes on its standard input.
    fn run_on(&self, input: &[u8], arguments: &[&str]) -> Output {
        let mut command = Command::new(self.program);
        command.args(arguments).args(self.place).stdin(Stdio::piped());
        let mut tool = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = tool.stdin.take().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                // It may end before it has read everything.
                let _ = pipe.write_all(input);
            });
            tool.wait_with_output().unwrap()
        })
    }
}

/// Calls the function with each of the two tools.
fn with_both_tools(test: impl Fn(&Tool<'_>)) {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &["--engine", "memory"]);
    test(&Tool { program: CLIENT, place: ["--addr", &server.address.to_string()] });
    let local = TempDir::new().unwrap();
    test(&Tool { program: LOCAL, place: ["--dir", local.path().to_str().unwrap()] });
}

#[test]
fn the_local_tool_prints_the_figures_of_a_store() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    let none = run(LOCAL, &["stats", "--dir", path]);
    assert!(!none.status.success() && none.stdout.is_empty(), "{none:?}");
    for value in ["1", "2"] {
        assert!(run(LOCAL, &["set", "a", value, "--dir", path]).status.success());
    }
    for flags in [&["stats", "--dir", path][..], &["stats", "--read-only", "--dir", path]] {
        let stats = run(LOCAL, flags);
        assert!(stats.status.success(), "{stats:?}");
        let text = text(&stats.stdout);
        let lines: Vec<_> = text.lines().collect();
        for line in ["keyspace.default.keys: 1", "dead_values: 1", "segments: 1"] {
            assert!(lines.contains(&line), "{line} is missing from {text}");
        }
    }
}

#[test]
fn the_client_sets_gets_and_removes() {
    for engine in EngineKind::available() {
        let directory = TempDir::new().unwrap();
        set_get_remove(&Server::start(directory.path(), &["--engine", engine.name()]));
    }
}

fn set_get_remove(server: &Server) {
    let set = client(server, &["set", "key", "value"]);
    assert!(set.status.success() && set.stdout.is_empty(), "{set:?}");
    let get = client(server, &["get", "key"]);
    assert!(get.status.success(), "{get:?}");
    assert_eq!(text(&get.stdout), "value\n");
    let remove = client(server, &["rm", "key"]);
    assert!(remove.status.success() && remove.stdout.is_empty(), "{remove:?}");
    let get = client(server, &["get", "key"]);
    assert!(get.status.success(), "a missing key is an answer: {get:?}");
    assert_eq!(text(&get.stdout), "Key not found\n");
    let remove = client(server, &["rm", "key"]);
    assert_eq!(remove.status.code(), Some(1));
    assert!(remove.stdout.is_empty());
    assert_eq!(text(&remove.stderr), "Key not found\n");
}

#[test]
fn the_client_reaches_the_keyspace_that_it_names() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let missing = client(&server, &["get", "key", "--keyspace", "users"]);
    assert_eq!(missing.status.code(), Some(1));
    let advice = "; `keyspaces` lists those that there are\n";
    assert_eq!(text(&missing.stderr), format!("no keyspace is called \"users\"{advice}"));
    let set = client(&server, &["set", "key", "alice", "--keyspace", "users"]);
    assert!(set.status.success(), "{set:?}");
    assert_eq!(text(&client(&server, &["get", "key"]).stdout), "Key not found\n");
    let get = client(&server, &["--keyspace", "users", "get", "key"]);
    assert_eq!(text(&get.stdout), "alice\n");
    assert!(client(&server, &["rm", "key", "--keyspace", "users"]).status.success());
}

#[test]
fn the_local_tool_tells_a_missing_key_on_standard_output() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    let get = run(LOCAL, &["get", "key", "--dir", path]);
    assert!(get.status.success(), "{get:?}");
    assert_eq!(text(&get.stdout), "Key not found\n");
    let remove = run(LOCAL, &["rm", "key", "--dir", path]);
    assert_eq!(remove.status.code(), Some(1));
    assert_eq!(text(&remove.stdout), "Key not found\n");
    let set = run(LOCAL, &["--dir", path, "set", "key", "value"]);
    assert!(set.status.success() && set.stdout.is_empty(), "{set:?}");
}

#[test]
fn a_server_whose_address_is_taken_makes_no_store() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let parent = TempDir::new().unwrap();
    for engine in EngineKind::available().iter().map(|engine| engine.name()) {
        let directory = parent.path().join(engine);
        let path = directory.to_str().unwrap();
        let output = run(SERVER, &["--addr", &address, "--dir", path, "--engine", engine]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let message = text(&output.stderr);
        assert!(message.starts_with(&format!("cannot listen on {address}: ")), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(!directory.exists(), "{engine}");
    }
    // One that could be opened is left alone too.
    let path = parent.path().to_str().unwrap();
    assert_eq!(run(SERVER, &["--addr", &address, "--dir", path]).status.code(), Some(1));
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
}

#[test]
fn every_program_tells_its_version() {
    for program in [CLIENT, LOCAL, SERVER] {
        let output = run(program, &["-V"]);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn the_client_prints_what_is_committed() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let address = server.address.to_string();
    let mut watching = Command::new(CLIENT)
        .args(["watch", "user:", "--addr", &address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut client = KvsClient::connect(server.address).unwrap();
    // It may begin at any time from now on.
    let (stop, stopped) = mpsc::channel::<()>();
    let writer = thread::spawn(move || {
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            client.set("other", "").unwrap();
            client.set("user:\n", "a b").unwrap();
            client.remove("user:\n").unwrap();
            thread::sleep(Duration::from_millis(5));
        }
    });
    let lines: Vec<_> = (0..4).map(|_| printed.next().unwrap().unwrap()).collect();
    drop(stop);
    writer.join().unwrap();
    let expected = [" set \"user:\\n\" \"a b\"", " removed \"user:\\n\""];
    let is_expected = |line: &String| expected.iter().any(|expected| line.ends_with(expected));
    assert!(lines.iter().all(is_expected), "{lines:?}");
    // Nobody reads it any more, which ends it.
    drop(printed);
    let mut client = KvsClient::connect(server.address).unwrap();
    wait_until("it ends", || {
        client.set("user:2", "").unwrap();
        watching.try_wait().unwrap().is_some()
    });
    assert!(watching.wait().unwrap().success());
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let output = run(CLIENT, &["get", "key", "--addr", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(4));
    let message = text(&output.stderr);
    assert!(message.starts_with("cannot connect to 127.0.0.1:1: "), "{message}");
    assert_eq!(message.lines().count(), 1);
}
