//! Commands that operate a running server: pauses, silence, saves, compactions, its end.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::lines::{connect, exchange};
use common::running::Running;
use common::wait::{PATIENCE, wait_until};
use kvs::{Options, ServerOptions};

/// Reads a line, with its end.
fn line(stream: &mut TcpStream) -> String {
    let mut line = String::new();
    while !line.ends_with("\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        line.push(char::from(byte[0]));
    }
    line
}

/// Returns the reply to a line, a bulk string.
fn text(stream: &mut TcpStream, sent: &str) -> String {
    stream.write_all(sent.as_bytes()).unwrap();
    let length: usize = line(stream)[1..].trim().parse().unwrap();
    let mut received = vec![0; length + 2];
    stream.read_exact(&mut received).unwrap();
    String::from_utf8(received).unwrap()
}

/// Returns a figure of the store.
fn figure(stream: &mut TcpStream, name: &str) -> u64 {
    let text = text(stream, "INFO store\r\n");
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("{name} is missing from {text}")).parse().unwrap()
}

/// Returns true if nothing comes for a moment.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let kind = read.map_err(|error| error.kind());
    matches!(kind, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn one_worker() -> ServerOptions {
    ServerOptions::default().workers(1).readers(1)
}

#[test]
fn a_client_that_wants_no_replies_gets_none_and_its_writes_are_done() {
    let server = Running::start(one_worker());
    let mut client = connect(server.address);
    exchange(&mut client, "CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\n", "$1\r\n1\r\n");
    let silent =
        "CLIENT REPLY OFF\r\nSET b 1\r\nINCR b\r\nINCR a x\r\nGET b\r\nSAVE\r\nnonsense\r\n";
    exchange(&mut client, format!("{silent}CLIENT REPLY ON\r\nGET b\r\n"), "+OK\r\n$1\r\n2\r\n");
    exchange(
        &mut client,
        "CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nGET a\r\nGET b\r\n",
        "$1\r\n2\r\n",
    );
}

#[test]
fn paused_requests_wait_and_are_answered_in_order_when_the_pause_ends() {
    let server = Running::start(one_worker());
    let (mut operator, mut client) = (connect(server.address), connect(server.address));
    exchange(&mut client, "SET a 1\r\n", "+OK\r\n");
    exchange(&mut operator, "CLIENT PAUSE 600000 WRITE\r\n", "+OK\r\n");
    exchange(&mut client, "GET a\r\n", "$1\r\n1\r\n");
    client.write_all(b"SET a 2\r\nGET a\r\n").unwrap();
    assert!(is_silent(&mut client));
    exchange(&mut operator, "GET a\r\nCLIENT UNPAUSE\r\n", "$1\r\n1\r\n+OK\r\n");
    exchange(&mut client, "", "+OK\r\n$1\r\n2\r\n");
    // What a transaction may write decides whether it waits, and errors wait for nothing.
    exchange(&mut operator, "CLIENT PAUSE 600000 WRITE\r\n", "+OK\r\n");
    exchange(
        &mut client,
        "MULTI\r\nGET a\r\nEXEC\r\nSET a\r\n",
        "+OK\r\n+QUEUED\r\n*1\r\n$1\r\n2\r\n\
         -ERR wrong number of arguments for 'set' command\r\n",
    );
    assert!(text(&mut operator, "INFO clients\r\n").contains("blocked_clients:0\r\n"));
    exchange(&mut operator, "CLIENT UNPAUSE\r\n", "+OK\r\n");
    exchange(&mut client, "MULTI\r\nSET a 3\r\n", "+OK\r\n+QUEUED\r\n");
    exchange(&mut operator, "CLIENT PAUSE 600000 WRITE\r\n", "+OK\r\n");
    client.write_all(b"EXEC\r\n").unwrap();
    wait_until("a client is blocked", || {
        text(&mut operator, "INFO clients\r\n").contains("blocked_clients:1\r\n")
    });
    exchange(&mut operator, "GET a\r\nCLIENT UNPAUSE\r\n", "$1\r\n2\r\n+OK\r\n");
    exchange(&mut client, "GET a\r\n", "*1\r\n+OK\r\n$1\r\n3\r\n");
    assert!(text(&mut operator, "INFO clients\r\n").contains("blocked_clients:0\r\n"));
    // A pause of everything ends by itself, as nobody can end it.
    exchange(&mut operator, "CLIENT PAUSE 50\r\n", "+OK\r\n");
    exchange(&mut client, "GET a\r\n", "$1\r\n3\r\n");
    // A server that stops ends a pause, and answers what waits.
    exchange(&mut operator, "CLIENT PAUSE 600000 ALL\r\n", "+OK\r\n");
    client.write_all(b"GET a\r\n").unwrap();
    assert!(is_silent(&mut client));
    let mut server = server;
    server.stop();
    exchange(&mut client, "", "$1\r\n3\r\n");
}

#[test]
fn a_client_stops_the_server_and_earlier_requests_are_answered() {
    let mut server = Running::start(one_worker());
    let mut client = connect(server.address);
    exchange(&mut client, "SET a 1\r\nSHUTDOWN NOSAVE\r\n", "+OK\r\n");
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the connection is closed without a reply");
    wait_until("nobody listens any more", || TcpStream::connect(server.address).is_err());
    server.stop();
}

#[test]
fn the_log_is_saved_and_compacted_for_who_asks() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::start_on(Options::new(directory.path()), one_worker());
    let mut client = connect(server.address);
    let syncs = figure(&mut client, "kvs_syncs");
    for _ in 0..3 {
        exchange(&mut client, "SET a 1\r\nSAVE\r\n", "+OK\r\n+OK\r\n");
    }
    assert!(figure(&mut client, "kvs_syncs") >= syncs + 3);
    assert!(figure(&mut client, "kvs_dead_values") > 0);
    let started = "+Background append only file rewriting started\r\n";
    exchange(&mut client, "BGREWRITEAOF\r\n", started);
    wait_until("the log is compacted", || {
        let text = text(&mut client, "INFO persistence\r\n");
        assert!(text.contains("aof_last_bgrewrite_status:ok"), "{text}");
        text.contains("aof_rewrites:1\r\n") && text.contains("aof_rewrite_in_progress:0\r\n")
    });
    assert_eq!(figure(&mut client, "kvs_dead_values"), 0);
    exchange(&mut client, "GET a\r\n", "$1\r\n1\r\n");
    let scheduled = started.replace("started", "scheduled");
    exchange(
        &mut client,
        "MULTI\r\nBGREWRITEAOF\r\nEXEC\r\n",
        format!("+OK\r\n+QUEUED\r\n*1\r\n{scheduled}"),
    );
}

#[test]
fn errors_of_writes_are_counted_where_they_are_answered() {
    let server = Running::start(one_worker());
    let mut client = connect(server.address);
    let refusal = "-ERR value is not an integer or out of range\r\n";
    exchange(&mut client, "SET a x\r\nINCR a\r\nINCR a\r\n", format!("+OK\r\n{refusal}{refusal}"));
    exchange(
        &mut client,
        "nonsense\r\n",
        "-ERR unknown command 'nonsense', with args beginning with: \r\n",
    );
    let text = text(&mut client, "INFO everything\r\n");
    for line in ["errorstat_ERR:count=3", "total_error_replies:3"] {
        assert!(text.lines().any(|found| found == line), "{line} is missing from {text}");
    }
    let failed = text.lines().find(|line| line.starts_with("cmdstat_incr:calls=2,")).unwrap();
    assert!(failed.ends_with("failed_calls=2"), "{failed}");
}

#[test]
fn a_client_that_looks_on_is_shown_the_commands_of_others() {
    let server = Running::start(ServerOptions::default().workers(2).readers(1));
    let (mut watcher, mut client) = (connect(server.address), connect(server.address));
    let address = client.local_addr().unwrap();
    exchange(&mut watcher, "MONITOR\r\n", "+OK\r\n");
    exchange(&mut client, "SET a \"x\\n\\xff\"\r\nAUTH default secret\r\n", "+OK\r\n+OK\r\n");
    exchange(&mut client, "MULTI\r\nGET b\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n");
    let shown = [
        "\"SET\" \"a\" \"x\\n\\xff\"",
        "\"AUTH\" \"(redacted)\" \"(redacted)\"",
        "\"MULTI\"",
        "\"GET\" \"b\"",
        "\"EXEC\"",
    ];
    let mut expect_shown = |shown: &str| {
        let line = line(&mut watcher);
        assert!(line.starts_with('+'), "{line}");
        assert!(line.ends_with(&format!(" [0 {address}] {shown}\r\n")), "{line}");
    };
    shown.into_iter().for_each(&mut expect_shown);
    // Commands flagged `admin` are not shown, and long ones in part.
    exchange(&mut client, "CONFIG SET timeout 0\r\nPING\r\n", "+OK\r\n+PONG\r\n");
    expect_shown("\"PING\"");
    let (long, many) = ("x".repeat(1025), " y".repeat(128));
    exchange(&mut client, format!("GET {long}\r\nEXISTS{many}\r\n"), "$-1\r\n:0\r\n");
    expect_shown(&format!("\"GET\" \"{}... (1 more bytes)\"", "x".repeat(1024)));
    expect_shown(&format!("\"EXISTS\"{} \"... (1 more arguments)\"", " \"y\"".repeat(127)));
    exchange(&mut watcher, "RESET\r\n", "+RESET\r\n");
    exchange(&mut client, "GET b\r\n", "$-1\r\n");
    exchange(&mut watcher, "PING\r\n", "+PONG\r\n");
}
