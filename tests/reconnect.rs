//! Clients whose connection breaks: at every byte, with the server, or for want of room. They come
//! back by themselves, and never send twice what may have been done.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::cutting_proxy::{Cut, CuttingProxy};
use common::process::Server;
use common::running::Running;
use common::wait::{PATIENCE, wait_until};
use kvs::{
    ClientError, ClientOptions, ClientPool, Endpoint, KvsClient, PipelineReply, ServerOptions,
};

/// The bytes of both hellos.
const CLIENT_HELLO: usize = 12;
const SERVER_HELLO: usize = 16;

fn options() -> ClientOptions {
    ClientOptions::default().timeout(PATIENCE).connect_timeout(PATIENCE)
}

/// Returns a pool whose clients have not connected yet.
fn pool(address: SocketAddr, reconnect_timeout: Duration) -> ClientPool {
    ClientPool::new(address, options().reconnect_timeout(reconnect_timeout), 1).unwrap()
}

fn version(server: &Running, key: &str) -> u64 {
    server.store.metadata(key).unwrap().unwrap().version
}

#[test]
fn a_read_survives_a_cut_at_every_byte() {
    let server = Running::start(ServerOptions::default().workers(1));
    server.store.set("key", "value").unwrap();
    // The request has 11 bytes, the response 13.
    let requests = (0..=CLIENT_HELLO + 11).map(Cut::AfterRequestBytes);
    let responses = (0..=SERVER_HELLO + 13).map(Cut::AfterResponseBytes);
    for cut in requests.chain(responses) {
        let proxy = CuttingProxy::start(server.address, cut);
        let pool = pool(proxy.address, PATIENCE);
        let mut client = pool.take(PATIENCE).unwrap();
        assert_eq!(client.get("key").unwrap().as_deref(), Some(&b"value"[..]), "{cut:?}");
        assert_eq!(client.get("key").unwrap().as_deref(), Some(&b"value"[..]), "{cut:?}");
        assert!((1..=3).contains(&proxy.connections()), "{cut:?}: {}", proxy.connections());
    }
}

#[test]
fn a_write_is_never_done_twice_wherever_the_connection_is_cut() {
    let server = Running::start(ServerOptions::default().workers(1));
    let (mut done, mut unknown) = (0, 0);
    // The request has 18 bytes, the response 8 or more.
    let requests = (0..=CLIENT_HELLO + 18).map(Cut::AfterRequestBytes);
    let responses = (0..=SERVER_HELLO + 8).map(Cut::AfterResponseBytes);
    for cut in requests.chain(responses) {
        server.store.set("key", "before").unwrap();
        let before = version(&server, "key");
        let proxy = CuttingProxy::start(server.address, cut);
        let pool = pool(proxy.address, PATIENCE);
        let mut client = pool.take(PATIENCE).unwrap();
        let result = client.set("key", "after");
        let greets = match cut {
            Cut::AfterRequestBytes(bytes) => bytes >= CLIENT_HELLO,
            Cut::AfterResponseBytes(bytes) => bytes >= SERVER_HELLO,
        };
        match &result {
            Ok(()) => done += 1,
            Err(error) => {
                assert!(greets, "{cut:?}: nothing was sent, so it is sent again: {error}");
                assert!(error.is_outcome_unknown() && error.is_disconnected(), "{cut:?}: {error}");
                unknown += 1;
            }
        }
        // The same client goes on, behind whatever was done.
        client.ping().unwrap();
        let writes = version(&server, "key") - before;
        let expected = if result.is_ok() { 1..=1 } else { 0..=1 };
        assert!(expected.contains(&writes), "{cut:?}: {result:?} after {writes} writes");
    }
    assert!(done >= CLIENT_HELLO + SERVER_HELLO && unknown >= 10, "{done} done, {unknown} unknown");
}

#[test]
fn no_request_of_a_pipeline_is_done_twice_wherever_the_connection_is_cut() {
    let server = Running::start(ServerOptions::default().workers(1));
    let send = |client: &mut KvsClient| {
        let mut pipeline = client.pipeline();
        pipeline.set("a", "1").get("a").set("b", "2");
        pipeline.send()
    };
    // The requests have 12, 9 and 12 bytes, the responses 8 or more each.
    let requests = (0..=CLIENT_HELLO + 33).map(Cut::AfterRequestBytes);
    let responses = (0..=SERVER_HELLO + 27).map(Cut::AfterResponseBytes);
    for cut in requests.chain(responses) {
        server.store.set("a", "0").unwrap();
        server.store.set("b", "0").unwrap();
        let before = version(&server, "b");
        let proxy = CuttingProxy::start(server.address, cut);
        let pool = pool(proxy.address, PATIENCE);
        let mut client = pool.take(PATIENCE).unwrap();
        let result = send(&mut client);
        client.ping().unwrap();
        server.store.set("end", "").unwrap();
        let writes = version(&server, "end") - before - 1;
        match result {
            Ok(replies) => {
                assert_eq!(writes, 2, "{cut:?}");
                let replies: Vec<_> = replies.into_iter().map(|reply| reply.unwrap()).collect();
                let value = PipelineReply::Value(Some(b"1".to_vec()));
                assert_eq!(replies, [PipelineReply::Done, value, PipelineReply::Done], "{cut:?}");
            }
            Err(error) => assert!(error.is_outcome_unknown() && writes <= 2, "{cut:?}: {error}"),
        }
    }
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_is_made_anew_before_a_write() {
    let options = ServerOptions::default().workers(1).timeout(Duration::from_millis(50));
    let server = Running::start(options);
    let mut client = KvsClient::connect(server.address).unwrap();
    for number in 0..2 {
        client.set("key", format!("{number}")).unwrap();
        let clients = || client_count(&server);
        wait_until("the idle client is closed", || clients() == 0);
    }
    assert_eq!(server.store.get("key").unwrap().unwrap(), b"1");
}

/// Returns the number of clients of the server, without the one that asks.
fn client_count(server: &Running) -> usize {
    let mut client = KvsClient::connect(server.address).unwrap();
    let info = client.info().unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("connections: "));
    line.and_then(|count| count.parse::<usize>().ok()).unwrap_or_else(|| panic!("{info}")) - 1
}

/// A server process that listens at the same socket again after it was killed.
struct Killed {
    directory: tempfile::TempDir,
    server: Option<Server>,
}

impl Killed {
    fn start() -> Self {
        let mut killed = Self { directory: tempfile::tempdir().unwrap(), server: None };
        killed.start_again();
        killed
    }

    fn address(&self) -> Endpoint {
        Endpoint::Unix(self.directory.path().join("socket"))
    }

    fn kill(&mut self) {
        drop(self.server.take());
    }

    fn start_again(&mut self) {
        let address = self.address().to_string();
        let arguments = ["--addr", &address, "--durability", "never"];
        self.server = Some(Server::start(&self.directory.path().join("data"), &arguments));
    }
}

#[test]
fn clients_outlive_kills_of_the_server_and_know_what_was_done() {
    const CLIENTS: usize = 4;
    const KILLS: u64 = 5;
    let mut killed = Killed::start();
    let pool = ClientPool::new(killed.address(), options().reconnect_timeout(PATIENCE), CLIENTS);
    let pool = pool.unwrap();
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let unknown = thread::scope(|scope| {
        let write = |name: usize| {
            let key = format!("client:{name}");
            // The number that is stored, or the one before it.
            let (mut number, mut unknown) = (0_u64, 0);
            while !stop.load(Ordering::Relaxed) {
                let mut client = pool.take(PATIENCE).unwrap();
                let next = number + 1;
                match client.set(&key, next.to_le_bytes()) {
                    Ok(()) => number = next,
                    Err(error) => {
                        assert!(error.is_outcome_unknown(), "{error}");
                        unknown += 1;
                        // The read waits until the server is back.
                        let found = client
                            .get(&key)
                            .unwrap()
                            .map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap()));
                        assert!(found == number || found == next, "{found} after {number}");
                        number = found;
                    }
                }
                let found =
                    client.get(&key).unwrap().unwrap_or_else(|| 0_u64.to_le_bytes().to_vec());
                assert_eq!(found, number.to_le_bytes());
                written.fetch_add(1, Ordering::Relaxed);
            }
            unknown
        };
        let writers: Vec<_> = (0..CLIENTS).map(|name| scope.spawn(move || write(name))).collect();
        for _ in 0..KILLS {
            let before = written.load(Ordering::Relaxed);
            wait_until("the clients write", || written.load(Ordering::Relaxed) >= before + 100);
            killed.kill();
            thread::sleep(Duration::from_millis(50));
            killed.start_again();
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u64>()
    });
    assert!(unknown <= KILLS * CLIENTS as u64, "{unknown} unknown");
}

#[test]
fn a_sync_says_if_the_server_that_took_the_writes_is_gone() {
    let mut killed = Killed::start();
    let options = options().reconnect_timeout(PATIENCE);
    let mut client = KvsClient::connect_with(killed.address(), &options).unwrap();
    client.set("key", "value").unwrap();
    client.sync().unwrap();
    killed.kill();
    killed.start_again();
    // Nothing was written since.
    client.sync().unwrap();
    client.set("key", "value").unwrap();
    killed.kill();
    killed.start_again();
    assert!(client.contains("key").unwrap());
    let error = client.sync().unwrap_err();
    assert!(matches!(error, ClientError::SyncLost { .. }), "{error}");
    assert!(!error.is_retryable() && !error.is_outcome_unknown());
    client.set("key", "value").unwrap();
    client.sync().unwrap();
}

#[test]
fn a_call_gives_up_after_the_time_for_reconnecting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let time = Duration::from_millis(200);
    let pool = pool(address, time);
    let start = Instant::now();
    let error = pool.take(PATIENCE).unwrap().set("key", "value").unwrap_err();
    assert!(error.is_disconnected() && error.is_retryable(), "{error}");
    assert!(!error.is_outcome_unknown(), "{error}");
    assert!(start.elapsed() >= time);
    // The timeout of a call is the end of that, too.
    let options = options().timeout(time).reconnect_timeout(PATIENCE);
    let pool = ClientPool::new(address, options, 1).unwrap();
    let error = pool.take(PATIENCE).unwrap().get("key").unwrap_err();
    assert!(!error.is_outcome_unknown(), "{error}");
}

#[test]
fn a_server_without_room_is_told_and_waited_for() {
    let server = Running::start(ServerOptions::default().workers(1).connections_max(1));
    let first = KvsClient::connect(server.address).unwrap();
    let error = KvsClient::connect(server.address).err().unwrap();
    assert!(matches!(error, ClientError::NoRoom { .. }) && error.is_retryable(), "{error}");
    assert!(!error.is_outcome_unknown(), "{error}");
    let impatient = pool(server.address, Duration::from_millis(50));
    let error = impatient.take(PATIENCE).unwrap().set("key", "value").unwrap_err();
    assert!(matches!(error, ClientError::NoRoom { .. }), "{error}");
    let patient = pool(server.address, PATIENCE);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| patient.take(PATIENCE).unwrap().set("key", "value"));
        // It is refused some times meanwhile, or not at all: both are fine.
        thread::sleep(Duration::from_millis(50));
        drop(first);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(server.store.get("key").unwrap().unwrap(), b"value");
}

#[test]
fn a_pool_makes_no_more_connections_than_are_needed_at_once() {
    const CLIENTS: usize = 3;
    let server = Running::start(ServerOptions::default().workers(2));
    let pool = ClientPool::new(server.address, options(), CLIENTS).unwrap();
    for _ in 0..10 {
        pool.take(PATIENCE).unwrap().ping().unwrap();
    }
    assert_eq!(client_count(&server), 1, "one after the other needs one");
    thread::scope(|scope| {
        for thread in 0..4 * CLIENTS {
            let pool = &pool;
            scope.spawn(move || {
                for number in 0..20 {
                    let mut client = pool.take(PATIENCE).unwrap();
                    client.set(format!("{thread}:{number}"), "value").unwrap();
                }
            });
        }
    });
    assert_eq!(server.store.len().unwrap(), 4 * CLIENTS as u64 * 20);
    assert!(client_count(&server) <= CLIENTS);
    let taken: Vec<_> = (0..CLIENTS).map(|_| pool.take(PATIENCE).unwrap()).collect();
    let error = pool.take(Duration::from_millis(20)).err().unwrap();
    assert!(matches!(error, ClientError::PoolExhausted { limit: CLIENTS, .. }), "{error}");
    assert!(error.is_retryable() && !error.is_outcome_unknown(), "{error}");
    drop(taken);
    pool.take(Duration::ZERO).unwrap().ping().unwrap();
}
