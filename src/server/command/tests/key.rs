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
fn keys_are_listed_by_pattern() {
    let server = Server::new();
    server.run("MSET a 1 ab 2 b 3 [ 4");
    server.check(&[
        ("KEYS *", "*4 $1 [ $1 a $2 ab $1 b"),
        ("KEYS a*", "*2 $1 a $2 ab"),
        ("KEYS [^a]", "*2 $1 [ $1 b"),
        ("KEYS nope", "*0"),
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
