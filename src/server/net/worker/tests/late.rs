//! Clients that are late: with a first request, the rest of one, taking replies, or any request.

use super::*;
use crate::Options;
use crate::bugs::{Bug, plant};
use crate::protocol::native::{ClientHello, FRAME_BYTES_MAX, RequestMessage, RequestOperation};
use crate::server::net::patience::{BYTES_PER_SECOND, GRACE};

const SECOND: Duration = Duration::from_secs(1);

/// Lets the time pass second by second, with a turn in each; how many connections are open then.
fn pass(bench: &mut Bench, from: Instant, time: Duration) -> usize {
    for second in 1..=time.as_secs() {
        bench.worker.turn(from + Duration::from_secs(second));
    }
    bench.context.clients.count()
}

#[test]
fn a_client_without_a_first_request_is_closed_and_one_with_it_stays() {
    let mut bench = Bench::new();
    let (silent, good) = (bench.connect(), bench.connect());
    let start = Instant::now();
    bench.send(good.0, &good.1, b"PING\r\n");
    bench.send(silent.0, &silent.1, b"PI");
    bench.worker.turn(start);
    assert!(bench.worker.wait(start).is_some_and(|wait| wait <= SECOND));
    assert_eq!(pass(&mut bench, start, GRACE - SECOND), 2);
    // Another byte changes nothing.
    bench.send(silent.0, &silent.1, b"N");
    assert_eq!(pass(&mut bench, start + GRACE - SECOND, 3 * SECOND), 1);
    assert_eq!(bench.context.statistics.connections_timed_out.get(), 1);
    // Nobody else may be late, so the worker sleeps for as long as nothing comes.
    assert_eq!(bench.worker.wait(start + GRACE + 2 * SECOND), None);
    assert_eq!(pass(&mut bench, start + GRACE, 100 * SECOND), 1);
}

#[test]
fn a_client_has_to_give_its_password_in_time() {
    let mut bench = Bench::over(Arc::new(testing::guarded_context(&["right"])));
    let (stranger, good) = (bench.connect(), bench.connect());
    let start = Instant::now();
    bench.send(stranger.0, &stranger.1, b"PING\r\n");
    bench.send(good.0, &good.1, b"AUTH right\r\n");
    bench.worker.turn(start);
    // Its replies to take, and another password to wait for, change nothing.
    lock(&stranger.1.0).room = 3;
    bench.send(stranger.0, &stranger.1, b"AUTH wrong\r\n");
    assert_eq!(pass(&mut bench, start, GRACE - 2 * SECOND), 2);
    bench.send(stranger.0, &stranger.1, b"PING\r\n");
    assert_eq!(pass(&mut bench, start + GRACE - 2 * SECOND, 4 * SECOND), 1);
}

#[test]
fn half_a_request_is_waited_for_as_long_as_enough_of_it_comes() {
    let mut bench = Bench::new();
    let (drop_by_drop, steady) = (bench.connect(), bench.connect());
    let start = Instant::now();
    for (place, socket) in [&drop_by_drop, &steady] {
        bench.send(*place, socket, b"PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n");
    }
    bench.worker.turn(start);
    let piece = vec![b'x'; usize::try_from(BYTES_PER_SECOND).unwrap() + 1];
    for second in 1..=60 {
        bench.send(drop_by_drop.0, &drop_by_drop.1, b"x");
        bench.send(steady.0, &steady.1, &piece);
        // One turn reads a part of what came.
        for _ in 0..2 {
            bench.worker.turn(start + SECOND * second);
        }
    }
    assert_eq!(bench.context.clients.count(), 1);
    assert_eq!(bench.context.statistics.connections_timed_out.get(), 1);
    assert!(lock(&steady.1.0).sent.is_empty());
    // Then no more of it comes.
    assert_eq!(pass(&mut bench, start + 60 * SECOND, 62 * SECOND), 0);
}

#[test]
fn replies_have_to_be_taken() {
    let mut bench = Bench::new();
    let (place, socket) = bench.connect();
    let start = Instant::now();
    bench.send(place, &socket, b"PING\r\n");
    bench.worker.turn(start);
    lock(&socket.0).room = 3;
    bench.send(place, &socket, b"PING\r\n");
    bench.worker.turn(start);
    assert_eq!(pass(&mut bench, start, GRACE - SECOND), 1);
    // A little is taken, and not enough.
    lock(&socket.0).room = 1;
    bench.worker.ready(place, Readiness { writable: true, ..Readiness::default() });
    assert_eq!(pass(&mut bench, start + GRACE - SECOND, 3 * SECOND), 0);
}

#[test]
fn an_idle_client_is_closed_if_the_server_was_told_so() {
    let context = testing::context_over(Options::new("unused"));
    context.settings.set_timeout(Some(5 * SECOND));
    let mut bench = Bench::over(Arc::new(context));
    let (idle, busy) = (bench.connect(), bench.connect());
    let start = Instant::now();
    bench.send(idle.0, &idle.1, b"PING\r\n");
    for second in 0..20 {
        bench.send(busy.0, &busy.1, b"PING\r\n");
        bench.worker.turn(start + SECOND * second);
    }
    assert_eq!(bench.context.clients.count(), 1);
    assert_eq!(pass(&mut bench, start + 20 * SECOND, 7 * SECOND), 0);
}

#[test]
fn whoever_gives_its_password_up_has_time_to_give_one_again() {
    let mut bench = Bench::over(Arc::new(testing::guarded_context(&["right"])));
    let (place, socket) = bench.connect();
    let start = Instant::now();
    bench.send(place, &socket, b"AUTH right\r\n");
    assert_eq!(pass(&mut bench, start, 100 * SECOND), 1);
    bench.send(place, &socket, b"RESET\r\n");
    assert_eq!(pass(&mut bench, start + 100 * SECOND, GRACE - SECOND), 1);
    bench.send(place, &socket, b"AUTH right\r\n");
    assert_eq!(pass(&mut bench, start + 100 * SECOND + GRACE, 100 * SECOND), 1);
}

#[test]
fn a_pause_of_the_whole_process_closes_nobody_that_goes_on() {
    let mut bench = Bench::new();
    let (place, socket) = bench.connect();
    let start = Instant::now();
    bench.send(place, &socket, b"*1\r\n$4\r\nPI");
    bench.worker.turn(start);
    let later = start + 100 * SECOND;
    bench.worker.turn(later);
    bench.send(place, &socket, b"NG\r\n");
    bench.worker.turn(later + SECOND);
    assert_eq!(lock(&socket.0).received, b"+PONG\r\n");
    assert_eq!(bench.context.clients.count(), 1);
}

#[test]
fn a_client_whose_bytes_wait_to_be_read_is_not_late() {
    let mut bench = Bench::new();
    let (place, socket) = bench.connect();
    let start = Instant::now();
    let value = vec![b'x'; 10 * READ_BYTES_MAX];
    bench.send(place, &socket, format!("*2\r\n$4\r\nECHO\r\n${}\r\n", value.len()).as_bytes());
    bench.worker.turn(start);
    bench.send(place, &socket, &[&value[..], b"\r\n"].concat());
    // The worker gets a turn every minute, as on a machine that is suspended again and again.
    for minute in 1..12 {
        for second in 0..2 {
            bench.worker.turn(start + SECOND * (60 * minute + second));
        }
    }
    assert_eq!(bench.context.clients.count(), 1);
    assert!(lock(&socket.0).received.ends_with(b"x\r\n"));
}

/// Has an idle client hold a snapshot; returns how many there are shortly before and behind the
/// end of the time that it may.
fn held_snapshots() -> [u64; 2] {
    const LIMIT: Duration = Duration::from_secs(60);
    let context = testing::context_of(|options| options.snapshot_timeout(LIMIT));
    let mut bench = Bench::over(Arc::new(context));
    let (place, socket) = bench.connect();
    let start = Instant::now();
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    let request = RequestMessage::new(1, RequestOperation::OpenSnapshot);
    request.encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    bench.send(place, &socket, &bytes);
    bench.turn_until(|_| lock(&socket.0).received.len() > 16);
    let store = bench.context.store.clone();
    let held = || store.stats().snapshots.unwrap().snapshots;
    assert_eq!(pass(&mut bench, start, LIMIT - 2 * SECOND), 1);
    let before = held();
    assert_eq!(pass(&mut bench, start + LIMIT - 2 * SECOND, 10 * SECOND), 1);
    [before, held()]
}

#[test]
fn the_snapshot_of_an_idle_client_is_let_go_after_its_time() {
    assert_eq!(held_snapshots(), [1, 0]);
}

#[test]
fn a_snapshot_that_is_kept_beyond_its_time_is_caught() {
    let _planted = plant(Some(Bug::KeepLateSnapshot));
    assert_eq!(held_snapshots(), [1, 1]);
}
