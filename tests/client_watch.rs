//! Watches over the network: everything once, in the order of the commits, also where connections
//! break, clients are slow, or the server is started again.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::cutting_proxy::{Cut, CuttingProxy};
use common::form::by_form;
use common::process::Server;
use common::running::Running;
use common::wait::{PATIENCE, wait_until};
use kvs::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, FailureKind, Place, RequestMessage, RequestOperation,
    ResponseMessage, decode_frame,
};
use kvs::{
    Change, ClientError, ClientOptions, ClientWatch, CommittedBatch, Durability, Endpoint,
    EngineKind, Expiry, KvsClient, Options, Passwords, ServerOptions, WatchEvent, WriteBatch,
};

fn options() -> ClientOptions {
    ClientOptions::default().timeout(PATIENCE).connect_timeout(PATIENCE).reconnect_timeout(PATIENCE)
}

fn started() -> (Running, KvsClient) {
    let server = Running::start(ServerOptions::default().workers(2));
    let client = KvsClient::connect_with(server.address, &options()).unwrap();
    (server, client)
}

/// Returns the next event.
fn next(watch: &mut ClientWatch) -> WatchEvent {
    watch.next_timeout(PATIENCE).unwrap().expect("an event comes")
}

/// Returns the next event, which must be a batch.
fn batch(watch: &mut ClientWatch) -> CommittedBatch {
    match next(watch) {
        WatchEvent::Committed(batch) => batch,
        missed @ WatchEvent::Missed { .. } => panic!("{missed:?}"),
    }
}

/// Returns a batch in short.
fn short(batch: &CommittedBatch) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let change = |change| match change {
        Change::Set { key, value, expires_at: None } => format!("{}={}", text(key), text(value)),
        Change::Removed { key } => format!("-{}", text(key)),
        Change::Expired { key } => format!("!{}", text(key)),
        Change::RangeRemoved { start, end } => {
            format!("{}..{}", text(start), text(end.unwrap_or_default()))
        }
        Change::Cleared => "cleared".to_owned(),
        Change::Dropped => "dropped".to_owned(),
        other => panic!("{other:?}"),
    };
    batch.changes().map(change).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_kind_of_change_is_told_with_its_version_in_every_engine() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let store_options = Options::new(directory.path().join(engine.to_string()));
        let store_options = store_options.engine(engine).durability(Durability::Never);
        let server = Running::start_on(store_options, ServerOptions::default().workers(1));
        let mut client = KvsClient::connect(server.address).unwrap();
        client.set("a", "before").unwrap();
        let mut watch = client.watch(..).unwrap();
        let store = &server.store;
        client.set("a", "1").unwrap();
        store.write(changed()).unwrap();
        store.remove_range("b".."c").unwrap();
        store.set_expiring("d", "1", Expiry::After(Duration::from_millis(1))).unwrap();
        assert_eq!(short(&batch(&mut watch)), "a=1", "{engine}");
        let told = batch(&mut watch);
        assert_eq!(short(&told), "b=1 -a b=2", "{engine}");
        assert!(told.version() == watch.version() && watch.version() > 0);
        let removed = short(&batch(&mut watch));
        assert!(removed == "b..c" || removed == "-b", "{engine}: {removed}");
        let set = batch(&mut watch);
        let is_expiring = |change| matches!(change, Change::Set { expires_at: Some(_), .. });
        assert!(set.changes().all(is_expiring), "{engine}: {set:?}");
        assert_eq!(short(&batch(&mut watch)), "!d", "{engine}");
        client.clear().unwrap();
        let cleared = short(&batch(&mut watch));
        assert!(cleared == "cleared" || cleared.is_empty(), "{engine}: {cleared}");
    }
}

/// Returns a batch of three changes.
fn changed() -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.set("b", "1");
    batch.remove("a");
    batch.set("b", "2");
    batch
}

#[test]
fn a_watch_is_told_of_its_keys_and_of_no_others() {
    let (server, mut client) = started();
    let mut prefix = client.watch_prefix("user:").unwrap();
    let mut key = client.watch_key("user:1").unwrap();
    let mut range = client.watch("a".."c").unwrap();
    let mut of_other = client.keyspace("other").unwrap().watch(..).unwrap();
    for name in ["a", "user:1", "c", "user:2", "b"] {
        client.set(name, "v").unwrap();
    }
    client.keyspace("other").unwrap().set("user:1", "w").unwrap();
    let all = [(&mut prefix, "user:1=v user:2=v"), (&mut key, "user:1=v"), (&mut range, "a=v b=v")];
    for (watch, expected) in all {
        let told: Vec<_> = expected.split(' ').map(|_| short(&batch(watch))).collect();
        assert_eq!(told.join(" "), expected);
    }
    assert_eq!(short(&batch(&mut of_other)), "user:1=w");
    assert!(key.next_timeout(Duration::from_millis(20)).unwrap().is_none());
    client.drop_keyspace("other").unwrap();
    assert_eq!(short(&batch(&mut of_other)), "dropped");
    let error = of_other.next().unwrap().unwrap_err();
    assert_eq!(error.failure_kind(), Some(FailureKind::NoSuchKeyspace), "{error}");
    assert!(of_other.next().is_none() && of_other.next_timeout(PATIENCE).is_err());
    drop(server);
}

#[test]
fn many_watches_are_told_everything_in_the_order_of_the_commits() {
    const WATCHES: usize = 60;
    const WRITERS: usize = 4;
    const WRITES: usize = 300;
    let (server, client) = started();
    let watches: Vec<_> = (0..WATCHES).map(|_| client.watch(..).unwrap()).collect();
    let all = thread::scope(|scope| {
        let told = watches.into_iter().map(|mut watch| {
            scope.spawn(move || {
                let told = (0..WRITERS * WRITES).map(|_| {
                    let batch = batch(&mut watch);
                    (batch.version(), short(&batch))
                });
                told.collect::<Vec<_>>()
            })
        });
        let told: Vec<_> = told.collect();
        for writer in 0..WRITERS {
            let address = server.address;
            scope.spawn(move || {
                let mut client = KvsClient::connect(address).unwrap();
                for number in 0..WRITES {
                    client.set(format!("{writer}"), format!("{number}")).unwrap();
                }
            });
        }
        told.into_iter().map(|told| told.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(all[0].is_sorted_by(|a, b| a.0 < b.0), "versions grow");
    for writer in 0..WRITERS {
        let own = format!("{writer}=");
        let numbers = all[0].iter().filter_map(|(_, change)| change.strip_prefix(&own));
        assert!(numbers.eq((0..WRITES).map(|number| number.to_string())), "writer {writer}");
    }
    assert!(all.iter().all(|told| *told == all[0]), "all are told the same");
    let last = &all[0][all[0].len() - 1];
    let (key, _) = last.1.split_once('=').unwrap();
    assert_eq!(server.store.metadata(key).unwrap().unwrap().version, last.0);
}

#[test]
fn a_slow_watch_is_told_what_it_missed_and_keeps_nobody_waiting() {
    const VALUE_BYTES: usize = 100_000;
    let store_options = Options::new("nothing-is-stored-here").engine(EngineKind::Memory);
    let store_options = store_options.watch_bytes(1 << 20);
    let server = Running::start_on(store_options, ServerOptions::default().workers(1));
    let mut client = KvsClient::connect_with(server.address, &options()).unwrap();
    let mut slow = client.watch(..).unwrap();
    let begin = slow.version();
    let stop = AtomicBool::new(false);
    let (writes, quick) = thread::scope(|scope| {
        let quick = scope.spawn(|| {
            let mut quick = client.watch_key("quick").unwrap();
            let mut told = 0;
            while !stop.load(Ordering::Relaxed) {
                told +=
                    usize::from(quick.next_timeout(Duration::from_millis(50)).unwrap().is_some());
            }
            told
        });
        let mut writer = KvsClient::connect(server.address).unwrap();
        // More than all buffers between server and client hold, with the ring.
        let writes = 600;
        for number in 0..writes {
            writer.set("large", vec![b'v'; VALUE_BYTES]).unwrap();
            writer.set("quick", format!("{number}")).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        (writes, quick.join().unwrap())
    });
    assert!(quick > 0, "the other watch goes on");
    // Every version is told or missed, once and in order.
    let last = server.store.metadata("quick").unwrap().unwrap().version;
    let (mut seen, mut missed, mut told) = (begin, 0, 0);
    while seen < last {
        match next(&mut slow) {
            WatchEvent::Committed(batch) => {
                assert_eq!(batch.version(), seen + 1);
                (seen, told) = (batch.version(), told + 1);
            }
            WatchEvent::Missed { first, last } => {
                assert_eq!(first, seen + 1);
                missed += last - first + 1;
                seen = last;
            }
        }
    }
    assert!(missed > 0 && told > 0, "{missed} missed, {told} told of {writes}");
    client.set("quick", "end").unwrap();
    assert_eq!(short(&batch(&mut slow)), "quick=end");
}

#[test]
fn a_watch_comes_back_from_a_cut_at_every_byte_and_is_told_everything_once() {
    let (server, _) = started();
    // The hello has 12 bytes, the request 11; the hello of the server 16, its answers more.
    let requests = (0..=12 + 11).map(Cut::AfterRequestBytes);
    let responses = (0..=16 + 60).map(Cut::AfterResponseBytes);
    for cut in requests.chain(responses).step_by(by_form([5, 1, 1])) {
        let proxy = CuttingProxy::start(server.address, cut);
        let pool = kvs::ClientPool::new(proxy.address, options(), 1).unwrap();
        let mut watch = pool.take(PATIENCE).unwrap().watch(..).unwrap();
        for number in 0..4 {
            server.store.set("key", format!("{number}")).unwrap();
        }
        for number in 0..4 {
            assert_eq!(short(&batch(&mut watch)), format!("key={number}"), "{cut:?}");
        }
        assert_eq!(watch.version(), server.store.metadata("key").unwrap().unwrap().version);
    }
}

#[test]
fn a_watch_that_comes_back_is_told_what_it_missed_if_the_server_was_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let address = Endpoint::Unix(directory.path().join("socket"));
    let start = || {
        let address = address.to_string();
        let arguments = ["--addr", &address, "--durability", "never"];
        Server::start(&directory.path().join("data"), &arguments)
    };
    let first = start();
    let mut client = KvsClient::connect_with(address.clone(), &options()).unwrap();
    let mut watch = client.watch(..).unwrap();
    client.set("a", "1").unwrap();
    let seen = batch(&mut watch).version();
    first.kill();
    let second = start();
    client.set("b", "2").unwrap();
    let WatchEvent::Missed { first, last } = next(&mut watch) else { panic!("it missed b") };
    assert!(first == seen + 1 && last >= seen, "{first} to {last} after {seen}");
    // It is told of b, or has missed it.
    client.set("c", "3").unwrap();
    let mut told = short(&batch(&mut watch));
    if told == "b=2" {
        told = short(&batch(&mut watch));
    }
    assert_eq!(told, "c=3");
    drop(second);
}

#[test]
fn a_watch_gives_up_after_the_time_for_reconnecting_and_may_be_asked_again() {
    let (mut server, client) = started();
    let options = options().reconnect_timeout(Duration::from_millis(100));
    let impatient = KvsClient::connect_with(server.address, &options).unwrap();
    let mut watch = impatient.watch(..).unwrap();
    drop(client);
    server.stop();
    for _ in 0..2 {
        let error = watch.next().unwrap().unwrap_err();
        assert!(matches!(error, ClientError::Network { .. }), "{error}");
    }
    assert!(watch.next_timeout(Duration::from_millis(1)).is_ok_and(|event| event.is_none()));
}

#[test]
fn a_server_stops_while_many_watch_and_others_write() {
    const WATCHES: usize = 50;
    let (mut server, _) = started();
    let options = options().reconnect_timeout(Duration::ZERO);
    let client = KvsClient::connect_with(server.address, &options).unwrap();
    let watches: Vec<_> = (0..WATCHES).map(|_| client.watch(..).unwrap()).collect();
    let (stop, store) = (Arc::new(AtomicBool::new(false)), server.store.clone());
    let stopping = Arc::clone(&stop);
    let writer = thread::spawn(move || {
        while !stopping.load(Ordering::Relaxed) {
            store.set("key", vec![7; 10_000]).unwrap();
        }
    });
    // Half of them take what they are told.
    let mut watches = watches.into_iter();
    let idle: Vec<_> = watches.by_ref().take(WATCHES / 2).collect();
    let readers: Vec<_> = watches
        .map(|watch| thread::spawn(move || watch.take_while(Result::is_ok).count()))
        .collect();
    wait_until("the writer writes", || server.store.metadata("key").unwrap().is_some());
    server.stop();
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    for reader in readers {
        reader.join().unwrap();
    }
    drop(idle);
}

/// Starts a server that answers the first watch, and nothing and nobody else.
fn silent_after_watching() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let hello = b"\xF4kvs\r\n\x1A\n\x01\0\0\0\0\0\0\x08";
        // The client itself, and its watch.
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(hello).unwrap();
        let (mut watch, _) = listener.accept().unwrap();
        watch.write_all(hello).unwrap();
        watch.read_exact(&mut [0; 12 + 10]).unwrap();
        watch.write_all(b"\x05\0\0\0\x01\0\x0C\x07\x01").unwrap();
        drop(listener);
        let _ = watch.read_to_end(&mut Vec::new());
    });
    address
}

#[test]
fn a_silent_server_is_asked_and_a_dead_one_is_noticed() {
    let (server, _) = started();
    let options = options().timeout(Duration::from_millis(100));
    let client = KvsClient::connect_with(server.address, &options).unwrap();
    let mut watch = client.watch(..).unwrap();
    // Longer than a timeout, so that it was asked some times.
    assert!(watch.next_timeout(Duration::from_millis(450)).unwrap().is_none());
    server.store.set("a", "1").unwrap();
    assert_eq!(short(&batch(&mut watch)), "a=1");

    let dead = silent_after_watching();
    let options = options.reconnect_timeout(Duration::from_millis(50));
    let client = KvsClient::connect_with(dead, &options).unwrap();
    let error = client.watch(..).unwrap().next().unwrap().unwrap_err();
    assert!(error.is_disconnected() || matches!(error, ClientError::Timeout { .. }), "{error}");
}

/// A connection on which anything may be said.
struct RawConnection {
    stream: TcpStream,
    input: Vec<u8>,
}

impl RawConnection {
    fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut hello = Vec::new();
        ClientHello::OURS.encode(&mut hello);
        stream.write_all(&hello).unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        Self { stream, input: Vec::new() }
    }

    fn send(&mut self, requests: &[RequestMessage<'_>]) {
        let mut bytes = Vec::new();
        for request in requests {
            request.encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
        }
        self.stream.write_all(&bytes).unwrap();
    }

    /// Returns the number of the next response, and what it says.
    fn receive(&mut self) -> (u64, Result<String, FailureKind>) {
        loop {
            if let Some((body, length)) = decode_frame(&self.input, FRAME_BYTES_MAX).unwrap() {
                let ResponseMessage { id, result } = ResponseMessage::decode(body).unwrap();
                let result = result.map(|answer| format!("{answer:?}"));
                let result = result.map_err(|failure| failure.kind);
                self.input.drain(..length);
                return (id, result);
            }
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the server closed the connection");
            self.input.extend_from_slice(&buffer[..count]);
        }
    }
}

fn watch_request(id: u64) -> RequestMessage<'static> {
    let (start, end) = (Bound::Unbounded, Bound::Unbounded);
    RequestMessage::new(id, RequestOperation::Watch { start, end, after: None })
}

#[test]
fn a_connection_has_one_watch_and_its_other_requests_are_answered_meanwhile() {
    let (server, _) = started();
    let mut connection = RawConnection::open(server.address);
    let set = |id, key: &'static [u8]| {
        let (key, value) = (key.into(), b"v".into());
        let operation = RequestOperation::Set { key, value, expires_at: None, sync: None };
        RequestMessage::new(id, operation)
    };
    let get = |id| RequestMessage::new(id, RequestOperation::Get { key: b"a".into() });
    connection.send(&[set(1, b"a"), watch_request(2), set(3, b"b"), watch_request(4), get(5)]);
    let mut told = Vec::new();
    let mut answered = Vec::new();
    while told.len() < 2 || answered.len() < 4 {
        match connection.receive() {
            (2, result) => told.push(result.unwrap()),
            response => answered.push(response),
        }
    }
    assert!(told[0].starts_with("Watching") && told[1].starts_with("Changes"), "{told:?}");
    let ids: Vec<_> = answered.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 3, 4, 5]);
    assert_eq!(answered[2].1, Err(FailureKind::Unsupported));
    assert!(answered[3].1.as_ref().unwrap().starts_with("Value(Some"));
    // A snapshot does not change.
    let mut at_snapshot = watch_request(6);
    at_snapshot.place = Place::Snapshot;
    let mut nowhere = watch_request(7);
    nowhere.place = Place::Keyspace("nowhere".into());
    let mut other = RawConnection::open(server.address);
    other.send(&[at_snapshot, nowhere]);
    assert_eq!(other.receive().0, 6);
    assert_eq!(other.receive(), (7, Err(FailureKind::NoSuchKeyspace)));
}

#[test]
fn a_watch_needs_a_password_where_there_is_one() {
    let passwords = Passwords::new(["secret"]).unwrap();
    let server = Running::start(ServerOptions::default().workers(1).passwords(passwords));
    let mut stranger = RawConnection::open(server.address);
    stranger.send(&[watch_request(1)]);
    assert_eq!(stranger.receive(), (1, Err(FailureKind::NotAuthenticated)));
    let known = options().password("secret");
    let mut watch = KvsClient::connect_with(server.address, &known).unwrap().watch(..).unwrap();
    server.store.set("a", "1").unwrap();
    assert_eq!(short(&batch(&mut watch)), "a=1");
}

#[test]
fn a_watch_of_quiet_keys_is_told_how_far_it_is() {
    let (server, client) = started();
    let mut watch = client.watch_key("quiet").unwrap();
    let begin = watch.version();
    for number in 0..5000 {
        server.store.set("loud", format!("{number}")).unwrap();
    }
    assert!(watch.next_timeout(Duration::from_millis(100)).unwrap().is_none());
    wait_until("a later version is told", || {
        assert!(watch.next_timeout(Duration::from_millis(1)).unwrap().is_none());
        watch.version() >= begin + 4096
    });
}

#[test]
fn idle_watches_outlive_the_time_after_which_idle_clients_are_closed() {
    let timeout = Duration::from_millis(50);
    let server = Running::start(ServerOptions::default().workers(1).timeout(timeout));
    let client = KvsClient::connect(server.address).unwrap();
    // It is not asked for its life meanwhile, and a lost connection would be an error.
    let options = options().reconnect_timeout(Duration::ZERO);
    let mut watch = KvsClient::connect_with(server.address, &options).unwrap().watch(..).unwrap();
    assert!(watch.next_timeout(Duration::from_millis(2500)).unwrap().is_none());
    server.store.set("a", "1").unwrap();
    assert_eq!(short(&batch(&mut watch)), "a=1");
    drop(client);
}
