//! Databases, with the replies of Redis.

use super::*;

#[test]
fn each_database_has_keys_of_its_own() {
    let server = Server::new();
    server.check(&[
        ("SET k zero EX 100", "+OK"),
        ("SELECT 1", "+OK"),
        ("GET k", "$-1"),
        ("DBSIZE", ":0"),
        ("KEYS *", "*0"),
        ("SCAN 0", "*2 $1 0 *0"),
        ("DEL k", ":0"),
        ("GETDEL k", "$-1"),
        ("FLUSHDB", "+OK"),
        ("MGET k k", "*2 $-1 $-1"),
        ("EXISTS k", ":0"),
    ]);
    assert_eq!(server.context.store.keyspaces().unwrap(), ["default"], "nothing was set");
    server.check(&[
        ("INCR k", ":1"),
        ("APPEND k x", ":2"),
        ("MSETNX a 1 b 2", ":1"),
        ("DBSIZE", ":3"),
    ]);
    let counts = "db0:keys=1,expires=1,avg_ttl=0\r\ndb1:keys=3,expires=0,avg_ttl=0\r\n";
    assert_eq!(server.text("INFO keyspace"), format!("# Keyspace\r\n{counts}"));
    server.check(&[
        ("SELECT 0", "+OK"),
        ("GET k", "$4 zero"),
        ("DBSIZE", ":1"),
        ("SELECT 1", "+OK"),
        ("FLUSHDB", "+OK"),
        ("DBSIZE", ":0"),
        ("SET k 1", "+OK"),
        ("SELECT 0", "+OK"),
        ("DBSIZE", ":1"),
        ("FLUSHALL", "+OK"),
        ("SELECT 1", "+OK"),
        ("DBSIZE", ":0"),
    ]);
}

#[test]
fn swapped_databases_change_places_for_everybody() {
    let server = Server::new();
    let other = testing::session(&server.context);
    server.check(&[
        ("SET k zero", "+OK"),
        ("SELECT 1", "+OK"),
        ("SET k one", "+OK"),
        ("SWAPDB 0 1", "+OK"),
        ("GET k", "$4 zero"),
    ]);
    let get = |line: &[u8]| server.request(&other, line).value;
    assert_eq!(get(b"GET k\n"), Value::Bulk(b"one".to_vec()));
    server.check(&[
        ("SWAPDB 1 1", "+OK"),
        ("SWAPDB 1 15", "+OK"),
        ("DBSIZE", ":0"),
        ("SET k new", "+OK"),
        ("SELECT 15", "+OK"),
        ("GET k", "$4 zero"),
        ("SWAPDB 16 0", "-ERR DB index is out of range"),
        ("SWAPDB 0 -1", "-ERR DB index is out of range"),
        ("SWAPDB a 0", "-ERR invalid first DB index"),
        ("SWAPDB 99 a", "-ERR invalid second DB index"),
        ("SWAPDB 0 4294967296", "-ERR invalid second DB index"),
    ]);
}

#[test]
fn the_database_of_a_transaction_is_selected_as_it_goes_on() {
    let server = Server::new();
    server.check(&[
        ("MULTI", "+OK"),
        ("SELECT 2", "+QUEUED"),
        ("SET k two", "+QUEUED"),
        ("SELECT 16", "+QUEUED"),
        ("GET k", "+QUEUED"),
        ("SELECT 3", "+QUEUED"),
        ("GET k", "+QUEUED"),
        ("EXEC", "*6 +OK +OK -ERR DB index is out of range $3 two +OK $-1"),
        ("SET k three", "+OK"),
        ("SELECT 2", "+OK"),
        ("MULTI", "+OK"),
        ("SELECT 3", "+QUEUED"),
        ("DISCARD", "+OK"),
        ("GET k", "$3 two"),
        ("MULTI", "+OK"),
        ("SWAPDB 2 3", "+QUEUED"),
        ("GET k", "+QUEUED"),
        ("EXEC", "*2 +OK $5 three"),
        ("RESET", "+RESET"),
        ("GET k", "$-1"),
    ]);
}

#[test]
fn keys_behind_a_swap_back_and_a_flush_are_seen() {
    let server = Server::new();
    server.check(&[("SET k 1", "+OK"), ("SWAPDB 0 1", "+OK"), ("SET k 2", "+OK")]);
    for line in ["MULTI", "SWAPDB 0 1", "FLUSHALL", "SET k 3", "EXEC"] {
        server.run(line);
    }
    server.check(&[("GET k", "$1 3"), ("SET k 4", "+OK"), ("GET k", "$1 4")]);
}

#[test]
fn a_key_is_moved_and_copied_into_another_database() {
    Server::new().check(&[
        ("SET k v PXAT 99999999999999", "+OK"),
        ("MOVE k 0", "-ERR source and destination objects are the same"),
        ("MOVE k 16", "-ERR DB index is out of range"),
        ("MOVE k x", "-ERR value is not an integer or out of range"),
        ("MOVE nope 3", ":0"),
        ("COPY k k DB 3", ":1"),
        ("COPY k k DB 3", ":0"),
        ("MOVE k 3", ":0"),
        ("MOVE k 4", ":1"),
        ("EXISTS k", ":0"),
        ("SELECT 4", "+OK"),
        ("PEXPIRETIME k", ":99999999999999"),
        ("MULTI", "+OK"),
        ("MOVE k 5", "+QUEUED"),
        ("SELECT 5", "+QUEUED"),
        ("GET k", "+QUEUED"),
        ("RENAME k l", "+QUEUED"),
        ("COPY l k DB 0", "+QUEUED"),
        ("EXEC", "*5 :1 +OK $1 v +OK :1"),
        ("DBSIZE", ":1"),
        ("SELECT 0", "+OK"),
        ("GETDEL k", "$1 v"),
        ("SELECT 3", "+OK"),
        ("PEXPIRETIME k", ":99999999999999"),
    ]);
}

#[test]
fn a_watched_key_is_that_of_its_database() {
    let server = Server::new();
    let other = testing::session(&server.context);
    let meanwhile = |lines: &str| {
        lines.lines().for_each(|line| {
            server.request(&other, format!("{line}\n").as_bytes());
        });
    };
    let exec = |watched: &str, lines: &str, reply: &str| {
        for line in watched.lines() {
            server.run(line);
        }
        meanwhile(lines);
        server.check(&[("MULTI", "+OK"), ("PING", "+QUEUED"), ("EXEC", reply)]);
    };
    exec("SELECT 1\nSET k 1\nWATCH k", "SELECT 0\nSET k 2", "*1 +PONG");
    exec("WATCH k\nSELECT 2", "SELECT 1\nSET k 2", "*-1");
    exec("SELECT 1\nWATCH k", "SWAPDB 1 5", "*-1");
    exec("SELECT 7\nWATCH k", "SELECT 7\nSET k 2", "*-1");
    // A transaction that is not done selects no database.
    server.check(&[("SET k 7", "+OK"), ("WATCH k", "+OK")]);
    meanwhile("SET k 8");
    server.check(&[
        ("MULTI", "+OK"),
        ("SELECT 8", "+QUEUED"),
        ("GET k", "+QUEUED"),
        ("EXEC", "*-1"),
        ("GET k", "$1 8"),
    ]);
}
