//! Events about keys, as subscribers get them: those of Redis, in its order, whoever wrote.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::connection::redis::{Reply, receive};
use common::lines::{connect, exchange};
use common::redis_process::{RedisProcess, has_redis};
use common::running::Running;
use common::text;
use common::wait::{PATIENCE, wait_until};
use kvs::{EngineKind, Expiry, Options, ServerOptions};

/// A connection of either kind.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// A client that writes, and one that is told.
struct Told {
    client: BufReader<Box<dyn Stream>>,
    subscriber: BufReader<Box<dyn Stream>>,
    marks: usize,
}

impl Told {
    /// Returns two clients of a server of this kind.
    fn new(server: &Running) -> Self {
        Self::of([(); 2].map(|()| Box::new(connect(server.address)) as Box<dyn Stream>))
    }

    /// Returns the clients on these connections, one of which is told of every event.
    fn of([client, mut subscriber]: [Box<dyn Stream>; 2]) -> Self {
        let subscribed = "*3\r\n$10\r\npsubscribe\r\n$6\r\n__key*\r\n:1\r\n";
        exchange(&mut subscriber, "PSUBSCRIBE __key*\r\n", subscribed);
        let [client, subscriber] = [client, subscriber].map(BufReader::new);
        Self { client, subscriber, marks: 0 }
    }

    /// Sends a request, and returns the parts of its reply.
    fn call(&mut self, request: &str) -> Vec<String> {
        self.client.get_mut().write_all(format!("{request}\r\n").as_bytes()).unwrap();
        parts(receive(&mut self.client).unwrap())
    }

    /// Returns the next event: its channel without `__key`, and its message.
    fn next(&mut self) -> String {
        let message = parts(receive(&mut self.subscriber).unwrap());
        assert_eq!(&message[..2], ["pmessage", "__key*"]);
        format!("{} {}", message[2].strip_prefix("__key").unwrap(), message[3])
    }

    /// Returns the events up to one of a key that is set now.
    fn events(&mut self) -> Vec<String> {
        self.marks += 1;
        let key = format!("mark{}", self.marks);
        self.call(&format!("SET {key} 1"));
        let mut events = Vec::new();
        loop {
            let event = self.next();
            if event.contains(&key) {
                return events;
            }
            // Some classes tell of a mark twice.
            if !event.contains("mark") {
                events.push(event);
            }
        }
    }
}

/// Returns the parts of a reply as text.
fn parts(reply: Reply) -> Vec<String> {
    match reply {
        Reply::Simple(text) => vec![format!("+{text}")],
        Reply::Error(text) => vec![format!("-{text}")],
        Reply::Integer(number) => vec![format!(":{number}")],
        Reply::Bulk(value) => value.map(|value| text(&value)).into_iter().collect(),
        Reply::Array(replies) => replies.into_iter().flat_map(parts).collect(),
    }
}

fn serving(classes: &str) -> Running {
    let options = ServerOptions::default().workers(2).readers(1);
    Running::start(options.key_events(classes.parse().unwrap()))
}

/// Requests of the commands that write keys but `RESTORE`, with and without an effect.
const REQUESTS: &str = "
    SET a 1
    SET a 2 EX 100
    SET a 3 KEEPTTL
    SET a 4 GET
    SET a 5 XX PX 100000
    SET none 1 XX
    SET a 1 NX
    SETNX a 1
    SETNX b 1
    SETEX a 100 1
    PSETEX a 100000 1
    GETSET a 2
    MSET a 1 b 2 c 3
    MSETNX a 1 d 2
    MSETNX d 1 e 2
    GET a
    GETDEL e
    GETDEL e
    GETEX a
    GETEX a EX 100
    GETEX a PERSIST
    GETEX a PERSIST
    INCR a
    DECR a
    INCRBY a 2
    DECRBY a 3
    INCRBYFLOAT a 1.5
    INCR a
    APPEND a x
    APPEND new x
    SETRANGE a 1 yy
    SETRANGE a 1
    SETRANGE a 0
    SETBIT a 7 1
    SETBIT a 7 1
    SETBIT a 0 0
    SETBIT a 0 1
    SETBIT a 200 0
    BITFIELD a SET u8 0 7 INCRBY u8 8 1
    BITFIELD a SET u8 0 7
    BITFIELD a SET u8 0 8 SET u8 0 7
    BITFIELD a OVERFLOW FAIL INCRBY u8 0 300
    BITFIELD a GET u8 0
    BITFIELD_RO a GET u8 0
    BITOP AND f a b
    BITOP OR f none none
    BITOP OR f none none
    EXPIRE a 100
    EXPIRE none 100
    PEXPIRE a 1 GT
    PEXPIREAT a 99999999999999
    EXPIREAT a 9999999999
    PEXPIRE a 100000
    PERSIST a
    PERSIST a
    EXPIRE a -1
    EXPIRE a -1
    RENAME b g
    RENAME g g
    RENAME none g
    RENAMENX g c
    RENAMENX g b
    COPY b h
    COPY b h
    COPY b h REPLACE
    COPY b b DB 3
    MOVE b 3
    MOVE b 4
    SELECT 4
    SET four 4 EX 100
    DEL four none b
    SELECT 0
    TOUCH c
    UNLINK c d
    SORT none STORE new
    DEL none
    MULTI
    SET t 1
    INCR t
    INCR h
    EXPIRE t 100
    DEL t
    EXEC
    MULTI
    SET t 1
    DISCARD
    FLUSHDB
    SET a 1
    SWAPDB 0 1
    SET a 2
    SELECT 1
    APPEND a x
    SELECT 0
    FLUSHALL
    GET a
";

#[test]
fn every_write_is_told_as_redis_tells_it() {
    if !has_redis() {
        return;
    }
    let redis = RedisProcess::start(None);
    let connection = || {
        let stream = UnixStream::connect(redis.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Box::new(stream) as Box<dyn Stream>
    };
    let server = serving("");
    let mut both = [Told::of([connection(), connection()]), Told::new(&server)];
    let mut told = 0;
    for classes in ["KEA", "Kg", "E$"] {
        both.iter_mut().for_each(|it| {
            it.call(&format!("CONFIG SET notify-keyspace-events {classes}"));
        });
        for request in REQUESTS.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let [redis, kvs] = both.each_mut().map(|it| it.call(request));
            assert_eq!(redis, kvs, "{request}");
            // Between MULTI and EXEC a mark would be queued, and Kg tells of no mark.
            if redis == ["+QUEUED"] || request == "MULTI" || classes == "Kg" {
                continue;
            }
            let [redis, kvs] = both.each_mut().map(Told::events);
            assert_eq!(redis, kvs, "{classes}: {request}");
            told += redis.len();
        }
        if classes == "Kg" {
            let [redis, kvs] = both.each_mut().map(|it| {
                it.call("EXPIRE a 100");
                it.call("SET end 1");
                it.call("DEL end");
                let events = std::iter::from_fn(|| Some(it.next()));
                events.take_while(|event| !event.contains("end")).collect::<Vec<_>>()
            });
            assert_eq!(redis, kvs);
            told += redis.len();
        }
    }
    assert!(told > 150, "{told} events were compared");
}

#[test]
fn keys_that_expire_and_are_evicted_are_told_of_in_their_database() {
    let server = serving("Exe");
    let mut told = Told::new(&server);
    told.call("SET a 1 PX 1");
    assert_eq!(told.next(), "event@0__:expired a");
    told.call("SELECT 1");
    told.call("SET b 1");
    told.call("SWAPDB 1 2");
    told.call("SELECT 2");
    told.call("PEXPIRE b 1");
    assert_eq!(told.next(), "event@2__:expired b");
    let soon = Expiry::After(Duration::from_millis(1));
    server.store.keyspace("other").unwrap().set_expiring("none", "1", soon).unwrap();
    server.store.keyspace("db3").unwrap().set_expiring("c", "1", soon).unwrap();
    assert_eq!(told.next(), "event@3__:expired c");
    told.call("CONFIG SET maxmemory 100kb maxmemory-policy allkeys-random");
    for number in 0..2_000 {
        assert_eq!(told.call(&format!("SET key:{number} v")), ["+OK"]);
    }
    assert!(told.next().starts_with("event@2__:evicted key:"));
}

#[test]
fn the_writes_of_all_clients_are_told_of_while_a_class_is_asked_for() {
    let server = serving("");
    let mut told = Told::new(&server);
    let failed = "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - \
                  no class of events 'm': choose letters of Ag$lshzxetdKE";
    assert_eq!(told.call("CONFIG SET notify-keyspace-events KEAm"), [failed]);
    server.store.set("early", "1").unwrap();
    for round in 0..3 {
        assert_eq!(told.call("CONFIG SET notify-keyspace-events KEA"), ["+OK"]);
        let shown = told.call("CONFIG GET notify-keyspace-events");
        assert_eq!(shown, ["notify-keyspace-events", "AKE"]);
        server.store.set("a", round.to_string()).unwrap();
        server.store.keyspace("db7").unwrap().remove("none").unwrap();
        server.store.keyspace("other").unwrap().set("a", "1").unwrap();
        server.store.keyspace("db7").unwrap().append("b", "1").unwrap();
        let events = told.events();
        assert_eq!(events[..2], ["space@0__:a set", "event@0__:set a"]);
        assert_eq!(events[2..], ["space@7__:b append", "event@7__:append b"]);
        let mark = format!("event@0__:set mark{}", told.marks);
        assert_eq!(told.next(), mark);
        assert_eq!(told.call("CONFIG SET notify-keyspace-events ''"), ["+OK"]);
        server.store.set("late", "1").unwrap();
    }
}

#[test]
fn the_latest_change_is_told_whatever_was_missed_and_a_server_stops_meanwhile() {
    let store = Options::new("nothing-is-stored-here").engine(EngineKind::Memory);
    let options = ServerOptions::default().workers(2).readers(1);
    let options = options.key_events("KEA".parse().unwrap());
    let mut server = Running::start_on(store.watch_bytes(1_000), options);
    let mut told = Told::new(&server);
    let mut slow = connect(server.address);
    slow.write_all(b"PSUBSCRIBE *\r\n").unwrap();
    let writer = server.store.clone();
    for number in 0..2_000 {
        writer.set(format!("key:{}", number % 10), vec![b'v'; 100]).unwrap();
    }
    drop(writer);
    // The store keeps some four of these.
    assert_eq!(told.events().last().unwrap(), "event@0__:set key:9");
    server.stop();
    wait_until("the end of the connection", || ended(&mut slow));
}

fn ended(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 4096]), Ok(0) | Err(_))
}
