//! Pushes to the connections of a worker.

use super::*;
use crate::server::execute::push_feed::FEED_BYTES_MAX;

/// Connects a client of RESP2 that subscribes to a channel.
fn subscribed(bench: &mut Bench, channel: &str) -> (usize, FakeSocket) {
    let (place, socket) = bench.connect();
    bench.send(place, &socket, format!("SUBSCRIBE {channel}\r\n").as_bytes());
    bench.expect(&socket, confirmed("subscribe", channel, 1).as_bytes());
    (place, socket)
}

fn confirmed(word: &str, channel: &str, count: usize) -> String {
    format!("*3\r\n${}\r\n{word}\r\n${}\r\n{channel}\r\n:{count}\r\n", word.len(), channel.len())
}

fn message(channel: &str, message: &str) -> String {
    let (length, bytes) = (channel.len(), message.len());
    format!("*3\r\n$7\r\nmessage\r\n${length}\r\n{channel}\r\n${bytes}\r\n{message}\r\n")
}

#[test]
fn messages_reach_a_client_that_asks_for_nothing_and_end_before_its_unsubscription() {
    let mut bench = Bench::new();
    let (place, subscriber) = subscribed(&mut bench, "c");
    let (publisher, socket) = bench.connect();
    bench.send(publisher, &socket, b"PUBLISH c one\r\nPUBLISH c two\r\nPUBLISH other no\r\n");
    bench.expect(&socket, b":1\r\n:1\r\n:0\r\n");
    let messages = message("c", "one") + &message("c", "two");
    bench.expect(&subscriber, messages.as_bytes());
    assert!(bench.worker.is_quiet());
    // One comes in the very turn in which the client unsubscribes, and goes on as any other.
    bench.send(publisher, &socket, b"PUBLISH c last\r\n");
    bench.send(place, &subscriber, b"UNSUBSCRIBE c\r\nPING\r\n");
    bench.expect(&socket, b":1\r\n");
    let last = message("c", "last") + &confirmed("unsubscribe", "c", 0) + "+PONG\r\n";
    bench.expect(&subscriber, last.as_bytes());
    bench.send(publisher, &socket, b"PUBLISH c nobody\r\n");
    bench.expect(&socket, b":0\r\n");
}

#[test]
fn a_client_that_closes_is_subscribed_to_nothing() {
    let mut bench = Bench::new();
    let (place, subscriber) = subscribed(&mut bench, "c");
    lock(&subscriber.0).closed = true;
    bench.readable(place);
    bench.turn_until(|bench| bench.context.clients.count() == 0);
    assert_eq!(bench.context.channels.publish(SubscriptionKind::Channel, b"c", b"x"), 0);
}

#[test]
fn a_subscriber_that_takes_nothing_is_closed_and_its_memory_given_back() {
    let mut bench = Bench::new();
    let (_, slow) = subscribed(&mut bench, "c");
    let (_, quick) = subscribed(&mut bench, "c");
    lock(&slow.0).room = 0;
    let text = "x".repeat(4 << 20);
    let before = bench.context.clients.memory.held();
    let publish = |bench: &mut Bench| {
        let channels = Arc::clone(&bench.context.channels);
        let receivers = channels.publish(SubscriptionKind::Channel, b"c", text.as_bytes());
        // As a session that is killed does.
        bench.port.call_attention();
        bench.turn();
        receivers
    };
    let mut published = 0;
    while publish(&mut bench) == 2 {
        published += 1;
        assert!(published * text.len() < 3 * FEED_BYTES_MAX, "too much waits for the slow one");
        bench.expect(&quick, message("c", &text).as_bytes());
    }
    assert!(published * text.len() > FEED_BYTES_MAX - text.len(), "it was closed too early");
    bench.expect(&quick, message("c", &text).as_bytes());
    bench.turn_until(|bench| bench.context.clients.count() == 1);
    assert!(bench.context.clients.memory.held() < before + text.len());
}
