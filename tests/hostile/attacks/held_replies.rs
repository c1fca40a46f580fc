//! Replies that wait for clients which do not take them, or slowly.

use std::thread;
use std::time::{Duration, Instant};

use crate::attacker::{Attacker, Target};
use crate::common::form::by_form;

/// Each asks for a value of a mebibyte thousands of times, and reads nothing.
pub fn values_that_nobody_reads(target: &Target) -> Vec<Attacker> {
    target.store("mebibyte", by_form([64 << 10, 1 << 20, 1 << 20]));
    let requests = b"GET mebibyte\r\n".repeat(by_form([64, 5000, 5000]));
    target.crowd(by_form([8, 100, 100]), |attacker| {
        attacker.send(&requests);
    })
}

/// Each sends a million tiny requests, and reads nothing.
pub fn pings_that_nobody_reads(target: &Target) -> Vec<Attacker> {
    let requests = b"PING\r\n".repeat(by_form([20_000, 1_000_000, 1_000_000]));
    target.crowd(by_form([4, 50, 50]), |attacker| {
        attacker.send(&requests);
    })
}

/// Each asks for a value of 60 MB, and takes some of it ten times a second.
pub fn slow_readers(target: &Target) -> Vec<Attacker> {
    target.store("large", by_form([2_000_000, 60_000_000, 60_000_000]));
    let time =
        by_form([Duration::from_millis(200), Duration::from_secs(5), Duration::from_secs(5)]);
    let mut attackers = target.attackers(by_form([8, 100, 100]));
    for attacker in &mut attackers {
        attacker.send(b"GET large\r\n");
    }
    let start = Instant::now();
    while start.elapsed() < time {
        // One whose connection was closed takes nothing more.
        attackers.iter_mut().for_each(|attacker| drop(attacker.receive(4096)));
        thread::sleep(Duration::from_millis(100));
    }
    attackers
}

/// Each asks for a value, takes nothing, and breaks the connection.
pub fn resets(target: &Target) -> Vec<Attacker> {
    target.store("mebibyte", by_form([64 << 10, 1 << 20, 1 << 20]));
    let requests = b"GET mebibyte\r\n".repeat(20);
    for _ in 0..by_form([4, 20, 20]) {
        let mut attackers = target.attackers(by_form([4, 50, 50]));
        for attacker in &mut attackers {
            attacker.send(&requests);
        }
        attackers.into_iter().for_each(Attacker::reset);
    }
    vec![]
}

/// Each ends its output behind its requests, and gets their replies all the same.
pub fn half_closed(target: &Target) -> Vec<Attacker> {
    target.store("kilobyte", 1000);
    let reply = [b"$1000\r\n", &[b'v'; 1000][..], b"\r\n"].concat();
    let requests = b"GET kilobyte\r\n".repeat(100);
    target.crowd(by_form([10, 100, 100]), |attacker| {
        assert!(attacker.send(&requests));
        attacker.end_output();
        assert!(attacker.last_bytes() == reply.repeat(100), "replies are missing");
    })
}
