//! Clients that mean harm: whatever they do, the server lives, a client beside them gets its
//! replies, and what the server took for them it gives back.
//!
//! The attacks come one after the other, each with a good client beside it. The table that is
//! printed has their figures; nothing is asserted of times.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arena;
mod attack;
mod attacker;
mod attacks;
#[path = "../common/mod.rs"]
mod common;
mod control_group;
mod good_client;
mod watch;

use std::thread;
use std::time::Duration;

use arena::{Arena, Setting};
use attack::{Attack, Round};
use attacker::{Attacker, Target};
use attacks::{
    crowds, held_replies, held_requests, long_work, malformed, silence, strangers, transactions,
    watches,
};
use common::form::by_form;

const MEBIBYTE: u64 = 1 << 20;

/// The attack that is none, which shows what the good client gets without others.
const NONE: Attack = Attack::new("none", none);

fn none(_: &Target) -> Vec<Attacker> {
    thread::sleep(by_form([
        Duration::from_millis(200),
        Duration::from_secs(3),
        Duration::from_secs(3),
    ]));
    vec![]
}

/// Attacks that make the server hold as much as they can.
static MEMORY: Setting = Setting {
    name: "memory",
    arguments: &[],
    password: None,
    group_bytes: Some(512 * MEBIBYTE),
    attacks: &[
        NONE,
        Attack::new("halves of values", held_requests::halves_of_values),
        Attack::new("values that nobody reads", held_replies::values_that_nobody_reads),
        Attack::new("batches that are refused", held_requests::batches_that_are_refused),
        Attack::new("arrays of nothing", held_requests::arrays_of_nothing),
        Attack::new("halves of these", held_requests::halves_of_arrays_of_nothing),
        Attack::new("lines without end", held_requests::lines_without_end),
        Attack::new("pings that nobody reads", held_replies::pings_that_nobody_reads),
        Attack::new("requests of 127 MiB", held_requests::requests_of_many_values),
        Attack::new("slow readers of 60 MB", held_replies::slow_readers),
        Attack::new("resets before replies", held_replies::resets),
    ],
};

/// Attacks on its patience, its protocols and its processor.
static WORK: Setting = Setting {
    name: "work",
    arguments: &[],
    password: None,
    group_bytes: None,
    attacks: &[
        NONE,
        Attack::new("silent clients", silence::silent_clients).within(128 * MEBIBYTE),
        Attack::new("malformed requests", malformed::redis_requests).within(32 * MEBIBYTE),
        Attack::new("malformed frames", malformed::native_frames).within(32 * MEBIBYTE),
        Attack::new("lying reads", transactions::lying_reads).within(128 * MEBIBYTE),
        Attack::new("snapshots left open", transactions::open_snapshots).within(32 * MEBIBYTE),
        Attack::new("HTTP", malformed::http_requests).within(32 * MEBIBYTE),
        Attack::new("connections that come and go", crowds::churn).within(32 * MEBIBYTE),
        Attack::new("half-closed connections", held_replies::half_closed).within(32 * MEBIBYTE),
        Attack::new("watches that nobody reads", watches::watches_that_nobody_reads)
            .within(256 * MEBIBYTE),
        Attack::new("watches in a row", watches::watches_in_a_row).within(64 * MEBIBYTE),
        Attack::new("MSET of 65,536 keys", long_work::largest_batches),
        Attack::new("unfinished SCANs", long_work::unfinished_scans),
        Attack::new("KEYS of all keys", long_work::lists_of_all_keys),
        Attack::new("DEL of all keys", long_work::removal_of_many_keys),
        Attack::new("FLUSHALL of as many", long_work::removals_of_everything).clears(),
    ],
};

static PLACES: Setting = Setting {
    name: "places",
    arguments: &["--connections-max", crowds::PLACES],
    password: None,
    group_bytes: None,
    attacks: &[
        Attack::new("more clients than places", crowds::more_than_all_places).within(32 * MEBIBYTE)
    ],
};

static PASSWORD: Setting = Setting {
    name: "password",
    arguments: &[],
    password: Some(strangers::PASSWORD),
    group_bytes: None,
    attacks: &[
        Attack::new("guesses of a password", strangers::guesses).within(32 * MEBIBYTE),
        Attack::new("oversized requests", strangers::oversized_requests).within(64 * MEBIBYTE),
        Attack::new("unread refusals", strangers::refusals_that_nobody_reads).within(32 * MEBIBYTE),
    ],
};

/// Lets a server of each setting meet its attacks; fails with all faults that were found.
#[test]
fn clients_that_mean_harm_do_none_to_others() {
    let mut faults = vec![];
    for setting in [&MEMORY, &WORK, &PLACES, &PASSWORD] {
        println!("\n{}:\n\n{}", setting.name, Round::HEAD);
        let mut arena = Arena::start(setting);
        for attack in setting.attacks {
            let round = Round::meet(&mut arena, attack);
            println!("{round}");
            let all = round.faults.iter();
            faults.extend(all.map(|fault| format!("{}, {}: {fault}", setting.name, attack.name)));
        }
        // One that was found dead has been started again.
        arena.server.signal("TERM");
        let (status, log) = arena.server.wait();
        if !status.success() || log.contains("panicked") {
            faults.push(format!("{}: the server ended with {status}: {log}", setting.name));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
