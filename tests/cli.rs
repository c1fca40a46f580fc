//! The three programs from outside: exit codes, streams, signals.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::process::Server;
use common::text;
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
    for (program, cases) in [(CLIENT, &client[..]), (LOCAL, &client[..8]), (SERVER, &server)] {
        for arguments in cases {
            let directory = TempDir::new().unwrap();
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

    /// Sets, gets and removes the key, with its place after each of the first arguments in turn.
    fn set_get_remove(&self, escape: &[&OsStr], key: &OsStr, value: &OsStr) {
        for place_at in 0..=1 {
            let with = |command: &'static str, words: &[&OsStr]| {
                let arguments = [&[OsStr::new(command)], escape, words].concat();
                let output = self.run(&arguments, place_at);
                assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
                assert!(output.status.success(), "{arguments:?}: {output:?}");
                output.stdout
            };
            assert_eq!(with("set", &[key, value]), b"");
            assert_eq!(with("get", &[key]), [value.as_bytes(), b"\n"].concat());
            assert_eq!(with("rm", &[key]), b"");
            assert_eq!(with("get", &[key]), b"Key not found\n");
        }
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
fn negative_numbers_and_a_dash_are_keys_and_values() {
    let words = ["-5", "-5.5", "-0", "-1e10", "-", "", "a b", "5-", "="].map(OsStr::new);
    with_both_tools(|tool| {
        for word in words {
            tool.set_get_remove(&[], OsStr::new("key"), word);
            tool.set_get_remove(&[], word, OsStr::new("value"));
        }
        tool.set_get_remove(&[], OsStr::new("-5"), OsStr::new("-6"));
        tool.set_get_remove(&[], OsStr::new("-"), OsStr::new("-"));
        // The place may also be the last of the arguments.
        assert!(tool.run(&["set", "-5", "-6"], 3).status.success());
        assert_eq!(tool.run(&["get", "-5"], 2).stdout, b"-6\n");
    });
}

#[test]
fn everything_after_two_dashes_is_taken_as_it_is() {
    let words = ["--a", "--dir", "--addr", "--", "-x", "-V", "--help", "-5", "set", "--a=b"];
    with_both_tools(|tool| {
        let escape = [OsStr::new("--")];
        for word in words.map(OsStr::new) {
            tool.set_get_remove(&escape, OsStr::new("key"), word);
            tool.set_get_remove(&escape, word, OsStr::new("--value"));
        }
        assert!(tool.run(&["set", "key", "--", "--value"], 2).status.success());
        assert_eq!(tool.run(&["get", "key"], 0).stdout, b"--value\n");
        // Whatever looks like the place of a store is a word too many by then.
        let output = tool.run(&["get", "--", "key"], 3);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    });
}

#[test]
fn bytes_that_are_no_text_are_keys_and_values() {
    let words: [&[u8]; 5] = [b"\xFF", b"a\xFEb", b"\xC3\x28", b"=\xFF", b"5\x80"];
    with_both_tools(|tool| {
        for word in words.map(OsStr::from_bytes) {
            tool.set_get_remove(&[], word, word);
        }
        let escape = [OsStr::new("--")];
        for word in [&b"-\xFF"[..], b"--\xFF", b"-5\xFF"].map(OsStr::from_bytes) {
            tool.set_get_remove(&escape, word, word);
            let output = tool.run(&[OsStr::new("set"), OsStr::new("key"), word], 0);
            assert_eq!(output.status.code(), Some(2), "{output:?}");
        }
    });
}

#[test]
fn words_that_look_like_options_are_refused() {
    let cases: [&[&str]; 12] = [
        &["set", "key", "--unknown"],
        &["set", "--unknown", "value"],
        &["set", "key", "value", "--unknown"],
        &["set", "key", "--unknown=value"],
        &["set", "key", "-x"],
        &["set", "key", "-5x"],
        &["get", "--unknown"],
        &["get", "-x"],
        &["rm", "--unknown"],
        &["--unknown", "get", "key"],
        &["-5", "get", "key"],
        &["-", "get", "key"],
    ];
    with_both_tools(|tool| {
        for arguments in cases {
            let output = tool.run(arguments, 0);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
            assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
            assert!(text(&output.stderr).contains("Usage: "), "{arguments:?}: {output:?}");
        }
        assert_eq!(tool.run(&["get", "key"], 0).stdout, b"Key not found\n");
    });
}

#[test]
fn an_address_is_no_name_to_ask_somebody_about() {
    for program in [CLIENT, SERVER] {
        for address in ["localhost:4000", "example.com:80", "4000", "127.0.0.1", "[::1]", ""] {
            let arguments: &[&str] = if program == CLIENT { &["get", "key"] } else { &[] };
            let output = run(program, &[arguments, &["--addr", address]].concat());
            assert_eq!(output.status.code(), Some(2), "{program} {address:?}: {output:?}");
            let message = text(&output.stderr);
            assert!(message.contains("--addr <IP:PORT>"), "{message}");
            assert!(message.contains("as 127.0.0.1:4000"), "{message}");
        }
    }
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
fn a_server_that_is_not_there_is_named() {
    let output = run(CLIENT, &["get", "key", "--addr", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.starts_with("cannot connect to 127.0.0.1:1: "), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let value = "v".repeat(100_000);
    assert!(client(&server, &["set", "key", &value]).status.success());
    let mut client = Command::new(CLIENT)
        .args(["get", "key", "--addr", &server.address.to_string()])
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
    for signal in ["TERM", "INT"] {
        let directory = TempDir::new().unwrap();
        let server = Server::start(directory.path(), &[]);
        let mut stream = TcpStream::connect(server.address).unwrap();
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
        assert!(last.is_empty() || last == &pair[..5], "{}", last.escape_ascii());
        let (status, logged) = server.wait();
        assert_eq!(status.code(), Some(0), "{logged}");
        assert!(logged.trim_end().ends_with("stopped"), "{logged}");
    }
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_server() {
    let directory = TempDir::new().unwrap();
    let mut child = Command::new(SERVER)
        .args(["--addr", "127.0.0.1:0", "--dir", directory.path().to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on ") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0);
    }
    drop(log);
    let address = line.rsplit(' ').next().unwrap().trim();
    for _ in 0..2 {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"*1\r\n!\r\n").unwrap();
        assert_ne!(client.read(&mut [0; 64]).unwrap(), 0, "a reply, whatever it logged");
    }
    assert!(run("kill", &["-s", "TERM", &child.id().to_string()]).status.success());
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() < PATIENCE => std::thread::yield_now(),
            None => {
                child.kill().unwrap();
                panic!("the server goes on after a signal that it cannot log");
            }
        }
    };
    assert!(status.success(), "{status}");
}

#[test]
fn connections_leave_files_for_the_store() {
    let directory = TempDir::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\"", SERVER]);
    let server = Server::start_command(command, directory.path(), &["--engine", "kvs"]);
    let mut first = TcpStream::connect(server.address).unwrap();
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    let _others: Vec<_> = (0..128).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let value = vec![0; 30 << 20];
    for _ in 0..4 {
        write!(first, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", value.len()).unwrap();
        first.write_all(&value).unwrap();
        first.write_all(b"\r\n").unwrap();
        let mut reply = [0; 5];
        first.read_exact(&mut reply).unwrap();
        assert_eq!(text(&reply), "+OK\r\n", "a new segment needs a file");
    }
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    // The server waits some seconds for a client that takes no replies.
    let mut deaf = TcpStream::connect(server.address).unwrap();
    let value = vec![b'v'; 16 << 20];
    let head = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", value.len());
    deaf.write_all(head.as_bytes()).unwrap();
    deaf.write_all(&value).unwrap();
    deaf.write_all(b"\r\n").unwrap();
    let mut ok = [0; 5];
    deaf.read_exact(&mut ok).unwrap();
    deaf.write_all(&b"GET k\r\n".repeat(3)).unwrap();
    deaf.read_exact(&mut ok).unwrap();
    server.signal("TERM");
    // The second signal must not come before the first was taken: the listener is gone then.
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    server.signal("TERM");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(128 + 15), "patience with the client would end with 0");
}

#[test]
fn signals_that_ask_nothing_of_the_server_are_ignored() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let ignored = ["HUP", "USR1", "USR2", "ALRM"];
    for signal in ignored {
        server.signal(signal);
        assert!(client(&server, &["set", signal, "value"]).status.success(), "after {signal}");
        assert_eq!(text(&client(&server, &["get", signal]).stdout), "value\n");
    }
    server.signal("TERM");
    let (status, logged) = server.wait();
    assert_eq!(status.code(), Some(0), "{logged}");
    for signal in ignored {
        assert!(logged.contains(&format!("ignoring signal SIG{signal}")), "{logged}");
    }
    assert!(logged.trim_end().ends_with("stopped"), "{logged}");
}

#[test]
fn what_was_set_outlives_a_stopped_server() {
    let is_kept = |engine: &&EngineKind| **engine != EngineKind::Memory;
    for engine in EngineKind::available().iter().filter(is_kept).map(|engine| engine.name()) {
        let directory = TempDir::new().unwrap();
        let server = Server::start(directory.path(), &["--engine", engine]);
        assert!(client(&server, &["set", "key", "value"]).status.success());
        server.signal("TERM");
        assert_eq!(server.wait().0.code(), Some(0));
        // Without --engine: the directory knows.
        let server = Server::start(directory.path(), &[]);
        assert_eq!(text(&client(&server, &["get", "key"]).stdout), "value\n");
        server.signal("TERM");
        let (_, logged) = server.wait();
        assert!(logged.contains(&format!("engine {engine}")), "{logged}");
        assert!(logged.contains(env!("CARGO_PKG_VERSION")), "{logged}");
        assert!(logged.contains(directory.path().to_str().unwrap()), "{logged}");
        // No option makes sled keep more than it does, so it is said at every start.
        let warnings: Vec<_> = logged.lines().filter(|line| line.contains("WARN")).collect();
        assert_eq!(warnings.len(), usize::from(engine == "sled"), "{logged}");
        assert!(warnings.iter().all(|line| line.contains("a power loss may")), "{logged}");
        assert!(!logged.contains("ERROR"), "{logged}");
        let path = directory.path().to_str().unwrap();
        assert_eq!(text(&run(LOCAL, &["get", "key", "--dir", path]).stdout), "value\n");
    }
}

#[test]
fn another_engine_than_the_directorys_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    assert!(run(LOCAL, &["set", "key", "value", "--dir", path]).status.success());
    let is_another = |engine: &&EngineKind| **engine != EngineKind::Kvs;
    for engine in EngineKind::available().iter().filter(is_another).map(|engine| engine.name()) {
        let arguments = ["--addr", "127.0.0.1:0", "--dir", path, "--engine", engine];
        let output = run(SERVER, &arguments);
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.contains("kvs") && message.contains(engine), "{message}");
    }
}

#[test]
#[cfg(not(feature = "sled"))]
fn an_engine_that_this_build_does_not_have_is_named() {
    let missing = "this build has no sled engine";
    let output = run(SERVER, &["--addr", "127.0.0.1:0", "--engine", "sled"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains(missing), "{output:?}");
    assert!(!text(&run(SERVER, &["--help"]).stdout).contains("sled"));
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    std::fs::write(directory.path().join("ENGINE"), format!("sled\n{:032x}\n", 7)).unwrap();
    for output in [
        run(LOCAL, &["get", "key", "--dir", path]),
        run(SERVER, &["--addr", "127.0.0.1:0", "--dir", path]),
    ] {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let message = text(&output.stderr);
        assert!(message.contains(missing) && message.contains(path), "{message}");
    }
}

#[test]
fn a_second_process_on_the_directory_is_told_who_holds_it() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let path = directory.path().to_str().unwrap();
    let holder = format!("process {}", server.id());
    for output in [
        run(LOCAL, &["get", "key", "--dir", path]),
        run(SERVER, &["--addr", "127.0.0.1:0", "--dir", path]),
    ] {
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.contains(&holder) && message.contains(path), "{message}");
    }
    server.kill();
    assert!(run(LOCAL, &["get", "key", "--dir", path]).status.success());
}

/// Flips a bit of a value in the log of the `kvs` engine; the file it is in.
fn damage(directory: &Path, value: &[u8]) -> PathBuf {
    let mut files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let segment = files.find(is_log).unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(value.len()).position(|window| window == value).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
    segment
}

#[test]
fn damage_is_refused_with_file_and_offset() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    assert!(run(LOCAL, &["set", "key", "a value to find", "--dir", path]).status.success());
    let segment = damage(directory.path(), b"a value");
    let output = run(LOCAL, &["get", "key", "--dir", path]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains(segment.to_str().unwrap()), "{message}");
    assert!(message.contains("offset 72"), "{message}");
}

#[test]
fn a_server_tells_its_clients_of_damage_and_its_log_where_it_is() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &["--cache-mib", "0"]);
    assert!(client(&server, &["set", "key", "a value to find"]).status.success());
    let segment = damage(directory.path(), b"a value");
    let mut native = KvsClient::connect(server.address).unwrap();
    let Err(kvs::ClientError::Remote { kind, message }) = native.get("key") else {
        panic!("not refused")
    };
    assert_eq!(kind, FailureKind::Corrupt, "{message}");
    let output = client(&server, &["get", "key"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), format!("{message}\n"));
    let mut redis = TcpStream::connect(server.address).unwrap();
    redis.set_read_timeout(Some(PATIENCE)).unwrap();
    redis.write_all(b"GET key\r\nGET none\r\n").unwrap();
    let mut reply = String::new();
    let mut reader = BufReader::new(redis);
    reader.read_line(&mut reply).unwrap();
    assert_eq!(reply, format!("-ERR {message}\r\n"));
    reply.clear();
    reader.read_line(&mut reply).unwrap();
    assert_eq!(reply, "$-1\r\n", "the connection goes on");
    assert!(message.starts_with("stored data is damaged: "), "{message}");
    assert!(!message.contains(directory.path().to_str().unwrap()), "{message}");
    server.signal("TERM");
    let (_, logged) = server.wait();
    let named = format!("{} is damaged at offset ", segment.display());
    assert!(logged.contains(&named), "{logged}");
}
