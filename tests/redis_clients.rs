//! Redis' own programs drive the server unmodified. Other clients do it in `tests/clients/`.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::process::Server;
use common::text;
use common::tool::{has, output};
use kvs::EngineKind;
use tempfile::TempDir;

fn redis_cli(server: &Server, arguments: &[&str]) -> String {
    let port = server.address.port().to_string();
    output(Command::new("redis-cli").args(["-p", &port]).args(arguments))
}

#[test]
fn redis_cli_sets_gets_and_scans() {
    if !has("redis-cli", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    assert_eq!(redis_cli(&server, &["ping"]), "PONG\n");
    assert_eq!(redis_cli(&server, &["set", "key", "va lue"]), "OK\n");
    assert_eq!(redis_cli(&server, &["get", "key"]), "va lue\n");
    assert_eq!(redis_cli(&server, &["-3", "get", "key"]), "va lue\n");
    assert_eq!(redis_cli(&server, &["incrby", "n", "41"]), "41\n");
    assert_eq!(redis_cli(&server, &["--json", "mget", "n", "none"]), "[\"41\",null]\n");
    assert_eq!(redis_cli(&server, &["set", "short", "x", "px", "60000"]), "OK\n");
    let left: i64 = redis_cli(&server, &["pttl", "short"]).trim().parse().unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    for n in 0..50 {
        redis_cli(&server, &["set", &format!("scan:{n}"), "x"]);
    }
    let scanned = redis_cli(&server, &["--scan", "--pattern", "scan:*"]);
    let mut keys: Vec<_> = scanned.lines().collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 50);
    assert_eq!(redis_cli(&server, &["dbsize"]), "53\n");
    assert!(redis_cli(&server, &["info"]).contains("role:master"));
    assert_eq!(redis_cli(&server, &["flushall"]), "OK\n");
    assert_eq!(redis_cli(&server, &["dbsize"]), "0\n");
    assert!(redis_cli(&server, &["nonsense"]).contains("unknown command"));
}

#[test]
fn redis_cli_and_redis_benchmark_use_a_unix_socket() {
    if !has("redis-cli", &["--version"]) || !has("redis-benchmark", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("kvs.sock");
    let path = path.to_str().unwrap();
    let _server = Server::start(&directory.path().join("data"), &["--unix", path]);
    let redis_cli =
        |arguments: &[&str]| output(Command::new("redis-cli").args(["-s", path]).args(arguments));
    assert_eq!(redis_cli(&["set", "key", "va lue"]), "OK\n");
    assert_eq!(redis_cli(&["-3", "get", "key"]), "va lue\n");
    assert_eq!(redis_cli(&["config", "get", "unixsocket"]), format!("unixsocket\n{path}\n"));
    assert_eq!(redis_cli(&["config", "get", "unixsocketperm"]), "unixsocketperm\n700\n");
    let listed = redis_cli(&["client", "list"]);
    assert!(listed.contains(&format!(" addr={path}:0 laddr={path}:0 ")), "{listed}");
    for pipeline in ["1", "16"] {
        let arguments = ["-s", path, "-t", "incr", "-n", "4800", "-q", "-P", pipeline];
        let printed = output(Command::new("redis-benchmark").args(arguments));
        assert!(printed.contains("INCR: "), "{printed}");
    }
    assert_eq!(redis_cli(&["get", "counter:__rand_int__"]), "9600\n");
}

#[test]
fn redis_cli_loads_a_mass_of_commands_through_its_pipe() {
    if !has("redis-cli", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let port = server.address.port().to_string();
    let mut child = Command::new("redis-cli")
        .args(["-p", &port, "--pipe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut commands = Vec::new();
    for n in 0..20_000 {
        let key = format!("key{n}");
        write!(commands, "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$5\r\nvalue\r\n", key.len()).unwrap();
    }
    child.stdin.take().unwrap().write_all(&commands).unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success() && printed.contains("errors: 0, replies: 20000"), "{printed}");
    assert_eq!(redis_cli(&server, &["dbsize"]), "20000\n");
}

#[test]
fn redis_benchmark_runs_with_and_without_pipelining() {
    if !has("redis-benchmark", &["--version"]) {
        return;
    }
    for engine in EngineKind::available() {
        let directory = TempDir::new().unwrap();
        let server = Server::start(directory.path(), &["--engine", engine.name()]);
        let port = server.address.port().to_string();
        for pipeline in ["1", "16"] {
            let arguments =
                ["-p", &port, "-t", "ping,set,get,incr,mset", "-n", "4800", "-q", "-P", pipeline];
            let printed = output(Command::new("redis-benchmark").args(arguments));
            for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
                assert!(printed.contains(&format!("{test}: ")), "{engine}, {test}: {printed}");
            }
            assert!(!printed.to_lowercase().contains("error"), "{printed}");
        }
        // Every increment of both runs counted.
        assert_eq!(redis_cli(&server, &["get", "counter:__rand_int__"]), "9600\n");
        assert_eq!(redis_cli(&server, &["exists", "counter:__rand_int__", "none"]), "1\n");
        assert_eq!(redis_cli(&server, &["ttl", "counter:__rand_int__"]), "-1\n");
        assert_eq!(redis_cli(&server, &["type", "none"]), "none\n");
    }
}

#[test]
fn redis_programs_give_a_password() {
    if !has("redis-cli", &["--version"]) || !has("redis-benchmark", &["--version"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvs-server"));
    command.env("KVS_PASSWORD", "secret");
    let server = Server::start_command(command, directory.path(), &[]);
    let port = server.address.port().to_string();
    assert_eq!(redis_cli(&server, &["ping"]).trim(), "NOAUTH Authentication required.");
    for user in [&[][..], &["--user", "default"]] {
        let arguments = [&["--no-auth-warning", "-a", "secret"], user, &["ping"]].concat();
        assert_eq!(redis_cli(&server, &arguments), "PONG\n");
    }
    let arguments = ["-p", &port, "-a", "secret", "-n", "100", "-t", "set", "-q"];
    let measured = output(Command::new("redis-benchmark").args(arguments));
    assert!(measured.contains("requests per second"), "{measured}");
}
