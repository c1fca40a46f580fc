//! What a server owes its clients: replies in order, whatever the others do, and none lost at its
//! end.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use common::lines::{connect, exchange, expect};
use common::running::Running;
use common::wait::PATIENCE;
use kvs::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, MAGIC, RequestMessage, RequestOperation,
};
use kvs::{EngineKind, Options, ServerOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Reads to the end of the stream, which may be an abrupt one.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        received.extend_from_slice(&buffer[..count]);
    }
    received
}

fn one_worker() -> Running {
    Running::start(ServerOptions::default().workers(1).readers(1))
}

fn hello() -> Vec<u8> {
    let mut hello = Vec::new();
    ClientHello::OURS.encode(&mut hello);
    hello
}

#[test]
fn a_pipeline_of_mixed_commands_is_answered_in_order() {
    let server = one_worker();
    let mut client = connect(server.address);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for number in 0..2000 {
        write!(sent, "SET key{} {number}\r\nGET key{}\r\nPING\r\n", number % 7, number % 7)
            .unwrap();
        let digits = number.to_string();
        write!(expected, "+OK\r\n${}\r\n{digits}\r\n+PONG\r\n", digits.len()).unwrap();
    }
    // Both directions at once, as a client that sends so much at a time has to.
    let mut sender = client.try_clone().unwrap();
    let sending = std::thread::spawn(move || sender.write_all(&sent).unwrap());
    expect(&mut client, &expected);
    sending.join().unwrap();
}

#[test]
fn a_transaction_that_is_sent_in_one_go_is_executed_as_one() {
    // Without a cache a read waits for the disk, so it and what follows it go to a reader.
    let directory = tempfile::tempdir().unwrap();
    let stored = Options::new(directory.path()).cache_bytes(0);
    let workers = ServerOptions::default().workers(1).readers(1);
    let server = Running::start_on(stored, workers);
    let mut client = connect(server.address);
    let (mut sent, mut expected) = (String::new(), String::new());
    for number in 0..50 {
        sent += &format!("SET a {number}\r\nGET a\r\nGET a\r\n");
        sent += "MULTI\r\nGET a\r\nSET a half\r\nGET a\r\nEXEC\r\nGET a\r\nSET b 1\r\n";
        let value = format!("${}\r\n{number}\r\n", number.to_string().len());
        let half = "$4\r\nhalf\r\n";
        expected += &format!("+OK\r\n{value}{value}+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
        expected += &format!("*3\r\n{value}+OK\r\n{half}{half}+OK\r\n");
    }
    exchange(&mut client, sent.as_bytes(), expected.as_bytes());
    // As programs spell it, and with the other end.
    let discarded = b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n\
        *2\r\n$6\r\nUNLINK\r\n$1\r\nb\r\n*1\r\n$7\r\nDISCARD\r\n*1\r\n$6\r\nDBSIZE\r\n";
    exchange(&mut client, discarded, b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n:2\r\n");
}

#[test]
fn a_transaction_ends_with_its_connection_and_holds_no_other_one() {
    let server = one_worker();
    let (mut first, mut second) = (connect(server.address), connect(server.address));
    exchange(&mut first, b"MULTI\r\nSET a 1\r\n", b"+OK\r\n+QUEUED\r\n");
    exchange(&mut second, b"SET b 1\r\nEXISTS a\r\n", b"+OK\r\n:0\r\n");
    // Half of it came when the client went.
    first.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n").unwrap();
    drop(first);
    exchange(&mut connect(server.address), b"EXISTS a\r\nSET a 2\r\n", b":0\r\n+OK\r\n");
}

#[test]
fn what_one_client_sends_harms_no_other() {
    let server = one_worker();
    let mut good = connect(server.address);
    exchange(&mut good, b"SET k v\r\n", b"+OK\r\n");
    let oversized = [hello(), u32::MAX.to_le_bytes().to_vec()].concat();
    let truncated = [hello(), vec![100, 0, 0, 0, 1, 2, 3]].concat();
    let malformed = [hello(), vec![1, 0, 0, 0, 0xFF]].concat();
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n * 7919).to_le_bytes()[1]).collect();
    let inverted = [&MAGIC[..], &[2, 0, 1, 0]].concat();
    let bad: [&[u8]; 9] = [
        &noise,
        &oversized,
        &truncated,
        &malformed,
        &inverted,
        b"*1\r\n$99999999999\r\n",
        b"*2\r\n$3\r\nGET\r\n$5\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        &MAGIC[..5],
    ];
    for bytes in bad {
        let mut client = connect(server.address);
        let _ = client.write_all(bytes);
        let _ = client.shutdown(Shutdown::Write);
        rest(&mut client);
        exchange(&mut good, b"GET k\r\n", b"$1\r\nv\r\n");
    }
}

#[test]
fn a_removal_of_very_many_keys_keeps_the_order_and_lets_others_write_between() {
    let directory = tempfile::tempdir().unwrap();
    let stored = Options::new(directory.path()).batch_operations_max(100);
    let workers = ServerOptions::default().workers(1).readers(1);
    let server = Running::start_on(stored, workers);
    let (mut client, mut other) = (connect(server.address), connect(server.address));
    let keys: Vec<_> = (0..30_000).map(|number| format!("key:{number}")).collect();
    let sets: String = keys.iter().map(|key| format!("SET {key} v\r\n")).collect();
    client.write_all(sets.as_bytes()).unwrap();
    // The writes before it are not answered yet, those behind it must see it, and be kept.
    let mut request = format!("*{}\r\n$3\r\nDEL\r\n", keys.len() + 1);
    keys.iter().for_each(|key| request += &format!("${}\r\n{key}\r\n", key.len()));
    request += "SET key:7 kept\r\nDBSIZE\r\nGET key:7\r\n";
    client.write_all(request.as_bytes()).unwrap();
    for number in 0..100 {
        exchange(&mut other, format!("SET other {number}\r\n").as_bytes(), b"+OK\r\n");
    }
    expect(&mut client, "+OK\r\n".repeat(keys.len()).as_bytes());
    expect(&mut client, b":30000\r\n+OK\r\n:2\r\n$4\r\nkept\r\n");
    // A client that does not wait for its reply harms nobody.
    let mut leaving = connect(server.address);
    leaving.write_all(request.as_bytes()).unwrap();
    drop(leaving);
    exchange(&mut other, b"SET other done\r\nGET other\r\n", b"+OK\r\n$4\r\ndone\r\n");
}

#[test]
fn a_clearing_of_very_many_keys_leaves_none_and_lets_others_write_between() {
    for engine in [EngineKind::Kvs, EngineKind::Sled, EngineKind::Memory] {
        let directory = tempfile::tempdir().unwrap();
        let stored = Options::new(directory.path()).engine(engine);
        let server = Running::start_on(stored, ServerOptions::default().workers(1).readers(1));
        let (mut client, mut other) = (connect(server.address), connect(server.address));
        let sets: String = (0..30_000).map(|number| format!("SET key:{number} v\r\n")).collect();
        exchange(&mut client, sets.as_bytes(), "+OK\r\n".repeat(30_000).as_bytes());
        client.write_all(b"SET key v\r\nFLUSHALL\r\nSET key:7 kept\r\nGET key:7\r\n").unwrap();
        for number in 0..50 {
            exchange(&mut other, format!("SET other {number}\r\n").as_bytes(), b"+OK\r\n");
        }
        expect(&mut client, b"+OK\r\n+OK\r\n+OK\r\n$4\r\nkept\r\n");
        // The other key may be gone or not.
        exchange(&mut other, b"DEL key:7\r\nSET other v\r\nDBSIZE\r\n", b":1\r\n+OK\r\n:1\r\n");
    }
}

#[test]
fn a_refused_client_is_told_why() {
    let server = one_worker();
    let mut client = connect(server.address);
    client.write_all(b"SET k v\r\n*1\r\n!\r\n").unwrap();
    let expected = b"+OK\r\n-ERR Protocol error: expected '$', got '!'\r\n";
    assert_eq!(rest(&mut client), expected);

    let http: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\nSET k hijacked\r\n",
        b"*2\r\n$4\r\nPOST\r\n$1\r\n/\r\nSET k hijacked\r\n",
    ];
    for lines in http {
        let mut browser = connect(server.address);
        browser.write_all(lines).unwrap();
        assert_eq!(rest(&mut browser), b"", "a browser must not get a reply");
    }
    exchange(&mut connect(server.address), b"GET k\r\n", b"$1\r\nv\r\n");
}

#[test]
fn a_client_that_ends_its_output_still_gets_its_replies() {
    let server = one_worker();
    let mut client = connect(server.address);
    client.write_all(b"SET k v\r\nGET k\r\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), b"+OK\r\n$1\r\nv\r\n");
}

#[test]
fn one_worker_serves_more_than_a_thousand_connections() {
    // Both ends of every connection are files of this process.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    let server = one_worker();
    // Each is answered before the next one comes: the system refuses some of those that come
    // faster than they are accepted, and tries again a second later.
    let mut clients: Vec<_> = (0..1200)
        .map(|number| {
            let mut client = connect(server.address);
            exchange(&mut client, format!("SET key{number} {number}\r\n").as_bytes(), b"+OK\r\n");
            client
        })
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        write!(client, "GET key{number}\r\n").unwrap();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let digits = number.to_string();
        expect(client, format!("${}\r\n{digits}\r\n", digits.len()).as_bytes());
    }
}

#[test]
fn a_connection_over_the_limit_is_told_so_and_makes_room_when_another_ends() {
    let server = Running::start(ServerOptions::default().workers(1).connections_max(2));
    let mut first = connect(server.address);
    let mut second = connect(server.address);
    exchange(&mut first, b"PING\r\n", b"+PONG\r\n");
    exchange(&mut second, b"PING\r\n", b"+PONG\r\n");
    let mut third = connect(server.address);
    assert_eq!(rest(&mut third), b"-ERR max number of clients reached\r\n");
    drop(first);
    let start = Instant::now();
    loop {
        let mut next = connect(server.address);
        let _ = next.write_all(b"PING\r\n");
        if rest_of_line(&mut next) == b"+PONG\r\n" {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the place of the first stays taken");
    }
    exchange(&mut second, b"PING\r\n", b"+PONG\r\n");
}

fn rest_of_line(client: &mut TcpStream) -> Vec<u8> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\n") && matches!(client.read(&mut byte), Ok(1)) {
        line.push(byte[0]);
    }
    line
}

#[test]
fn a_client_that_never_reads_is_not_read_of_and_others_go_on() {
    let server = one_worker();
    server.store.set("large", vec![7; 1 << 20]).unwrap();
    let mut deaf = connect(server.address);
    deaf.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let requests = b"GET large\r\n".repeat(10_000);
    // Answering all of these would take a terabyte.
    let error = loop {
        if let Err(error) = deaf.write_all(&requests) {
            break error;
        }
    };
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    let mut other = connect(server.address);
    exchange(&mut other, b"PING\r\n", b"+PONG\r\n");
    let mut buffer = vec![0; 1 << 20];
    deaf.read_exact(&mut buffer).unwrap();
    assert!(buffer.starts_with(b"$1048576\r\n\x07"), "it still gets what it waits for");
}

#[test]
fn every_write_that_was_acknowledged_before_the_end_was_done_and_none_is_acknowledged_after() {
    let mut server = Running::start(ServerOptions::default().workers(2));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let mut stream = connect(server.address);
            std::thread::spawn(move || {
                let mut sender = stream.try_clone().unwrap();
                let sending = std::thread::spawn(move || {
                    for number in 0.. {
                        let request = format!("SET {client}-{number} {number}\r\n");
                        if sender.write_all(request.as_bytes()).is_err() {
                            break;
                        }
                    }
                });
                let replies = rest(&mut stream);
                drop(stream);
                sending.join().unwrap();
                replies
            })
        })
        .collect();
    let start = Instant::now();
    while server.store.get("0-2000").unwrap().is_none() {
        assert!(start.elapsed() < PATIENCE, "the clients do not get on");
        std::thread::yield_now();
    }
    server.stop();
    for (client, thread) in clients.into_iter().enumerate() {
        let replies = thread.join().unwrap();
        let acknowledged = replies.len() / 5;
        assert_eq!(replies, b"+OK\r\n".repeat(acknowledged), "whole replies, and no other");
        for number in 0..acknowledged {
            let value = server.store.get(format!("{client}-{number}")).unwrap();
            assert_eq!(value, Some(number.to_string().into_bytes()));
        }
        let next = server.store.get(format!("{client}-{acknowledged}")).unwrap();
        assert_eq!(next, None, "a write was done that client {client} does not know of");
    }
}

#[test]
fn a_server_stops_though_clients_stay_connected() {
    let mut server = one_worker();
    let mut idle = connect(server.address);
    exchange(&mut idle, b"PING\r\n", b"+PONG\r\n");
    server.stop();
    assert_eq!(rest(&mut idle), b"");
}

#[test]
fn an_address_in_use_is_named() {
    let server = one_worker();
    let options = kvs::Options::new("nothing-is-stored-here").engine(kvs::EngineKind::Memory);
    let store = kvs::Store::open(options).unwrap();
    let bound = kvs::KvsServer::bind(server.address, store, ServerOptions::default());
    let error = bound.err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot listen on {}: ", server.address)), "{error}");
}

#[test]
fn clients_that_come_before_the_store_is_open_are_served_then() {
    let listener = kvs::Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_address().socket_address().unwrap();
    let mut clients: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    for client in &mut clients {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"PING\r\n").unwrap();
    }
    let options = kvs::Options::new("nothing-is-stored-here").engine(kvs::EngineKind::Memory);
    let store = kvs::Store::open(options).unwrap();
    let stop = listener.stop_handle();
    let server = listener.serve(store, ServerOptions::default());
    assert_eq!(server.local_address(), &address.into());
    let running = std::thread::spawn(move || server.run());
    for client in &mut clients {
        expect(client, b"+PONG\r\n");
    }
    stop.stop();
    running.join().unwrap().unwrap();
}

#[test]
fn of_servers_that_find_the_same_dead_socket_one_replaces_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kvs.sock");
    let endpoint = [kvs::Endpoint::Unix(path.clone())];
    for _ in 0..20 {
        drop(UnixListener::bind(&path).unwrap());
        let start = Barrier::new(8);
        let bound: Vec<_> = thread::scope(|scope| {
            let bind = || {
                start.wait();
                kvs::Listener::bind_all(&endpoint)
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(bind)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (listeners, refused): (Vec<_>, Vec<_>) = bound.into_iter().partition(Result::is_ok);
        assert_eq!(listeners.len(), 1);
        for error in refused.into_iter().filter_map(Result::err) {
            assert!(error.to_string().contains("another server listens there"), "{error}");
        }
        assert!(UnixStream::connect(&path).is_ok(), "the one that listens can be reached");
        drop(listeners);
        assert!(!path.exists());
    }
}

#[test]
fn a_server_without_addresses_is_refused() {
    let error = kvs::Listener::bind_all(&[]).unwrap_err().to_string();
    assert!(error.contains("needs an address"), "{error}");
    let error = kvs::Listener::bind("nowhere").unwrap_err().to_string();
    assert!(error.contains("\"nowhere\" is no address"), "{error}");
}

#[test]
fn a_server_that_was_stopped_before_it_ran_ends_at_once() {
    let listener = kvs::Listener::bind("127.0.0.1:0").unwrap();
    listener.stop_handle().stop();
    let options = kvs::Options::new("nothing-is-stored-here").engine(kvs::EngineKind::Memory);
    let store = kvs::Store::open(options).unwrap();
    listener.serve(store, ServerOptions::default()).run().unwrap();
}

#[test]
fn native_responses_come_in_the_order_of_the_requests() {
    let server = one_worker();
    let mut client = connect(server.address);
    let mut bytes = hello();
    for id in 1..=300 {
        let operation = match id % 3 {
            0 => RequestOperation::Set {
                key: b"k".into(),
                value: id.to_string().into_bytes().into(),
                expires_at: None,
                sync: None,
            },
            1 => RequestOperation::Get { key: b"k".into() },
            _ => RequestOperation::Scan {
                start: std::ops::Bound::Unbounded,
                end: std::ops::Bound::Unbounded,
                reverse: true,
                limit: 1,
                keys_only: false,
            },
        };
        let request = RequestMessage::new(id, operation);
        request.encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    }
    client.write_all(&bytes).unwrap();
    let mut hello = [0; 16];
    client.read_exact(&mut hello).unwrap();
    for id in 1..=300 {
        let mut header = [0; 4];
        client.read_exact(&mut header).unwrap();
        let mut body = vec![0; u32::from_le_bytes(header) as usize];
        client.read_exact(&mut body).unwrap();
        let response = kvs::protocol::native::ResponseMessage::decode(&body).unwrap();
        assert_eq!(response.id, id);
        let newest = (id / 3 * 3).to_string().into_bytes();
        let text = format!("{:?}", response.result.unwrap());
        if id > 3 && id % 3 != 0 {
            assert!(text.contains(&format!("{newest:?}")), "request {id}: {text}");
        }
    }
}
