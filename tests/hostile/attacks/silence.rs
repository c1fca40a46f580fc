//! Clients that hold a place and do next to nothing.

use std::thread;
use std::time::Duration;

use kvs::protocol::native::MAGIC;

use crate::attacker::{Attacker, Target};
use crate::common::form::by_form;
use crate::common::wait::wait_until;

/// Some say nothing, others half a request, half a hello, or a byte every second. In the full form
/// it lasts until the server has closed them all.
pub fn silent_clients(target: &Target) -> Vec<Attacker> {
    let beginnings: [&[u8]; 4] = [b"", b"*2\r\n$3\r\nGET\r\n$5\r\nab", &MAGIC[..5], b"GET "];
    let mut attackers = target.attackers(by_form([80, 6000, 6000]));
    for (attacker, beginning) in attackers.iter_mut().zip(beginnings.iter().cycle()) {
        assert!(attacker.send(beginning));
    }
    let drip = |attackers: &mut [Attacker]| {
        attackers.iter_mut().skip(3).step_by(4).for_each(|attacker| {
            attacker.send(b"k");
        });
    };
    if by_form([false, true, true]) {
        wait_until("silent clients to be closed", || {
            drip(&mut attackers);
            thread::sleep(Duration::from_secs(1));
            attackers.iter_mut().all(Attacker::is_closed)
        });
    } else {
        drip(&mut attackers);
    }
    attackers
}
