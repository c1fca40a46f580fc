//! A server whose clock is set forward and back while it runs, and between its runs.
//!
//! The library `libfaketime`, loaded before others, gives the server the time of day that a file
//! says.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::connection::redis::{RedisConnection, Reply};
use common::form::by_form;
use common::process::Server;
use common::tool::{has, output};
use common::wait::wait_until;
use kvs::protocol::native::{
    ByteString, ClientHello, FRAME_BYTES_MAX, RequestMessage, RequestOperation,
};
use tempfile::TempDir;

const HOUR: i64 = 3600;

/// A directory, and the clock of the servers that are started on it.
struct Bench {
    scratch: TempDir,
    library: String,
    /// The numbers of the processes that were started.
    started: RefCell<Vec<u32>>,
}

impl Drop for Bench {
    /// Removes what the library leaves behind of processes that are killed: it refuses another one
    /// of the same number.
    fn drop(&mut self) {
        for id in self.started.take() {
            for name in [format!("faketime_shm_{id}"), format!("sem.faketime_sem_{id}")] {
                // One that ended by itself has removed it.
                let _ = fs::remove_file(Path::new("/dev/shm").join(name));
            }
        }
    }
}

impl Bench {
    fn new() -> Option<Self> {
        if !has("faketime", &["-m", "-f", "+0", "true"]) {
            return None;
        }
        // The tool knows where its library is.
        let show = ["-m", "-f", "+0", "printenv", "LD_PRELOAD"];
        let library = output(Command::new("faketime").args(show)).trim().to_owned();
        let (scratch, started) = (TempDir::new().unwrap(), RefCell::default());
        let bench = Self { scratch, library, started };
        bench.set_clock(0);
        Some(bench)
    }

    fn clock(&self) -> PathBuf {
        self.scratch.path().join("clock")
    }

    /// Sets the servers' clock so many seconds fast.
    fn set_clock(&self, seconds: i64) {
        let next = self.scratch.path().join("clock.next");
        fs::write(&next, format!("{seconds:+}\n")).unwrap();
        // A server that reads it meanwhile finds all of it.
        fs::rename(next, self.clock()).unwrap();
    }

    fn directory(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    fn start(&self) -> (Server, Client) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kvs-server"));
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", self.clock())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env_remove("FAKETIME");
        let server = Server::start_command(command, &self.directory(), &[]);
        self.started.borrow_mut().push(server.id());
        let client = Client(RedisConnection::open(server.address).unwrap());
        (server, client)
    }

    /// Kills the server and starts another one.
    fn restart(&self, server: Server) -> (Server, Client) {
        server.kill();
        self.start()
    }
}

struct Client(RedisConnection);

impl Client {
    fn call(&mut self, line: &str) -> Reply {
        let command = line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        self.0.call(&[command]).unwrap().remove(0)
    }

    fn integer(&mut self, line: &str) -> i64 {
        match self.call(line) {
            Reply::Integer(integer) => integer,
            other => panic!("{line} is answered with {other:?}"),
        }
    }

    fn is_there(&mut self, key: &str) -> bool {
        self.call(&format!("GET {key}")) != Reply::Bulk(None)
    }

    /// Writes keys that expire while the server's clock is an hour fast.
    fn write_with_a_wrong_clock(&mut self, bench: &Bench) {
        bench.set_clock(HOUR);
        self.call("SET wrong 1 EX 1000");
        let seconds = self.integer("EXPIRETIME wrong") - now();
        // To the nearest second, so that it may be one more.
        assert!((HOUR + 900..=HOUR + 1001).contains(&seconds), "{seconds} s, an hour fast");
        self.call("SET gone 1 PX 1");
        wait_until("a key expires", || !self.is_there("gone"));
        bench.set_clock(0);
    }
}

/// Seconds since the Unix epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[test]
fn a_clock_that_was_an_hour_fast_for_a_moment_makes_no_key_live_longer_or_shorter() {
    let Some(bench) = Bench::new() else { return };
    let (server, mut client) = bench.start();
    client.write_with_a_wrong_clock(&bench);

    assert_eq!(client.call("SET c 1 PX 1500"), Reply::Simple("OK".to_owned()));
    assert!(client.integer("PTTL c") <= 1500);
    wait_until("a key of 1.5 seconds expires", || !client.is_there("c"));

    assert_eq!(client.call("SET long 1 EX 60"), Reply::Simple("OK".to_owned()));
    let first = client.integer("PTTL long");
    assert!((1..=60_000).contains(&first), "{first}");
    wait_until("PTTL moves on", || client.integer("PTTL long") < first);

    client.call("SET at 1");
    assert_eq!(client.integer(&format!("EXPIREAT at {}", now() + 60)), 1);
    assert!(client.is_there("at"));
    assert!((1..=60).contains(&client.integer("TTL at")));

    let deadline = client.integer("PEXPIRETIME long");
    let (_server, mut client) = bench.restart(server);
    let left = client.integer("PTTL long");
    assert!((1..=first).contains(&left), "{left} after a restart, {first} before");
    assert_eq!(client.integer("PEXPIRETIME long"), deadline);
}

#[test]
fn every_command_that_sets_a_deadline_uses_the_clock_as_it_is_now() {
    let Some(bench) = Bench::new() else { return };
    let (server, mut client) = bench.start();
    for seconds in [HOUR, -HOUR] {
        client.write_with_a_wrong_clock(&bench);
        bench.set_clock(seconds);
        client.call("SET other 1 EX 10");
        bench.set_clock(0);
        client.call("SET k v");
        let grants = [
            "SET k v EX 60",
            "SET k v PX 60000",
            "SET k v GET EX 60",
            "SETEX k 60 v",
            "PSETEX k 60000 v",
            "EXPIRE k 60",
            "PEXPIRE k 60000",
            "GETEX k EX 60",
            "GETEX k PX 60000",
            &format!("EXPIREAT k {}", now() + 60),
            &format!("SET k v EXAT {}", now() + 60),
        ];
        for grant in grants {
            assert!(!matches!(client.call(grant), Reply::Error(_)), "{grant}");
            assert!((1..=60).contains(&client.integer("TTL k")), "{grant}");
        }
        let key = format!("native{seconds}");
        let _connection = set_natively(server.address, &key, now() + 60);
        wait_until("the native protocol sets a key", || client.is_there(&key));
        assert!((1..=60).contains(&client.integer(&format!("TTL {key}"))));
    }
}

/// Sets a key that expires at this second, which is all there is to a deadline in that protocol.
fn set_natively(server: SocketAddr, key: &str, expires_at: i64) -> TcpStream {
    let expires_at = Some(u64::try_from(expires_at * 1000).unwrap());
    let (key, value) = (ByteString::from(key.as_bytes()), ByteString::from(b"v"));
    let operation = RequestOperation::Set { key, value, expires_at, sync: None };
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    RequestMessage::new(1, operation).encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(&bytes).unwrap();
    stream
}

#[test]
fn keys_that_were_answered_as_expired_stay_gone_after_a_kill_and_with_the_clock_back() {
    let Some(bench) = Bench::new() else { return };
    let (server, mut client) = bench.start();
    for n in 0..200 {
        client.call(&format!("SET key{n} v EX 600"));
    }
    client.call("SET other v");
    bench.set_clock(HOUR);
    let is_there = |client: &mut Client| (0..200).any(|n| client.is_there(&format!("key{n}")));
    assert!(!is_there(&mut client));
    let lag = wait_until("expired keys are removed", || client.integer("DBSIZE") == 1);
    println!("200 keys were removed {lag:?} after they had been answered as expired");
    server.kill();
    bench.set_clock(0);
    let (server, mut client) = bench.start();
    assert!(!is_there(&mut client), "a key came back");
    assert_eq!(client.integer("DBSIZE"), 1);
    let (_server, mut client) = bench.restart(server);
    assert!(!is_there(&mut client), "a key came back");
}

#[test]
fn expired_keys_are_removed_beside_a_stream_of_writes() {
    // No clock is set here: the wait of a key is real.
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let address = server.address;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..4 {
            let stop = &stop;
            scope.spawn(move || {
                let mut connection = RedisConnection::open(address).unwrap();
                let set = vec!["SET".to_owned(), format!("writer{writer}"), "v".to_owned()];
                let sets = vec![set; 64];
                while !stop.load(Ordering::Relaxed) {
                    connection.call(&sets).unwrap();
                }
            });
        }
        let mut client = Client(RedisConnection::open(address).unwrap());
        wait_until("every writer has written", || client.integer("DBSIZE") == 4);
        let mut longest = Duration::ZERO;
        for _ in 0..10 {
            client.call("SET short v PX 50");
            wait_until("the key expires", || !client.is_there("short"));
            let lag = wait_until("it is removed", || client.integer("DBSIZE") == 4);
            longest = longest.max(lag);
        }
        println!("beside a stream of writes keys were removed at most {longest:?} late");
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_server_reports_how_late_keys_are_removed_and_what_that_costs() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let mut client = Client(RedisConnection::open(server.address).unwrap());
    let mut lags = Vec::new();
    for n in 0..by_form([6, 20, 20]) {
        client.call(&format!("SET short v PX {}", 20 + n));
        wait_until("the key expires", || !client.is_there("short"));
        lags.push(wait_until("it is removed", || client.integer("DBSIZE") == 0));
    }
    lags.sort();
    let (median, most) = (lags[lags.len() / 2], lags[lags.len() - 1]);
    println!("keys were removed {median:?} late, at most {most:?}");
    let time = Duration::from_millis(by_form([500, 2000, 2000]));
    for (what, command) in
        [("no key has an expiry", "SET k v"), ("a key has one", "SET k v EX 1000")]
    {
        client.call(command);
        let before = Used::by_the_writer_of(&server);
        thread::sleep(time);
        let after = Used::by_the_writer_of(&server);
        let (woken, busy) = (after.switches - before.switches, after.busy - before.busy);
        println!(
            "while {what}, the writer was woken {woken} times in {time:?}, and ran for {busy:?}"
        );
    }
}

/// A thread's use of the processor.
struct Used {
    switches: u64,
    busy: Duration,
}

impl Used {
    fn by_the_writer_of(server: &Server) -> Self {
        let task = format!("/proc/{}/task/{}", server.id(), server.thread("kvs-writer"));
        let status = fs::read_to_string(format!("{task}/status")).unwrap();
        let switches =
            status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let switches = switches.unwrap().trim().parse().unwrap();
        let nanoseconds = fs::read_to_string(format!("{task}/schedstat")).unwrap();
        let nanoseconds = nanoseconds.split(' ').next().unwrap().parse().unwrap();
        Self { switches, busy: Duration::from_nanos(nanoseconds) }
    }
}
