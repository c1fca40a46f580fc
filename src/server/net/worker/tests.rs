//! A worker without a thread: turns over sockets made of buffers.

mod direct;
mod late;
mod memory;
mod pushes;
mod watches;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::sweep::SWEEP;
use super::*;
use crate::actor::{Reply, mailbox};
use crate::server::connection::server_connection::{OUTPUT_BYTES_MAX, TURN_REQUESTS};
use crate::server::execute::subscriptions::SubscriptionKind;
use crate::server::net::doorbell::Doorbell;
use crate::server::testing;
use crate::store::{Batch, Probe, WriteAnswer, WriteOperation};
use crate::sync::{Mutex, Sender, bounded, lock};

/// The client's side of a socket.
#[derive(Default)]
struct Wire {
    /// The bytes that the client sent and the worker did not read.
    sent: VecDeque<u8>,
    /// The bytes that the worker wrote.
    received: Vec<u8>,
    /// The number of bytes that the worker may write before the socket is full.
    room: usize,
    reads: usize,
    writes: usize,
    panics: bool,
    closed: bool,
    /// True if the client is gone, so that writes fail.
    broken: bool,
    /// Another socket, and the bytes that the worker had written to it when it read this one.
    watched: Option<(FakeSocket, usize)>,
}

#[derive(Clone)]
struct FakeSocket(Arc<Mutex<Wire>>);

impl Read for FakeSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = lock(&self.0);
        wire.reads += 1;
        assert!(!wire.panics, "this socket panics");
        if let Some((other, bytes)) = &mut wire.watched {
            *bytes = lock(&other.0).received.len();
        }
        if wire.sent.is_empty() {
            return if wire.closed { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        let count = buffer.len().min(wire.sent.len());
        for (place, byte) in buffer.iter_mut().zip(wire.sent.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl Write for FakeSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = lock(&self.0);
        wire.writes += 1;
        if wire.broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(wire.room);
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.room -= count;
        wire.received.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for FakeSocket {
    const SHORT_READ_DRAINS: bool = true;

    fn end_output(&self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    context: Arc<Context>,
    port: Arc<WorkerInbox>,
    worker: Worker<FakeSocket>,
}

impl Bench {
    fn new() -> Self {
        Self::over(testing::context())
    }

    fn over(context: Arc<Context>) -> Self {
        let readers = Arc::new(Readers::start(1).unwrap());
        let (answers, inbox) = mailbox(ANSWERS_MAX);
        let port = Arc::new(WorkerInbox::new(answers, Doorbell::new(|| {})));
        let worker = Worker::new(Arc::clone(&context), readers, Arc::clone(&port), inbox);
        Self { context, port, worker }
    }

    /// Opens a connection with room for any number of replies.
    fn connect(&mut self) -> (usize, FakeSocket) {
        let wire = Wire { room: usize::MAX, ..Wire::default() };
        let socket = FakeSocket(Arc::new(Mutex::new(wire)));
        let admission = testing::admission(&self.context);
        (self.worker.add(socket.clone(), admission), socket)
    }

    fn send(&mut self, place: usize, socket: &FakeSocket, bytes: &[u8]) {
        lock(&socket.0).sent.extend(bytes);
        self.readable(place);
    }

    fn readable(&mut self, place: usize) {
        let readiness = Readiness { readable: true, ..Readiness::default() };
        self.worker.ready(place, readiness);
    }

    fn turn(&mut self) {
        self.worker.turn(Instant::now());
    }

    /// Takes turns until the client got this.
    fn expect(&mut self, socket: &FakeSocket, expected: &[u8]) {
        self.turn_until(|_| lock(&socket.0).received.len() >= expected.len());
        let received = std::mem::take(&mut lock(&socket.0).received);
        assert_eq!(received.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    fn turn_until(&mut self, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            self.turn();
            assert!(start.elapsed() < Duration::from_secs(10), "it never happens");
        }
    }
}

/// Makes the writer wait until the sender is dropped.
fn block_writer(store: &crate::Store) -> Sender<()> {
    let (release, released) = bounded::<()>(1);
    let (entered, inside) = bounded(1);
    let update = WriteOperation::Update {
        key: b"blocked".to_vec(),
        update: Probe::look(move || {
            let _ = entered.send(());
            let _ = released.recv();
            WriteAnswer::Done
        }),
    };
    let submitted = store.submit_batches(vec![Batch::single(update)], Reply::new(|_| {}));
    assert!(submitted.is_ok());
    inside.recv().unwrap();
    release
}

#[test]
fn all_writes_of_a_turn_are_one_message_and_each_connection_gets_one_write() {
    let mut bench = Bench::new();
    let release = block_writer(&bench.context.store);
    let clients: Vec<_> = (0..3).map(|_| bench.connect()).collect();
    bench.turn();
    for (place, socket) in &clients {
        bench.send(*place, socket, b"SET a 1\r\nSET b 2\r\n");
    }
    bench.turn();
    assert!(bench.worker.outbox.is_busy() && !bench.worker.outbox.is_holding());
    drop(release);
    bench.turn_until(|bench| !bench.worker.outbox.is_busy());
    for (_, socket) in &clients {
        let wire = lock(&socket.0);
        assert_eq!(wire.received, b"+OK\r\n+OK\r\n");
        assert_eq!(wire.writes, 1);
    }
    // Until now it looked for clients without a first request.
    let later = Instant::now() + SWEEP;
    bench.worker.turn(later);
    assert_eq!(bench.worker.wait(later), None, "there is nothing left to do");
}

#[test]
fn a_full_mailbox_of_the_writer_stops_reading_and_loses_nothing() {
    let mut bench = Bench::new();
    let (writer, other) = (bench.connect(), bench.connect());
    bench.turn();
    let release = block_writer(&bench.context.store);
    let full = || bench.context.store.submit_batches(vec![], Reply::new(|_| {})).is_err();
    while !full() {}
    bench.send(writer.0, &writer.1, b"SET a 1\r\n");
    bench.turn();
    assert!(bench.worker.outbox.is_congested());
    assert_eq!(bench.worker.wait(Instant::now()), Some(RETRY), "nobody tells of room");
    let reads = lock(&other.1.0).reads;
    bench.send(other.0, &other.1, b"PING\r\n");
    for _ in 0..10 {
        bench.turn();
    }
    assert_eq!(lock(&other.1.0).reads, reads, "its socket is not read");
    drop(release);
    bench.expect(&writer.1, b"+OK\r\n");
    bench.expect(&other.1, b"+PONG\r\n");
}

#[test]
fn a_panic_ends_its_connection_and_no_other() {
    let mut bench = Bench::new();
    let (bad, good) = (bench.connect(), bench.connect());
    bench.turn();
    lock(&bad.1.0).panics = true;
    bench.readable(bad.0);
    bench.send(good.0, &good.1, b"SET a 1\r\nGET a\r\n");
    bench.expect(&good.1, b"+OK\r\n$1\r\n1\r\n");
    assert_eq!(bench.context.clients.count(), 1);
}

#[test]
fn a_client_that_reads_nothing_is_not_read_from() {
    let mut bench = Bench::new();
    let (place, socket) = bench.connect();
    bench.context.store.set("k", vec![7; 1 << 20]).unwrap();
    lock(&socket.0).room = 100;
    bench.send(place, &socket, &b"GET k\r\n".repeat(100_000));
    for _ in 0..300 {
        bench.turn();
    }
    let client = &mut bench.worker.connections[place];
    assert!(client.connection.output().len() < OUTPUT_BYTES_MAX + (2 << 20));
    let unread = lock(&socket.0).sent.len();
    assert!(unread > 600_000, "{unread} bytes are left in the socket");
    let now = Instant::now();
    bench.worker.turn(now + SWEEP);
    assert_eq!(bench.worker.wait(now + SWEEP), Some(SWEEP), "it is not polled for");

    lock(&socket.0).room = usize::MAX;
    let readiness = Readiness { writable: true, ..Readiness::default() };
    bench.worker.ready(place, readiness);
    bench.turn();
    bench.turn();
    assert!(lock(&socket.0).received.len() > OUTPUT_BYTES_MAX, "it goes on");
}

#[test]
fn a_fast_client_does_not_keep_others_waiting() {
    let mut bench = Bench::new();
    let (fast, slow) = (bench.connect(), bench.connect());
    bench.turn();
    bench.send(fast.0, &fast.1, &b"PING\r\n".repeat(100_000));
    bench.send(slow.0, &slow.1, b"PING\r\n");
    bench.turn();
    assert_eq!(lock(&slow.1.0).received, b"+PONG\r\n");
    let replies = lock(&fast.1.0).received.len() / b"+PONG\r\n".len();
    assert_eq!(replies as u64, TURN_REQUESTS);
    assert_eq!(bench.worker.wait(Instant::now()), Some(Duration::ZERO));
    bench.expect(&fast.1, &b"+PONG\r\n".repeat(100_000));
}

#[test]
fn a_client_that_wants_large_replies_does_not_keep_others_waiting() {
    let mut bench = Bench::new();
    let (greedy, gone, other) = (bench.connect(), bench.connect(), bench.connect());
    bench.context.store.set("k", vec![7; 1 << 20]).unwrap();
    bench.turn();
    bench.send(greedy.0, &greedy.1, &b"GET k\r\n".repeat(20));
    bench.send(gone.0, &gone.1, &b"GET k\r\n".repeat(20));
    lock(&gone.1.0).broken = true;
    bench.send(other.0, &other.1, b"PING\r\n");
    bench.turn();
    assert_eq!(lock(&other.1.0).received, b"+PONG\r\n");
    let received = lock(&greedy.1.0).received.len();
    assert!((1 << 20..2 << 20).contains(&received), "{received} bytes in one turn");
    assert_eq!(bench.context.clients.count(), 2, "nobody takes the replies");
    assert_eq!(bench.context.statistics.requests.get(), 3, "nor are more of them made");
    let reply = [b"$1048576\r\n", &[7; 1 << 20][..], b"\r\n"].concat();
    bench.turn_until(|_| lock(&greedy.1.0).received.len() >= 20 * reply.len());
    assert!(lock(&greedy.1.0).received == reply.repeat(20));
}

#[test]
fn a_large_reply_is_sent_before_the_next_one_is_made() {
    let mut bench = Bench::new();
    let (first, second) = (bench.connect(), bench.connect());
    bench.context.store.set("k", vec![7; 1 << 20]).unwrap();
    bench.turn();
    lock(&second.1.0).watched = Some((first.1.clone(), 0));
    bench.send(first.0, &first.1, b"GET k\r\n");
    bench.send(second.0, &second.1, b"GET k\r\n");
    bench.turn();
    let written = lock(&second.1.0).watched.as_ref().map(|(_, bytes)| *bytes);
    assert!(written > Some(1 << 20), "{written:?} bytes were written");
    assert_eq!(lock(&first.1.0).writes, 1);
}

#[test]
fn a_client_may_send_a_long_pipeline_before_it_reads() {
    let mut bench = Bench::new();
    let (place, socket) = bench.connect();
    bench.context.store.set("k", vec![7; 1 << 20]).unwrap();
    lock(&socket.0).room = 0;
    bench.send(place, &socket, &b"GET k\r\n".repeat(60));
    bench.turn_until(|bench| bench.context.statistics.requests.get() == 60);
}

#[test]
fn a_killed_session_ends_at_the_next_turn() {
    let mut bench = Bench::new();
    let (place, _socket) = bench.connect();
    bench.turn();
    assert!(bench.worker.is_quiet());
    let session = Arc::clone(bench.worker.connections[place].connection.session());
    session.kill();
    bench.port.call_attention();
    assert!(!bench.worker.is_quiet(), "it must not sleep now");
    bench.turn();
    assert_eq!(bench.context.clients.count(), 0);
}

#[test]
fn stopping_answers_what_was_received_and_then_closes() {
    let mut bench = Bench::new();
    let (busy, idle) = (bench.connect(), bench.connect());
    let release = block_writer(&bench.context.store);
    bench.send(busy.0, &busy.1, b"SET a 1\r\nGET a\r\n");
    bench.turn();
    bench.worker.stop(Instant::now());
    bench.turn_until(|bench| bench.context.clients.count() == 1);
    lock(&busy.1.0).sent.extend(b"SET b 2\r\n");
    bench.readable(busy.0);
    assert_eq!(lock(&idle.1.0).received, b"");
    assert!(!bench.worker.is_done(), "a write is not answered yet");
    drop(release);
    bench.turn_until(|bench| bench.worker.is_done());
    assert_eq!(lock(&busy.1.0).received, b"+OK\r\n$1\r\n1\r\n");
    assert_eq!(bench.context.store.get("b").unwrap(), None, "it came too late");
}

#[test]
fn stopping_does_not_wait_for_a_client_that_sent_nothing() {
    let mut bench = Bench::new();
    bench.connect();
    bench.turn();
    let now = Instant::now();
    bench.worker.stop(now);
    // No time passes, so it is no deadline that ends it. The first turn ends the output, the
    // second finds nothing more to read.
    bench.worker.turn(now);
    bench.worker.turn(now);
    assert!(bench.worker.is_done());
}

#[test]
fn stopping_waits_only_so_long_for_a_client_that_does_not_read() {
    let mut bench = Bench::new();
    let (place, socket) = bench.connect();
    lock(&socket.0).room = 0;
    bench.send(place, &socket, b"PING\r\n");
    bench.turn();
    let now = Instant::now();
    bench.worker.stop(now);
    bench.turn();
    assert!(!bench.worker.is_done());
    assert!(bench.worker.wait(now).is_some_and(|wait| wait <= STOP_PATIENCE));
    bench.worker.turn(now + STOP_PATIENCE);
    assert!(bench.worker.is_done());
}

#[test]
fn an_ended_connection_lingers_for_its_peer_but_not_for_ever() {
    let mut bench = Bench::new();
    let (patient, rude) = (bench.connect(), bench.connect());
    for (place, socket) in [&patient, &rude] {
        bench.send(*place, socket, b"QUIT\r\n");
    }
    let now = Instant::now();
    bench.worker.turn(now);
    bench.worker.turn(now);
    assert_eq!(lock(&patient.1.0).received, b"+OK\r\n");
    assert_eq!(bench.context.clients.count(), 2);
    lock(&patient.1.0).closed = true;
    bench.readable(patient.0);
    bench.worker.turn(now);
    assert_eq!(bench.context.clients.count(), 1);
    assert!(bench.worker.wait(now).is_some_and(|wait| wait <= LINGER));
    bench.worker.turn(now + LINGER);
    assert_eq!(bench.context.clients.count(), 0);
}

#[test]
fn a_wrong_password_is_answered_late_and_the_third_one_is_the_last() {
    let mut bench = Bench::over(Arc::new(testing::guarded_context(&["right"])));
    let (guessing, other) = (bench.connect(), bench.connect());
    let mut now = Instant::now();
    let wrong = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    let requests = b"AUTH a\r\nAUTH right\r\nGET k\r\nAUTH b\r\nAUTH c\r\nGET k\r\n";
    bench.send(guessing.0, &guessing.1, requests);
    bench.worker.turn(now);
    bench.send(other.0, &other.1, b"AUTH right\r\nGET k\r\n");
    bench.worker.turn(now);
    assert_eq!(lock(&other.1.0).received, b"+OK\r\n$-1\r\n");
    assert_eq!(lock(&guessing.1.0).received, b"");
    assert!(bench.worker.wait(now).is_some_and(|wait| wait > Duration::ZERO && wait <= DELAY));
    let replies: [&[u8]; 3] = [b"+OK\r\n$-1\r\n", b"", b""];
    let mut expected = Vec::new();
    for reply in replies {
        now += DELAY;
        bench.worker.turn(now);
        expected.extend_from_slice(wrong);
        expected.extend_from_slice(reply);
        assert_eq!(lock(&guessing.1.0).received, expected);
    }
    // The connection ends, and with it the request behind the third one.
    lock(&guessing.1.0).closed = true;
    bench.readable(guessing.0);
    bench.worker.turn(now);
    assert_eq!(bench.context.clients.count(), 1);
}

#[test]
fn a_scan_is_done_by_a_reader() {
    use crate::protocol::native::{ClientHello, FRAME_BYTES_MAX, RequestMessage, RequestOperation};
    let mut bench = Bench::new();
    let (place, socket) = bench.connect();
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    for id in 1..=2 {
        let operation = RequestOperation::Scan {
            start: std::ops::Bound::Unbounded,
            end: std::ops::Bound::Unbounded,
            reverse: false,
            limit: 10,
            keys_only: true,
        };
        let request = RequestMessage::new(id, operation);
        request.encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    }
    bench.send(place, &socket, &bytes);
    bench.turn();
    assert!(bench.worker.outbox.is_busy());
    bench.turn_until(|bench| !bench.worker.outbox.is_busy());
    let entries = b"\x05\0\0\0\x01\0\x07\0\0\x05\0\0\0\x02\0\x07\0\0";
    assert_eq!(&lock(&socket.0).received[16..], entries);
    assert_eq!(bench.context.statistics.requests.get(), 3, "the hello counts");
}
