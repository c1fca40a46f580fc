//! Turns of the writer that a worker takes itself, and when it leaves that to the writer's thread.

use super::*;
use crate::{Durability, Options};

/// Returns a bench with two clients.
fn two_clients(options: Options) -> (Bench, (usize, FakeSocket), (usize, FakeSocket)) {
    let mut bench = Bench::over(Arc::new(testing::context_over(options)));
    let (one, other) = (bench.connect(), bench.connect());
    bench.turn();
    (bench, one, other)
}

fn options() -> Options {
    Options::new("nothing-is-stored-here")
}

/// Returns true if the client was answered in one turn, without another actor.
fn is_answered_at_once(bench: &mut Bench, client: &(usize, FakeSocket), request: &[u8]) -> bool {
    bench.send(client.0, &client.1, request);
    bench.turn();
    let is_direct = !bench.worker.outbox.is_busy();
    bench.turn_until(|bench| {
        !bench.worker.outbox.is_busy() && !lock(&client.1.0).received.is_empty()
    });
    lock(&client.1.0).received.clear();
    is_direct
}

#[test]
fn a_write_that_nobody_is_in_the_way_of_is_answered_in_its_turn() {
    let (mut bench, one, other) = two_clients(options());
    bench.send(one.0, &one.1, b"SET a 1\r\nSET a 2\r\n");
    bench.send(other.0, &other.1, b"SET b 3\r\n");
    bench.turn();
    for (client, expected) in [(&one, &b"+OK\r\n+OK\r\n"[..]), (&other, b"+OK\r\n")] {
        assert_eq!(std::mem::take(&mut lock(&client.1.0).received), expected);
    }
    assert_eq!(bench.context.store.get("a").unwrap().unwrap(), b"2");
    assert!(is_answered_at_once(&mut bench, &one, b"SET a 3 NX\r\n"));
    assert!(is_answered_at_once(&mut bench, &one, b"DEL a\r\n"));
}

#[test]
fn what_may_take_long_is_left_to_the_writers_thread_unless_the_client_is_alone() {
    let mut large = b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$300000\r\n".to_vec();
    large.extend([b'v'; 300_000]);
    large.extend(b"\r\n");
    let (mut bench, one, other) = two_clients(options());
    // Large, an update that reads a value, every key.
    for request in [&b"INCR n\r\n"[..], b"FLUSHALL\r\n", b"APPEND n 1\r\n"] {
        assert!(!is_answered_at_once(&mut bench, &one, request), "{}", request.escape_ascii());
    }
    bench.send(one.0, &one.1, &large);
    bench.turn_until(|bench| bench.worker.outbox.is_busy());
    bench.expect(&one.1, b"+OK\r\n");
    lock(&other.1.0).closed = true;
    bench.readable(other.0);
    bench.turn_until(|bench| bench.context.clients.count() == 1);
    assert!(is_answered_at_once(&mut bench, &one, b"INCR m\r\n"));
}

#[test]
fn a_worker_with_several_clients_does_not_wait_for_the_disk() {
    let (mut bench, one, other) = two_clients(options().durability(Durability::Always));
    assert!(!is_answered_at_once(&mut bench, &one, b"SET a 1\r\n"));
    lock(&other.1.0).closed = true;
    bench.readable(other.0);
    bench.turn_until(|bench| bench.context.clients.count() == 1);
    assert!(is_answered_at_once(&mut bench, &one, b"SET a 2\r\n"));
}

#[test]
fn writes_behind_unanswered_ones_keep_their_order() {
    let (mut bench, one, other) = two_clients(options());
    let release = block_writer(&bench.context.store);
    bench.send(one.0, &one.1, b"SET a 1\r\n");
    bench.turn();
    bench.send(one.0, &one.1, b"SET a 2\r\n");
    bench.send(other.0, &other.1, b"SET b 1\r\n");
    bench.turn();
    assert!(lock(&one.1.0).received.is_empty() && lock(&other.1.0).received.is_empty());
    drop(release);
    bench.expect(&one.1, b"+OK\r\n+OK\r\n");
    bench.expect(&other.1, b"+OK\r\n");
    assert_eq!(bench.context.store.get("a").unwrap().unwrap(), b"2");
}

#[test]
fn what_follows_a_write_in_a_pipeline_goes_on_without_another_event() {
    let (mut bench, one, _other) = two_clients(options());
    bench.send(one.0, &one.1, b"SET a 1\r\nGET a\r\nDEL a b\r\nGET a\r\nINCR a\r\nGET a\r\n");
    bench.expect(&one.1, b"+OK\r\n$1\r\n1\r\n:1\r\n$-1\r\n:1\r\n$1\r\n1\r\n");
    bench.send(one.0, &one.1, b"SET a 1\r\nFLUSHALL\r\nSET b 2\r\nDBSIZE\r\n");
    bench.expect(&one.1, b"+OK\r\n+OK\r\n+OK\r\n:1\r\n");
}

#[test]
fn a_panic_in_a_turn_is_an_error_for_its_clients_and_for_those_behind() {
    let (mut bench, one, _other) = two_clients(options());
    let update = Probe::look(|| panic!("on purpose"));
    let fatal = WriteOperation::Update { key: b"a".to_vec(), update };
    assert!(bench.context.store.apply(Batch::single(fatal)).is_err());
    bench.send(one.0, &one.1, b"SET a 1\r\nSET b 1\r\n");
    bench.turn_until(|_| lock(&one.1.0).received.ends_with(b"\n"));
    let received = String::from_utf8(lock(&one.1.0).received.clone()).unwrap();
    assert_eq!(received.lines().filter(|line| line.starts_with('-')).count(), 2, "{received}");
}
