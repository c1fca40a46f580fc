//! Requests that take memory before they can be executed, or because they are.

use std::sync::Barrier;

use kvs::protocol::native::{
    BatchItem, FRAME_BYTES_MAX, FailureKind, RequestMessage, RequestOperation,
};

use super::request;
use crate::attacker::{Attacker, EVICTION, Target};
use crate::common::form::by_form;

/// Each sends nearly all of a value of 60 MB.
pub fn halves_of_values(target: &Target) -> Vec<Attacker> {
    let bytes: usize = by_form([2_000_000, 60_000_000, 60_000_000]);
    let head = format!("*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n${bytes}\r\n");
    let part = vec![b'v'; bytes / 20 * 19];
    target.crowd(by_form([8, 100, 100]), |attacker| {
        let _ = attacker.send(head.as_bytes()) && attacker.send(&part);
        attacker.check_end();
    })
}

/// Each sends a frame of 2 MiB that decodes to a batch of a million removals, all at once.
pub fn batches_that_are_refused(target: &Target) -> Vec<Attacker> {
    let (clients, items) = by_form([(4, 1 << 17), (60, 1 << 20), (60, 1 << 20)]);
    let remove = BatchItem::Remove { key: vec![].into() };
    let operation = RequestOperation::batch(vec![remove; items]);
    let mut frame = Vec::new();
    RequestMessage::new(1, operation).encode(FRAME_BYTES_MAX, &mut frame).unwrap();
    let start = Barrier::new(clients);
    target.crowd(clients, |attacker| {
        attacker.greet();
        start.wait();
        assert!(attacker.send(&frame));
        let failure = attacker.failure().unwrap();
        assert_eq!(failure.kind, FailureKind::ValueTooLarge);
        assert!(failure.message.contains("operations is over the limit of 65536"), "{failure}");
    })
}

/// Each sends a request of a million arguments without a byte in them.
pub fn arrays_of_nothing(target: &Target) -> Vec<Attacker> {
    let count = by_form([1 << 16, 1 << 20, 1 << 20]);
    let bytes = array_of_nothing(count, count);
    target.crowd(by_form([2, 8, 8]), |attacker| {
        assert!(attacker.send(&bytes));
        let reply = attacker.line().unwrap();
        let expected = ["-ERR unknown command \\'\\'", EVICTION];
        assert!(expected.iter().any(|start| reply.starts_with(start)), "{reply}");
    })
}

/// Each sends nearly all of such a request.
pub fn halves_of_arrays_of_nothing(target: &Target) -> Vec<Attacker> {
    let count = by_form([1 << 16, 1 << 20, 1 << 20]);
    let bytes = array_of_nothing(count, count / 20 * 19);
    target.crowd(by_form([8, 100, 100]), |attacker| {
        attacker.send(&bytes);
        attacker.check_end();
    })
}

/// Returns a request that announces so many empty arguments, and has some of them.
fn array_of_nothing(announced: usize, sent: usize) -> Vec<u8> {
    [format!("*{announced}\r\n").into_bytes(), b"$0\r\n\r\n".repeat(sent)].concat()
}

/// Each sends a line that is as long as it may be, and does not end it.
pub fn lines_without_end(target: &Target) -> Vec<Attacker> {
    let line = vec![b'a'; 64 << 10];
    let mut attackers = target.attackers(by_form([50, 1000, 1000]));
    for attacker in &mut attackers {
        attacker.send(&line);
    }
    attackers
}

/// Each sends a request as large as a request may be: many values for as many keys, which take more
/// memory than clients may have.
pub fn requests_of_many_values(target: &Target) -> Vec<Attacker> {
    let value = vec![b'v'; 1 << 20];
    let keys: Vec<_> = (0..by_form([8, 127, 127])).map(|number| format!("many:{number}")).collect();
    let pairs = keys.iter().flat_map(|key| [key.as_bytes(), &value]);
    let bytes = request(&[&b"MSET"[..]].into_iter().chain(pairs).collect::<Vec<_>>());
    target.crowd(by_form([2, 4, 4]), |attacker| {
        // One that is closed while it sends may lose the reply.
        if attacker.send(&bytes)
            && let Ok(reply) = attacker.line()
        {
            assert!(reply == "+OK\\r\\n" || reply.starts_with(EVICTION), "{reply}");
        }
    })
}
