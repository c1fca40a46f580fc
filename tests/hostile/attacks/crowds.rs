//! More connections than there are places, and connections that come and go.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::attacker::{Attacker, Target, in_parallel};
use crate::common::form::by_form;
use crate::common::wait::{PATIENCE, wait_until};

/// The places of the server that is attacked with more connections.
pub const PLACES: &str = "100";

/// All places are taken, more clients are told so, and an operator still gets in.
pub fn more_than_all_places(target: &Target) -> Vec<Attacker> {
    let places: usize = PLACES.parse().unwrap();
    // The operator has one of the places, the good client another one.
    let mut inside = target.attackers(places - 2);
    for attacker in &mut inside {
        assert!(attacker.send(b"PING\r\n"));
        assert_eq!(attacker.line().unwrap(), "+PONG\\r\\n");
    }
    for _ in 0..by_form([3, 50, 50]) {
        let refused = target.crowd(places, |attacker| {
            let last = attacker.last_bytes().escape_ascii().to_string();
            assert_eq!(last, "-ERR max number of clients reached\\r\\n");
        });
        drop(refused);
        look(target, places);
    }
    inside
}

/// Lets a second operator look at the clients over the Unix socket.
fn look(target: &Target, places: usize) {
    let mut operator = UnixStream::connect(&target.socket).unwrap();
    operator.set_read_timeout(Some(PATIENCE)).unwrap();
    operator.write_all(b"CLIENT LIST\r\nQUIT\r\n").unwrap();
    let mut reply = String::new();
    operator.read_to_string(&mut reply).unwrap();
    let listed = reply.lines().filter(|line| line.starts_with("id=")).count();
    // The operator before may still be about to leave.
    assert!((places + 1..places + 3).contains(&listed), "{listed} clients are listed: {reply}");
}

/// Clients connect and go, some with half a request, some by a reset.
pub fn churn(target: &Target) -> Vec<Attacker> {
    let count: usize = by_form([100, 4000, 4000]);
    in_parallel(vec![(); 4], |()| {
        for number in 0..count {
            let mut attacker = target.attacker();
            match number % 4 {
                0 => {}
                1 => drop(attacker.send(b"*2\r\n$3\r\nGET\r\n$5\r\nab")),
                2 => drop(attacker.send(b"PING\r\nPING\r\n")),
                _ => attacker.reset(),
            }
        }
    });
    // The server serves whoever comes behind them.
    wait_until("a reply", || {
        let mut last = target.attacker();
        last.send(b"PING\r\n") && last.line().is_ok_and(|line| line == "+PONG\\r\\n")
    });
    vec![]
}
