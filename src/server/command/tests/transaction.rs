//! Transactions: refused as a whole, so that none is executed in part.

use super::*;

const REFUSED: &str =
    "-ERR transactions are not supported: nothing more is executed until EXEC or DISCARD";
const NOT_EXECUTED: &str =
    "-ERR not executed: transactions are not supported, and the MULTI before this was refused";
const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.";

#[test]
fn nothing_is_executed_between_a_refused_multi_and_its_end() {
    let server = Server::new();
    for (end, reply) in [("EXEC", ABORTED), ("DISCARD", "+OK"), ("exec", ABORTED)] {
        server.check(&[
            ("SET k before", "+OK"),
            ("MULTI", REFUSED),
            ("SET k after", NOT_EXECUTED),
            ("INCR n", NOT_EXECUTED),
            ("GET k", NOT_EXECUTED),
            ("MGET k n", NOT_EXECUTED),
            ("FLUSHALL", NOT_EXECUTED),
            ("PING", NOT_EXECUTED),
            ("UNWATCH", NOT_EXECUTED),
            ("CLIENT SETNAME me", NOT_EXECUTED),
            ("CONFIG GET save", NOT_EXECUTED),
            (end, reply),
            ("GET k", "$6 before"),
            ("EXISTS n", ":0"),
            ("CLIENT GETNAME", "$-1"),
        ]);
    }
}

#[test]
fn no_command_of_the_table_is_executed_in_a_refused_transaction() {
    let server = Server::new();
    server.run("SET k before");
    for row in TABLE.rows() {
        server.run("MULTI");
        let containers = row.subcommands.iter().map(|sub| (Some(sub.name), sub.arity));
        let calls = containers.chain(row.subcommands.is_empty().then_some((None, row.arity)));
        for (subcommand, arity) in calls {
            let words = 1 + usize::from(subcommand.is_some());
            let rest = usize::from(arity.unsigned_abs()).saturating_sub(words);
            let line = [row.name, " ", subcommand.unwrap_or(""), &" k".repeat(rest)].concat();
            let reply = server.wire(line.trim_end());
            match row.name {
                "multi" | "exec" | "discard" | "watch" | "quit" | "reset" => {}
                _ => assert_eq!(reply, NOT_EXECUTED, "{line}"),
            }
        }
        server.run("DISCARD");
    }
    server.check(&[("GET k", "$6 before"), ("DBSIZE", ":1")]);
}

#[test]
fn the_ends_of_transactions_that_were_not_begun_are_refused() {
    Server::new().check(&[
        ("EXEC", "-ERR EXEC without MULTI"),
        ("DISCARD", "-ERR DISCARD without MULTI"),
        ("MULTI", REFUSED),
        ("DISCARD", "+OK"),
        ("DISCARD", "-ERR DISCARD without MULTI"),
        ("EXEC", "-ERR EXEC without MULTI"),
    ]);
}

#[test]
fn transactions_do_not_nest_and_malformed_commands_get_their_usual_error() {
    Server::new().check(&[
        ("MULTI", REFUSED),
        ("MULTI", "-ERR MULTI calls can not be nested"),
        ("WATCH k", "-ERR WATCH inside MULTI is not allowed"),
        ("nonsense", "-ERR unknown command 'nonsense', with args beginning with: "),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("CLIENT nonsense", "-ERR unknown subcommand 'nonsense'. Try CLIENT HELP."),
        ("EXEC now", "-ERR wrong number of arguments for 'exec' command"),
        ("SET k v", NOT_EXECUTED),
        ("EXEC", ABORTED),
        ("SET k v", "+OK"),
        // As in Redis: this is no MULTI, and begins nothing.
        ("MULTI now", "-ERR wrong number of arguments for 'multi' command"),
        ("GET k", "$1 v"),
        ("EXEC", "-ERR EXEC without MULTI"),
    ]);
}

#[test]
fn no_key_is_watched_and_that_is_said() {
    Server::new().check(&[
        ("WATCH k", "-ERR transactions are not supported: no key is watched"),
        ("GET k", "$-1"),
        ("UNWATCH", "+OK"),
    ]);
}

#[test]
fn a_reset_ends_a_refused_transaction_and_a_hello_does_not() {
    let server = Server::new();
    server.check(&[
        ("MULTI", REFUSED),
        ("HELLO 3", NOT_EXECUTED),
        ("RESET", "+RESET"),
        ("SET k v", "+OK"),
        ("EXEC", "-ERR EXEC without MULTI"),
        ("MULTI", REFUSED),
    ]);
    assert_eq!(server.session.version(), Version::Resp2);
    assert!(server.request(&server.session, b"QUIT\n").closed);
}

#[test]
fn a_refused_transaction_is_that_of_one_connection() {
    let server = Server::new();
    server.run("MULTI");
    let other = testing::session(&server.context);
    let replied = server.request(&other, b"CLIENT LIST\n");
    let Value::Verbatim(list) = replied.value else { panic!("CLIENT LIST is answered") };
    let flags: Vec<_> = list.lines().map(|line| line.contains(" flags=x ")).collect();
    assert_eq!(flags, [true, false], "{list}");
    assert!(list.contains(" multi=0 ") && list.contains(" multi=-1 "), "{list}");
}

#[test]
fn requests_that_are_not_executed_count_as_rejected() {
    let server = Server::new();
    server.check(&[
        ("SET k v", "+OK"),
        ("MULTI", REFUSED),
        ("SET k v", NOT_EXECUTED),
        ("SET k v", NOT_EXECUTED),
        ("EXEC", ABORTED),
    ]);
    let lines = server.text("INFO commandstats");
    let counts = |command: &str, calls: u8, rejected: u8, failed: u8| {
        let line = format!(
            "cmdstat_{command}:calls={calls},usec=0,usec_per_call=0.00,\
             rejected_calls={rejected},failed_calls={failed}\r\n"
        );
        assert!(lines.contains(&line), "{command}: {lines}");
    };
    counts("set", 1, 2, 0);
    counts("multi", 1, 0, 1);
    counts("exec", 1, 0, 1);
}

#[test]
fn commands_of_transactions_are_listed_with_what_they_do_here() {
    let server = Server::new();
    let listed = server.wire("COMMAND LIST FILTERBY ACLCAT transaction");
    assert_eq!(listed, "*5 $7 discard $4 exec $5 multi $7 unwatch $5 watch");
    let described = server.wire("COMMAND INFO multi");
    assert!(described.contains("+@transaction") && !described.contains("nqueued"), "{described}");
    let documented = server.wire("COMMAND DOCS multi");
    assert!(documented.contains("Refused") && documented.contains("transactions"), "{documented}");
    server.check(&[("COMMAND GETKEYS WATCH a b", "*2 $1 a $1 b")]);
}
