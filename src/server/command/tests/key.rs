//! Keys, whatever they hold.

use super::*;

#[test]
fn keys_are_counted_as_often_as_they_are_named() {
    Server::new().check(&[
        ("MSET a 1 b 2 c 3", "+OK"),
        ("EXISTS a", ":1"),
        ("EXISTS a a nope b", ":3"),
        ("TOUCH a a nope b", ":3"),
        ("TYPE a", "+string"),
        ("TYPE nope", "+none"),
        ("DEL a nope a", ":1"),
        ("UNLINK a b c", ":2"),
        ("EXISTS a b c", ":0"),
        ("DBSIZE", ":0"),
    ]);
}

#[test]
fn more_keys_than_a_batch_takes_are_removed_all_the_same() {
    let server = Server::with(Options::new("unused").batch_operations_max(3).key_bytes_max(4));
    server.check(&[
        ("MSET a 1 b 2 c 3", "+OK"),
        ("MSET a 1 b 2 c 3 d 4", "-ERR batch of 4 operations is over the limit of 3; split it"),
        ("DEL a nope b a c", ":3"),
        ("DBSIZE", ":0"),
        ("SET a 1", "+OK"),
        ("DEL a b c d toolong", "-ERR key of 7 bytes is longer than the limit of 4"),
        ("EXISTS a", ":1"),
    ]);
    let keys: Vec<_> = (0..10_000).map(|number| format!("{number:x}")).collect();
    keys.iter().for_each(|key| drop(server.run(&format!("SET {key} v"))));
    assert_eq!(server.integer(&format!("UNLINK {}", keys.join(" "))), 10_000);
    server.check(&[("DBSIZE", ":0")]);
}

#[test]
fn keys_are_listed_by_pattern() {
    let server = Server::new();
    server.run("MSET a 1 ab 2 b 3 [ 4");
    server.check(&[
        ("KEYS *", "*4 $1 [ $1 a $2 ab $1 b"),
        ("KEYS a*", "*2 $1 a $2 ab"),
        ("KEYS [^a]", "*2 $1 [ $1 b"),
        ("KEYS nope", "*0"),
        ("SET '' empty", "+OK"),
        ("KEYS ''", "*1 $0 "),
        ("KEYS **", "*4 $1 [ $1 a $2 ab $1 b"),
        ("DEL ''", ":1"),
    ]);
    assert!(server.request(&server.session, b"KEYS *\n").cold);
}

#[test]
fn lookups_are_counted_as_hits_and_misses() {
    let server = Server::new();
    server.run("MSET a 1 b 2");
    for request in ["GET a", "MGET a b nope", "EXISTS nope a", "TTL nope", "STRLEN nope"] {
        server.run(request);
    }
    let statistics = &server.context.statistics;
    assert_eq!((statistics.hits.get(), statistics.misses.get()), (4, 4));
}

#[test]
fn many_keys_in_one_command_are_work_for_a_reader() {
    let server = Server::new();
    for command in ["MGET", "EXISTS"] {
        let line = |keys| format!("{command}{}\n", " k".repeat(keys));
        assert!(!server.request(&server.session, line(64).as_bytes()).cold, "{command}");
        assert!(server.request(&server.session, line(65).as_bytes()).cold, "{command}");
    }
}
