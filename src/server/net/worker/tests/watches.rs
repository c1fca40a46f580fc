//! Watches of the connections of a worker.

use super::*;
use crate::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, RequestMessage, RequestOperation, ResponseMessage, Success,
    decode_frame,
};
use crate::server::execute::connection_watch::WATCH_OUTPUT_BYTES;

const VALUE_BYTES: usize = 60_000;

/// Returns a bench whose store keeps half a megabyte of changes.
fn bench() -> Bench {
    let options = crate::Options::new("nothing-is-stored-here").watch_bytes(500_000);
    Bench::over(Arc::new(testing::context_over(options)))
}

/// Connects a client that watches all keys.
fn watching(bench: &mut Bench) -> (usize, FakeSocket) {
    let (place, socket) = bench.connect();
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    let (start, end) = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    let operation = RequestOperation::Watch { start, end, after: None };
    RequestMessage::new(1, operation).encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    bench.send(place, &socket, &bytes);
    bench.turn_until(|_| lock(&socket.0).received.len() > 16);
    lock(&socket.0).received.drain(..16);
    (place, socket)
}

/// Takes the versions that a client was told or missed, in order; how many were missed.
fn versions(socket: &FakeSocket) -> (Vec<u64>, u64) {
    let received = std::mem::take(&mut lock(&socket.0).received);
    let (mut input, mut versions, mut missed) = (&received[..], Vec::new(), 0);
    while let Some((body, length)) = decode_frame(input, FRAME_BYTES_MAX).unwrap() {
        match ResponseMessage::decode(body).unwrap().result.unwrap() {
            Success::Watching(_) => {}
            Success::Changes { version, .. } => versions.push(version),
            Success::Missed { first, last } => {
                versions.extend(first..=last);
                missed += last - first + 1;
            }
            other => panic!("{other:?}"),
        }
        input = &input[length..];
    }
    assert!(input.is_empty());
    (versions, missed)
}

#[test]
fn a_client_that_takes_nothing_holds_little_and_others_are_told_everything() {
    const WRITES: usize = 60;
    let mut bench = bench();
    let (slow, quick) = (watching(&mut bench), watching(&mut bench));
    lock(&slow.1.0).room = 0;
    for number in 0..WRITES {
        bench.context.store.set("key", vec![7; VALUE_BYTES]).unwrap();
        bench.turn_until(|bench| !bench.worker.inbox.has_news());
        bench.turn();
        let sessions = bench.context.clients.list();
        let output = sessions[0].held().output;
        assert!(output < WATCH_OUTPUT_BYTES + VALUE_BYTES + 100, "{output} bytes are held");
        let (told, _) = versions(&quick.1);
        assert_eq!(told.len(), 1, "{number}");
    }
    assert!(bench.worker.is_quiet() && bench.worker.may_wait_for_changes());
    lock(&slow.1.0).room = usize::MAX;
    let ready = Readiness { writable: true, ..Readiness::default() };
    bench.worker.ready(slow.0, ready);
    let last = bench.context.store.metadata("key").unwrap().unwrap().version;
    let start = last + 1 - WRITES as u64;
    bench.turn_until(|bench| bench.worker.queue.is_empty());
    let (told, missed) = versions(&slow.1);
    assert!(told.iter().copied().eq(start..=last), "{told:?}");
    assert!(missed > 0, "the ring went on");
}

#[test]
fn a_worker_is_woken_once_for_all_of_its_watches_and_forgets_those_that_ended() {
    let mut bench = bench();
    let clients: Vec<_> = (0..10).map(|_| watching(&mut bench)).collect();
    bench.turn();
    assert!(bench.worker.is_quiet() && bench.worker.may_wait_for_changes());
    bench.context.store.set("key", "value").unwrap();
    assert!(!bench.worker.is_quiet(), "it is woken");
    bench.turn();
    bench.turn();
    for (_, socket) in &clients {
        // The first answer, and the change.
        assert_eq!(versions(socket).0.len(), 1);
    }
    assert!(bench.worker.is_quiet() && bench.worker.may_wait_for_changes());
    for (place, socket) in &clients {
        lock(&socket.0).closed = true;
        bench.readable(*place);
    }
    bench.turn_until(|bench| bench.context.clients.count() == 0);
    // Others come and go without a commit.
    for _ in 0..100 {
        let (place, socket) = watching(&mut bench);
        lock(&socket.0).closed = true;
        bench.readable(place);
        bench.turn_until(|bench| bench.context.clients.count() == 0);
    }
    assert!(bench.worker.watches.tickets.len() < 10, "{}", bench.worker.watches.tickets.len());
    bench.context.store.set("key", "value").unwrap();
    bench.turn();
    assert!(bench.worker.watches.alarm.is_none(), "nobody watches");
}
