//! Transactions, with the replies of Redis.

use super::*;
use crate::server::command::command_row::Flag;
use crate::sync::ThreadBuilder;

const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.";

#[test]
fn requests_are_queued_and_executed_together_each_seeing_those_before_it() {
    Server::new().check(&[
        ("SET s x", "+OK"),
        ("MULTI", "+OK"),
        ("INCR s", "+QUEUED"),
        ("SET k 1", "+QUEUED"),
        ("GET k", "+QUEUED"),
        ("SETNX k 2", "+QUEUED"),
        ("MGET k nope", "+QUEUED"),
        ("TTL k", "+QUEUED"),
        ("EXPIRE k 100", "+QUEUED"),
        ("TTL k", "+QUEUED"),
        ("EXISTS k k nope", "+QUEUED"),
        ("TYPE k", "+QUEUED"),
        ("GETRANGE s 0 0", "+QUEUED"),
        ("BITCOUNT s", "+QUEUED"),
        ("GETDEL k", "+QUEUED"),
        ("GET k", "+QUEUED"),
        ("PING", "+QUEUED"),
        (
            "EXEC",
            "*15 -ERR value is not an integer or out of range +OK $1 1 :0 *2 $1 1 $-1 :-1 :1 :100 \
             :2 +string $1 x :4 $1 1 $-1 +PONG",
        ),
        ("GET s", "$1 x"),
        ("EXEC", "-ERR EXEC without MULTI"),
        ("MULTI", "+OK"),
        ("EXEC", "*0"),
    ]);
}

#[test]
fn nothing_is_executed_before_exec_and_nothing_after_discard() {
    let server = Server::new();
    server.check(&[("SET k before", "+OK"), ("MULTI", "+OK"), ("SET k after", "+QUEUED")]);
    let other = testing::session(&server.context);
    let get = |session| server.request(session, b"GET k\n").value;
    assert_eq!(get(&other), Value::Bulk(b"before".to_vec()));
    server.check(&[("DISCARD", "+OK"), ("GET k", "$6 before")]);
    server.check(&[("DISCARD", "-ERR DISCARD without MULTI"), ("EXEC", "-ERR EXEC without MULTI")]);
}

#[test]
fn every_command_of_the_table_is_queued_and_may_be_executed() {
    let server = Server::new();
    // With RESP2 nothing else would be taken behind a subscription.
    server.run("HELLO 3");
    for row in TABLE.rows() {
        server.run("MULTI");
        let containers = row.subcommands.iter().map(|sub| (Some(sub.name), sub.arity));
        let calls = containers.chain(row.subcommands.is_empty().then_some((None, row.arity)));
        let mut queued = 0;
        for (subcommand, arity) in calls {
            let words = 1 + usize::from(subcommand.is_some());
            let rest = usize::from(arity.unsigned_abs()).saturating_sub(words);
            let line = [row.name, " ", subcommand.unwrap_or(""), &" k".repeat(rest)].concat();
            match row.name {
                "multi" | "exec" | "discard" | "watch" | "quit" | "reset" => {}
                _ if row.has(Flag::NoMulti) => {
                    let refusal = "-ERR Command not allowed inside a transaction";
                    assert_eq!(server.wire(line.trim_end()), refusal, "{line}");
                    server.check(&[("DISCARD", "+OK"), ("MULTI", "+OK")]);
                }
                _ => {
                    assert_eq!(server.wire(line.trim_end()), "+QUEUED", "{line}");
                    queued += 1;
                }
            }
        }
        let Value::Array(replies) = server.run("EXEC") else { panic!("{}", row.name) };
        assert_eq!(replies.len(), queued, "{}", row.name);
    }
}

#[test]
fn a_request_that_is_refused_when_it_comes_aborts_the_transaction() {
    for refused in ["nonsense", "GET", "CLIENT nonsense"] {
        let server = Server::new();
        server.check(&[("MULTI", "+OK"), ("SET k v", "+QUEUED")]);
        assert!(server.wire(refused).starts_with("-ERR "), "{refused}");
        server.check(&[("SET k v", "+QUEUED"), ("EXEC", ABORTED), ("GET k", "$-1")]);
    }
    Server::new().check(&[
        ("MULTI", "+OK"),
        ("MULTI", "-ERR MULTI calls can not be nested"),
        ("WATCH k", "-ERR WATCH inside MULTI is not allowed"),
        ("SET k v", "+QUEUED"),
        ("EXEC", "*1 +OK"),
        ("MULTI", "+OK"),
        (
            "EXEC now",
            "-EXECABORT Transaction discarded because of: \
             wrong number of arguments for 'exec' command",
        ),
        ("EXEC", "-ERR EXEC without MULTI"),
        // As in Redis: this is no MULTI, and begins nothing.
        ("MULTI now", "-ERR wrong number of arguments for 'multi' command"),
        ("GET k", "$1 v"),
    ]);
}

#[test]
fn a_watched_key_that_is_written_keeps_exec_from_doing_anything() {
    let server = Server::new();
    let other = testing::session(&server.context);
    for write in
        ["SET k 2", "DEL k", "EXPIRE k 100", "FLUSHALL", "INCR k", "GETEX k EX 9", "SET k 1"]
    {
        server.check(&[("SET k 1", "+OK"), ("WATCH other k", "+OK"), ("GET k", "$1 1")]);
        server.request(&other, format!("{write}\n").as_bytes());
        server.check(&[
            ("MULTI", "+OK"),
            ("SET done yes", "+QUEUED"),
            ("EXEC", "*-1"),
            ("GET done", "$-1"),
            // It is watched no more.
            ("MULTI", "+OK"),
            ("GET done", "+QUEUED"),
            ("EXEC", "*1 $-1"),
        ]);
    }
    for (watched, write) in [("nope", "SET nope 1"), ("k", "PERSIST k"), ("k", "GET k")] {
        server.run("DEL nope");
        server.check(&[("SET k 1", "+OK")]);
        server.run(&format!("WATCH {watched}"));
        server.request(&other, format!("{write}\n").as_bytes());
        let reply = if write == "SET nope 1" { "*-1" } else { "*1 +OK" };
        server.check(&[("MULTI", "+OK"), ("SET x 1", "+QUEUED"), ("EXEC", reply)]);
    }
}

#[test]
fn watches_end_with_unwatch_discard_and_reset_and_hold_own_writes_too() {
    let server = Server::new();
    for end in ["UNWATCH", "MULTI\nDISCARD", "RESET"] {
        server.check(&[("SET k 1", "+OK"), ("WATCH k", "+OK"), ("SET k 2", "+OK")]);
        end.lines().for_each(|line| drop(server.run(line)));
        server.check(&[("MULTI", "+OK"), ("PING", "+QUEUED"), ("EXEC", "*1 +PONG")]);
    }
    server.check(&[
        ("WATCH k", "+OK"),
        ("SET k 3", "+OK"),
        ("MULTI", "+OK"),
        // Too late.
        ("UNWATCH", "+QUEUED"),
        ("EXEC", "*-1"),
    ]);
    server.run("HELLO 3");
    server.check(&[("WATCH k", "+OK"), ("SET k 4", "+OK"), ("MULTI", "+OK"), ("EXEC", "_")]);
}

#[test]
fn a_watched_key_that_expires_counts_as_written() {
    let server = Server::new();
    server.check(&[("SET k 1 PX 1", "+OK")]);
    while server.run("GET k") != Value::Null {}
    server.check(&[
        // It was gone when it was watched.
        ("WATCH k", "+OK"),
        ("MULTI", "+OK"),
        ("PING", "+QUEUED"),
        ("EXEC", "*1 +PONG"),
    ]);
    // It is there when it is watched, however slow the machine is.
    let mut milliseconds = 50;
    loop {
        server.run(&format!("SET k 1 PX {milliseconds}"));
        server.run("WATCH k");
        if server.integer("PTTL k") > 0 {
            break;
        }
        server.run("UNWATCH");
        milliseconds *= 2;
    }
    while server.run("GET k") != Value::Null {}
    server.check(&[("MULTI", "+OK"), ("PING", "+QUEUED"), ("EXEC", "*-1")]);
}

#[test]
fn all_keys_are_removed_within_a_transaction() {
    Server::new().check(&[
        ("MSET a 1 b 2", "+OK"),
        ("MULTI", "+OK"),
        ("SET c 3", "+QUEUED"),
        ("FLUSHALL", "+QUEUED"),
        ("GET a", "+QUEUED"),
        ("SET d 4", "+QUEUED"),
        ("GET d", "+QUEUED"),
        ("EXEC", "*5 +OK +OK $-1 +OK $1 4"),
        ("KEYS *", "*1 $1 d"),
    ]);
}

#[test]
fn limits_hold_for_a_transaction_as_for_a_batch() {
    let limited = Server::with(Options::new("unused").batch_operations_max(3).key_bytes_max(4));
    limited.check(&[
        ("MULTI", "+OK"),
        ("MSET a 1 b 2", "+QUEUED"),
        ("MSET c 1 d 2", "+QUEUED"),
        ("EXEC", "-ERR batch of 4 operations is over the limit of 3; split it"),
        ("EXISTS a", ":0"),
        ("WATCH toolong", "+OK"),
        ("MULTI", "+OK"),
        ("GET toolong", "+QUEUED"),
        ("EXISTS toolong", "+QUEUED"),
        ("TTL toolong", "+QUEUED"),
        ("SET a 1", "+QUEUED"),
        ("EXEC", "*4 -ERR key of 7 bytes is longer than the limit of 4 :0 :-2 +OK"),
    ]);
    let large = Server::new();
    large.context.store.set("large", vec![0; 33 << 20]).unwrap();
    large.check(&[("MULTI", "+OK")]);
    (0..4).for_each(|_| drop(large.run("GET large")));
    let refusal = "-ERR the reply is over the limit of 134217728 bytes; ask for less at once";
    large.check(&[("EXEC", refusal), ("EXEC", "-ERR EXEC without MULTI")]);
}

#[test]
fn a_transaction_with_a_long_read_is_executed_once_more_on_a_reader() {
    let server = Server::new();
    server.check(&[
        ("SET a 1", "+OK"),
        ("CONFIG RESETSTAT", "+OK"),
        ("MULTI", "+OK"),
        ("INCR a", "+QUEUED"),
        ("GET a", "+QUEUED"),
        ("KEYS *", "+QUEUED"),
    ]);
    let replied = server.request(&server.session, b"EXEC\n");
    assert!(replied.cold);
    assert_eq!(encode(&replied.value, Version::Resp2), "*3 :2 $1 2 *1 $1 a");
    let calls = server.text("INFO commandstats");
    for name in ["incr", "get", "keys", "exec", "multi"] {
        assert!(calls.contains(&format!("cmdstat_{name}:calls=1,")), "{name}: {calls}");
    }
    let stats = server.text("INFO stats");
    assert!(stats.contains("keyspace_hits:1\r\nkeyspace_misses:0\r\n"), "{stats}");
}

#[test]
fn what_a_transaction_holds_is_that_of_one_connection() {
    let server = Server::new();
    server.check(&[("WATCH k", "+OK"), ("MULTI", "+OK"), ("SET k v", "+QUEUED")]);
    assert!(server.session.transaction.memory() > 0);
    let other = testing::session(&server.context);
    let replied = server.request(&other, b"CLIENT LIST\n");
    let Value::Verbatim(list) = replied.value else { panic!("CLIENT LIST is answered") };
    let flags: Vec<_> = list.lines().map(|line| line.contains(" flags=x ")).collect();
    assert_eq!(flags, [true, false], "{list}");
    assert!(list.contains(" multi=1 ") && list.contains(" multi=-1 "), "{list}");
    server.check(&[("RESET", "+RESET"), ("SET k v", "+OK")]);
    assert_eq!(server.session.transaction.memory(), 0);
    server.check(&[("MULTI", "+OK")]);
    assert!(server.request(&server.session, b"QUIT\n").closed);
}

#[test]
fn transactions_of_many_connections_come_one_after_the_other() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 200;
    let server = Arc::new(Server::new());
    let run = |server: Arc<Server>| {
        let session = testing::session(&server.context);
        let ask = |line: &str| server.request(&session, format!("{line}\n").as_bytes()).value;
        for _ in 0..ROUNDS {
            ["MULTI", "INCR a", "GET b", "INCR b", "GET a"].iter().for_each(|line| drop(ask(line)));
            let Value::Array(replies) = ask("EXEC") else { panic!("an array") };
            let Value::Integer(a) = replies[0] else { panic!("{replies:?}") };
            let before = if a == 1 { Value::Null } else { bulk(a - 1) };
            assert_eq!(replies, [Value::Integer(a), before, Value::Integer(a), bulk(a)]);
            // And once more as a program does that reads first.
            loop {
                ask("WATCH c");
                let found = match ask("GET c") {
                    Value::Bulk(bytes) => String::from_utf8(bytes).unwrap().parse().unwrap(),
                    _ => 0,
                };
                ask("MULTI");
                ask(&format!("SET c {}", found + 1));
                if ask("EXEC") != Value::NullArray {
                    break;
                }
            }
        }
    };
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let server = Arc::clone(&server);
            ThreadBuilder::new().spawn(move || run(server)).unwrap()
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let all = (THREADS * ROUNDS).to_string();
    for key in ["a", "b", "c"] {
        assert_eq!(server.run(&format!("GET {key}")), Value::Bulk(all.clone().into_bytes()));
    }
}

fn bulk(number: i64) -> Value {
    Value::Bulk(number.to_string().into_bytes())
}

#[test]
fn commands_of_transactions_are_listed() {
    let server = Server::new();
    let listed = server.wire("COMMAND LIST FILTERBY ACLCAT transaction");
    assert_eq!(listed, "*5 $7 discard $4 exec $5 multi $7 unwatch $5 watch");
    let described = server.wire("COMMAND INFO multi");
    assert!(described.contains("+@transaction") && !described.contains("nqueued"), "{described}");
    server.check(&[("COMMAND GETKEYS WATCH a b", "*2 $1 a $1 b")]);
}
