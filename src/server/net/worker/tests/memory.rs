//! The memory for clients: who is closed when it is used up, who waits, and what is given back.

use super::*;
use crate::server::execute::charge::Charge;

const MIB: usize = 1 << 20;

/// Returns a bench whose clients may hold so many bytes.
fn bench(client_memory: usize) -> Bench {
    Bench::over(Arc::new(testing::context_of(|options| options.client_memory(client_memory))))
}

/// Sends the start of a request of so many bytes and lets the worker read it.
fn send_half(bench: &mut Bench, client: &(usize, FakeSocket), bytes: usize) {
    let start = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000000\r\n";
    bench.send(client.0, &client.1, start);
    bench.send(client.0, &client.1, &vec![b'x'; bytes]);
    for _ in 0..=bytes / READ_BYTES_MAX + 1 {
        bench.turn();
    }
}

fn evicted(bench: &Bench) -> u64 {
    bench.context.statistics.connections_evicted.get()
}

#[test]
fn the_client_that_holds_most_gets_an_error_and_is_closed_and_the_others_go_on() {
    let mut bench = bench(16 * MIB);
    let (small, large, last) = (bench.connect(), bench.connect(), bench.connect());
    send_half(&mut bench, &small, 3 * MIB);
    send_half(&mut bench, &large, 8 * MIB);
    assert_eq!(evicted(&bench), 0);
    send_half(&mut bench, &last, 6 * MIB);
    bench.port.call_attention();
    bench.turn();
    assert_eq!(evicted(&bench), 1);
    let refused = std::mem::take(&mut lock(&large.1.0).received);
    assert!(refused.starts_with(b"-OOM the memory for clients is used up"), "{refused:?}");
    lock(&large.1.0).closed = true;
    bench.readable(large.0);
    bench.turn();
    assert_eq!(bench.context.clients.count(), 2);
    let held = bench.context.clients.memory.held();
    assert!((9 * MIB..16 * MIB).contains(&held), "{held}");
    let good = bench.connect();
    bench.send(good.0, &good.1, b"SET k v\r\nGET k\r\n");
    bench.expect(&good.1, b"+OK\r\n$1\r\nv\r\n");
}

#[test]
fn many_parts_that_come_in_one_turn_are_not_held_together() {
    let mut bench = bench(MIB);
    for _ in 0..60 {
        let (place, socket) = bench.connect();
        bench.send(place, &socket, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000000\r\n");
        bench.send(place, &socket, &vec![b'x'; READ_BYTES_MAX]);
    }
    bench.turn();
    let held = bench.context.clients.memory.held();
    let parts = LOOK_STEP_BYTES + 4 * READ_BYTES_MAX;
    assert!(held < MIB + MIB / 4 + parts, "{held} bytes are held after one turn");
}

#[test]
fn many_large_replies_of_one_turn_are_not_held_together() {
    let mut bench = bench(MIB);
    bench.context.store.set("k", vec![b'v'; 600_000]).unwrap();
    let clients: Vec<_> = (0..8).map(|_| bench.connect()).collect();
    for (place, socket) in &clients {
        lock(&socket.0).room = 10;
        bench.send(*place, socket, b"GET k\r\n");
    }
    bench.turn();
    let held = bench.context.clients.memory.held();
    assert!(held < MIB + MIB / 4 + 700_000, "{held} bytes are held after one turn");
    assert!(evicted(&bench) > 4);
}

#[test]
fn a_client_that_does_not_take_its_replies_is_closed_without_more() {
    let mut bench = bench(MIB);
    bench.context.store.set("k", vec![b'v'; 100_000]).unwrap();
    let client = bench.connect();
    lock(&client.1.0).room = 10;
    bench.send(client.0, &client.1, &b"GET k\r\n".repeat(20));
    bench.turn_until(|bench| bench.context.clients.count() == 0);
    assert_eq!((evicted(&bench), lock(&client.1.0).received.len()), (1, 10));
    assert_eq!(bench.context.clients.memory.held(), 0);
}

#[test]
fn replies_count_that_come_after_the_last_request() {
    let mut bench = bench(MIB);
    bench.context.store.set("k", vec![b'v'; 2 * MIB]).unwrap();
    let released = block_writer(&bench.context.store);
    let client = bench.connect();
    lock(&client.1.0).room = 10;
    bench.send(client.0, &client.1, b"SET k v GET\r\n");
    bench.turn();
    lock(&client.1.0).closed = true;
    bench.readable(client.0);
    bench.turn();
    drop(released);
    bench.turn_until(|bench| {
        bench.port.call_attention();
        evicted(bench) == 1
    });
    assert_eq!(bench.context.clients.memory.held(), 0);
}

#[test]
fn decoded_requests_count_as_they_are_held() {
    let mut bench = bench(MIB);
    let _released = block_writer(&bench.context.store);
    let client = bench.connect();
    let keys: Vec<_> = (0..8_000).map(|key| format!("$4\r\n{key:04}\r\n$0\r\n\r\n")).collect();
    let request = format!("*16001\r\n$4\r\nMSET\r\n{}", keys.concat());
    assert!(request.len() < 200_000);
    bench.send(client.0, &client.1, request.as_bytes());
    for _ in 0..5 {
        bench.turn();
    }
    let held = bench.context.clients.memory.held();
    assert!(held > 8_000 * size_of::<WriteOperation>(), "{held}");
    assert_eq!(evicted(&bench), 0, "they fit: {held}");
    bench.send(client.0, &client.1, request.as_bytes());
    bench.turn_until(|bench| evicted(bench) == 1);
    assert_eq!(bench.context.clients.memory.held(), 0);
}

#[test]
fn a_large_request_waits_while_too_much_is_on_its_way_out() {
    let mut bench = bench(MIB);
    let (large, small) = (bench.connect(), bench.connect());
    send_half(&mut bench, &large, 100_000);
    let mut leaving = Charge::new(testing::session(&bench.context));
    leaving.set(2 * MIB);
    let gone = bench.context.clients.list().pop().unwrap();
    bench.context.clients.close(&gone);
    let reads = lock(&large.1.0).reads;
    bench.send(large.0, &large.1, &[b'x'; 100]);
    bench.send(small.0, &small.1, b"PING\r\n");
    bench.expect(&small.1, b"+PONG\r\n");
    assert_eq!(lock(&large.1.0).reads, reads);
    assert_eq!(bench.worker.wait(Instant::now()), Some(RETRY));
    drop(leaving);
    bench.turn();
    assert!(lock(&large.1.0).sent.is_empty(), "it was read again");
    assert_eq!(evicted(&bench), 0);
}

// The checkers have no atomics in statics.
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
#[test]
fn where_memory_is_scarce_it_is_given_back_within_a_turn() {
    use crate::sync::{AtomicUsize, Ordering};
    static GIVEN_BACK: AtomicUsize = AtomicUsize::new(0);
    fn give_back() {
        GIVEN_BACK.fetch_add(1, Ordering::Relaxed);
    }
    let context = testing::context_of(|options| {
        options.client_memory(4 * MUCH_FREED_BYTES).give_memory_back(give_back)
    });
    let mut bench = Bench::over(Arc::new(context));
    let (client, other) = (bench.connect(), bench.connect());
    bench.turn();
    let mut held = Charge::new(testing::session(&bench.context));
    held.set(3 * MUCH_FREED_BYTES);
    for _ in 0..2 {
        held.set(2 * MUCH_FREED_BYTES + 1);
        held.set(3 * MUCH_FREED_BYTES);
    }
    assert_eq!(GIVEN_BACK.load(Ordering::Relaxed), 0);
    bench.send(client.0, &client.1, b"PING\r\n");
    bench.send(other.0, &other.1, b"PING\r\n");
    bench.turn();
    // By this worker; its readers do so when they come to it.
    assert!(GIVEN_BACK.load(Ordering::Relaxed) >= 1);
}

// The checkers have no atomics in statics.
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
#[test]
fn an_idle_connection_frees_its_buffers_and_much_freed_memory_is_given_back() {
    use crate::sync::{AtomicUsize, Ordering};
    static GIVEN_BACK: AtomicUsize = AtomicUsize::new(0);
    fn give_back() {
        GIVEN_BACK.fetch_add(1, Ordering::Relaxed);
    }
    let context = testing::context_of(|options| options.give_memory_back(give_back));
    let mut bench = Bench::over(Arc::new(context));
    let (good, client) = (bench.connect(), bench.connect());
    bench.send(good.0, &good.1, b"PING\r\n");
    send_half(&mut bench, &client, 5 << 20);
    let held = bench.context.clients.memory.held();
    assert!(held > 5 << 20, "{held}");
    lock(&client.1.0).closed = true;
    bench.readable(client.0);
    bench.turn_until(|bench| bench.context.clients.count() == 1);
    let now = Instant::now();
    for second in 1..4 {
        bench.worker.turn(now + Duration::from_secs(second));
    }
    // Once by the worker and by both of its readers, which drop their tasks when they are done.
    drop(std::mem::replace(&mut bench, Bench::new()));
    assert_eq!(GIVEN_BACK.load(Ordering::Relaxed), 3);
}
