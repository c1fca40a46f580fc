//! Watches of clients that take nothing of what they are told, or watch as often as they can.

use std::ops::Bound;

use kvs::protocol::native::{FRAME_BYTES_MAX, RequestMessage, RequestOperation};

use crate::attacker::{Attacker, Target};
use crate::common::form::by_form;

/// Returns the requests to watch all keys, with so many numbers.
fn watches(count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for id in 1..=count {
        let (start, end) = (Bound::Unbounded, Bound::Unbounded);
        let operation = RequestOperation::Watch { start, end, after: None };
        RequestMessage::new(id, operation).encode(FRAME_BYTES_MAX, &mut bytes).unwrap();
    }
    bytes
}

/// Each watches all keys and reads nothing, while values are written that are more than all buffers
/// between it and the server hold.
pub fn watches_that_nobody_reads(target: &Target) -> Vec<Attacker> {
    let request = watches(1);
    let attackers = target.crowd(by_form([20, 200, 200]), |attacker| {
        attacker.greet();
        assert!(attacker.send(&request));
        // It has begun.
        attacker.receive(4).unwrap();
    });
    for _ in 0..by_form([200, 2000, 2000]) {
        target.store("watched", 64 << 10);
    }
    attackers
}

/// Each asks to watch thousands of times on one connection, which has one watch, and goes away.
pub fn watches_in_a_row(target: &Target) -> Vec<Attacker> {
    let requests = watches(by_form([200, 5000, 5000]));
    for _ in 0..by_form([2, 20, 20]) {
        let attackers = target.crowd(by_form([10, 100, 100]), |attacker| {
            attacker.greet();
            attacker.send(&requests);
        });
        attackers.into_iter().for_each(Attacker::reset);
    }
    vec![]
}
