//! The three programs from outside: exit codes, streams, signals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

const CLIENT: &str = env!("CARGO_BIN_EXE_kvs-client");
const LOCAL: &str = env!("CARGO_BIN_EXE_kvs");
const SERVER: &str = env!("CARGO_BIN_EXE_kvs-server");

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A server process in a directory of its own.
struct Server {
    process: Child,
    log: BufReader<ChildStderr>,
    address: String,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new(SERVER)
            .args(["--addr", "127.0.0.1:0", "--engine", "memory", "--dir"])
            .arg(directory.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(
                log.read_line(&mut line).unwrap() > 0,
                "it ended before it listened"
            );
            if let Some((_, address)) = line.trim_end().split_once("listening on ") {
                break address.to_owned();
            }
        };
        Self {
            process,
            log,
            address,
            _directory: directory,
        }
    }

    fn client(&self, arguments: &[&str]) -> Output {
        let address = ["--addr", &self.address];
        run(CLIENT, &[arguments, &address].concat())
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// The exit code, and what was logged meanwhile.
    fn end(mut self) -> (Option<i32>, String) {
        let mut logged = String::new();
        self.log.read_to_string(&mut logged).unwrap();
        (self.process.wait().unwrap().code(), logged)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_client_sets_gets_and_removes() {
    let server = Server::start();
    let set = server.client(&["set", "key", "value"]);
    assert!(set.status.success() && set.stdout.is_empty(), "{set:?}");
    let get = server.client(&["get", "key"]);
    assert!(get.status.success(), "{get:?}");
    assert_eq!(text(&get.stdout), "value\n");
    let remove = server.client(&["rm", "key"]);
    assert!(
        remove.status.success() && remove.stdout.is_empty(),
        "{remove:?}"
    );
    let get = server.client(&["get", "key"]);
    assert!(get.status.success(), "a missing key is an answer: {get:?}");
    assert_eq!(text(&get.stdout), "Key not found\n");
    let remove = server.client(&["rm", "key"]);
    assert_eq!(remove.status.code(), Some(1));
    assert!(remove.stdout.is_empty());
    assert_eq!(text(&remove.stderr), "Key not found\n");
}

#[test]
fn the_local_tool_tells_a_missing_key_on_standard_output() {
    let directory = tempfile::tempdir().unwrap();
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
fn what_cannot_be_understood_is_refused_on_standard_error() {
    let client: [&[&str]; 9] = [
        &[],
        &["get"],
        &["get", "a", "b"],
        &["set", "a"],
        &["set", "a", "b", "c"],
        &["rm"],
        &["unknown", "a"],
        &["get", "a", "--unknown"],
        &["get", "a", "--addr", "not-an-address"],
    ];
    let server: [&[&str]; 5] = [
        &["--engine", "unknown"],
        &["--addr", "not-an-address"],
        &["--addr", "192.0.2.1:1"],
        &["--durability", "sometimes"],
        &["extra"],
    ];
    for (program, cases) in [
        (CLIENT, &client[..]),
        (LOCAL, &client[..8]),
        (SERVER, &server),
    ] {
        for arguments in cases {
            let directory = tempfile::tempdir().unwrap();
            let output = Command::new(program)
                .args(*arguments)
                .current_dir(directory.path())
                .output()
                .unwrap();
            assert!(!output.status.success(), "{program} {arguments:?}");
            assert!(!output.stderr.is_empty(), "{program} {arguments:?}");
            assert!(output.stdout.is_empty(), "{program} {arguments:?}");
        }
    }
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
fn a_server_that_is_not_there_is_named() {
    let output = run(CLIENT, &["get", "key", "--addr", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.starts_with("cannot connect to 127.0.0.1:1: "),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let server = Server::start();
    let value = "v".repeat(100_000);
    assert!(server.client(&["set", "key", &value]).status.success());
    let mut client = Command::new(CLIENT)
        .args(["get", "key", "--addr", &server.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(client.stdout.take());
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_signal_ends_the_server_after_it_answered() {
    for signal in ["-TERM", "-INT"] {
        let server = Server::start();
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let mut sender = stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            let request = b"SET key value\r\nGET key\r\n".repeat(100);
            while sender.write_all(&request).is_ok() {}
        });
        let pair = b"+OK\r\n$5\r\nvalue\r\n";
        let mut first = [0; 16];
        stream.read_exact(&mut first).unwrap();
        server.signal(signal);
        let mut replies = first.to_vec();
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            replies.extend_from_slice(&buffer[..count]);
        }
        drop(stream);
        sending.join().unwrap();
        let (whole, last) = replies.split_at(replies.len() / pair.len() * pair.len());
        assert!(whole == pair.repeat(whole.len() / pair.len()));
        assert!(
            last.is_empty() || last == &pair[..5],
            "{}",
            last.escape_ascii()
        );
        let (code, logged) = server.end();
        assert_eq!(code, Some(0), "{logged}");
        assert!(logged.trim_end().ends_with("stopped"), "{logged}");
    }
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let server = Server::start();
    // The server waits some seconds for a client that takes no replies.
    let mut deaf = TcpStream::connect(&server.address).unwrap();
    let value = vec![b'v'; 16 << 20];
    let head = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", value.len());
    deaf.write_all(head.as_bytes()).unwrap();
    deaf.write_all(&value).unwrap();
    deaf.write_all(b"\r\n").unwrap();
    let mut ok = [0; 5];
    deaf.read_exact(&mut ok).unwrap();
    deaf.write_all(&b"GET k\r\n".repeat(3)).unwrap();
    deaf.read_exact(&mut ok).unwrap();
    server.signal("-TERM");
    let mut server = server;
    let mut line = String::new();
    server.log.read_line(&mut line).unwrap();
    assert!(line.contains("stopping at signal 15"), "{line}");
    let start = Instant::now();
    server.signal("-TERM");
    let (code, _) = server.end();
    assert_eq!(code, Some(128 + 15));
    assert!(start.elapsed() < Duration::from_secs(3));
}
