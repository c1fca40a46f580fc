//! Channels of a running server with several workers: whoever subscribed gets every message, all in
//! one order, while other clients come and go, until the server stops.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::form::by_form;
use common::lines::{connect, exchange};
use common::running::Running;
use common::wait::wait_until;
use kvs::ServerOptions;

const SUBSCRIBERS: usize = 8;

const PUBLISHERS: usize = 3;

const SUBSCRIBED: &str = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";

fn server() -> Running {
    Running::start(ServerOptions::default().workers(4).readers(1))
}

fn subscribed(server: SocketAddr) -> TcpStream {
    let mut client = connect(server);
    exchange(&mut client, "SUBSCRIBE c\r\n", SUBSCRIBED);
    client
}

/// Reads the next messages of a subscriber.
fn messages(client: TcpStream, count: usize) -> Vec<String> {
    let mut lines = BufReader::new(client).lines().map(Result::unwrap);
    let mut message = || {
        let lines: Vec<_> = lines.by_ref().take(7).collect();
        assert_eq!(&lines[..5], ["*3", "$7", "message", "$1", "c"]);
        lines[6].clone()
    };
    (0..count).map(|_| message()).collect()
}

/// Publishes numbered messages, and checks that all who stay get each.
fn publish(server: SocketAddr, publisher: usize, count: usize) {
    let mut client = BufReader::new(connect(server));
    for number in 0..count {
        let request = format!("PUBLISH c {publisher}:{number}\r\n");
        client.get_mut().write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        client.read_line(&mut reply).unwrap();
        let receivers: usize = reply.strip_prefix(':').unwrap().trim().parse().unwrap();
        assert!(receivers >= SUBSCRIBERS, "{receivers} receivers");
    }
}

/// Subscribes and goes, with and without a word.
fn come_and_go(server: SocketAddr, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let mut client = subscribed(server);
        client.write_all(b"PSUBSCRIBE *\r\nUNSUBSCRIBE c\r\n").unwrap();
        drop(client);
        drop(subscribed(server));
    }
}

#[test]
fn subscribers_of_all_workers_get_every_message_in_one_order() {
    let server = server();
    let count = by_form([300, 3_000, 30_000]);
    let subscribers = [(); SUBSCRIBERS].map(|()| subscribed(server.address));
    let is_over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| come_and_go(server.address, &is_over));
        }
        let readers = subscribers
            .map(|subscriber| scope.spawn(move || messages(subscriber, PUBLISHERS * count)));
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| scope.spawn(move || publish(server.address, publisher, count)))
            .collect();
        let published = publishers.into_iter().map(thread::ScopedJoinHandle::join);
        let published: Result<Vec<()>, _> = published.collect();
        is_over.store(true, Ordering::Relaxed);
        published.unwrap();
        readers.map(|reader| reader.join().unwrap())
    });
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher}:");
        let numbers = told[0].iter().filter_map(|message| message.strip_prefix(&prefix));
        let numbers = numbers.map(|number| number.parse::<usize>().unwrap());
        assert!(numbers.eq(0..count), "messages of publisher {publisher} are not in order");
    }
    assert!(told.iter().all(|messages| *messages == told[0]), "the orders differ");
    let mut client = BufReader::new(connect(server.address));
    wait_until("nobody is subscribed", || {
        client.get_mut().write_all(b"PUBSUB NUMPAT\r\nPUBSUB NUMSUB c\r\n").unwrap();
        let lines: Vec<_> = client.by_ref().lines().take(5).map(Result::unwrap).collect();
        lines == [":0", "*2", "$1", "c", ":0"]
    });
}

#[test]
fn a_server_stops_although_clients_wait_for_messages() {
    let server = server();
    let (first, second) = (subscribed(server.address), subscribed(server.address));
    let mut publisher = connect(server.address);
    exchange(&mut publisher, "PUBLISH c last\r\n", ":2\r\n");
    drop(server);
    for client in [first, second] {
        let rest = std::io::read_to_string(client).unwrap();
        assert_eq!(rest, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\nlast\r\n");
    }
}
