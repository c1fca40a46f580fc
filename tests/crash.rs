//! A server that is killed without warning under load loses nothing that it acknowledged.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::process::Server;
use kvs::KvsClient;
use tempfile::TempDir;

const CLIENTS: usize = 8;
const KEYS_PER_CLIENT: usize = 20;
const KILLS: usize = 6;

/// What one client knows of its keys: the last acknowledged and the last attempted number of each.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    acknowledged: u64,
    attempted: u64,
}

/// Writes ever higher numbers until the server goes away.
fn write_until_killed(
    server: &Server,
    client: usize,
    known: &mut HashMap<String, Known>,
    from: u64,
) {
    let mut connection = KvsClient::connect(server.address).unwrap();
    for number in from.. {
        for key in 0..KEYS_PER_CLIENT {
            let key = format!("client{client}:key{key}");
            let known = known.entry(key.clone()).or_default();
            known.attempted = number;
            if connection.set(&key, format!("{number}")).is_err() {
                return;
            }
            known.acknowledged = number;
        }
    }
}

/// Every key has a number between the last acknowledged and the last attempted one.
fn check(server: &Server, known: &HashMap<String, Known>) -> u64 {
    let mut connection = KvsClient::connect(server.address).unwrap();
    let mut highest = 0;
    for (key, Known { acknowledged, attempted }) in known {
        let value = connection.get(key).unwrap();
        let found = value.map_or(0, |value| common::text(&value).parse().unwrap());
        assert!(
            (*acknowledged..=*attempted).contains(&found),
            "{key} is {found}, but {acknowledged} was acknowledged and {attempted} attempted"
        );
        highest = highest.max(*attempted);
    }
    highest
}

fn kill_and_restart(durability: &str) {
    let directory = TempDir::new().unwrap();
    let arguments = ["--durability", durability];
    let mut known = vec![HashMap::new(); CLIENTS];
    let mut from = 1;
    for round in 0..KILLS {
        let server = Server::start(directory.path(), &arguments);
        for known in &mut known {
            from = from.max(check(&server, known) + 1);
        }
        std::thread::scope(|scope| {
            for (client, known) in known.iter_mut().enumerate() {
                let server = &server;
                scope.spawn(move || write_until_killed(server, client, known, from));
            }
            std::thread::sleep(Duration::from_millis(150 + 70 * round as u64));
            server.signal("KILL");
        });
        let (status, _) = server.wait();
        assert!(!status.success());
    }
    let acknowledged: u64 =
        known.iter().flat_map(HashMap::values).map(|known| known.acknowledged).sum();
    assert!(acknowledged > 1000, "too little was written to prove anything");
    let server = Server::start(directory.path(), &arguments);
    for known in &known {
        check(&server, known);
    }
}

#[test]
fn always_loses_nothing_to_a_kill() {
    kill_and_restart("always");
}

#[test]
fn interval_loses_nothing_to_a_kill() {
    kill_and_restart("interval=50");
}

#[test]
fn never_loses_nothing_to_a_kill() {
    kill_and_restart("never");
}
