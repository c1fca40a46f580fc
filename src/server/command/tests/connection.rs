//! The connection: greeting, names, the list of clients.

use super::*;

const BAD_NAME: &str = "-ERR Client names cannot contain spaces, newlines or special characters.";

#[test]
fn ping_and_echo_give_back_any_bytes() {
    let server = Server::new();
    server.check(&[
        ("PING", "+PONG"),
        ("PING hello", "$5 hello"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command"),
        ("ECHO ''", "$0 "),
    ]);
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(server.run_bytes(&[b"ECHO", &bytes]), Value::Bulk(bytes));
}

#[test]
fn hello_is_encoded_in_the_version_it_asks_for() {
    let server = Server::new();
    let id = server.session.id;
    let rest = "$4 mode $10 standalone $4 role $6 master $7 modules *0";
    let resp2 =
        format!("*14 $6 server $5 redis $7 version $6 7.0.15 $5 proto :2 $2 id :{id} {rest}");
    let resp3 =
        format!("%7 $6 server $5 redis $7 version $6 7.0.15 $5 proto :3 $2 id :{id} {rest}");
    server.check(&[
        ("HELLO", &resp2),
        ("HELLO 3", &resp3),
        ("HELLO", &resp3),
        ("GET nope", "_"),
        ("hello 2", &resp2),
        ("GET nope", "$-1"),
    ]);
}

#[test]
fn a_refused_hello_changes_nothing() {
    let server = Server::new();
    let user = "-WRONGPASS invalid username-password pair or user is disabled.";
    server.check(&[
        ("HELLO 1", "-NOPROTO unsupported protocol version"),
        ("HELLO 4", "-NOPROTO unsupported protocol version"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range"),
        ("HELLO 3 foo", "-ERR Syntax error in HELLO option 'foo'"),
        ("HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'"),
        ("HELLO 3 SETNAME a b", "-ERR Syntax error in HELLO option 'b'"),
        ("HELLO 3 SETNAME 'a b'", BAD_NAME),
        ("HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'"),
        ("HELLO 3 SETNAME a AUTH somebody secret", user),
        ("CLIENT GETNAME", "$-1"),
    ]);
    assert_eq!(server.session.version(), Version::Resp2);
    server.run("HELLO 3 AUTH default secret SETNAME me");
    assert_eq!(server.session.version(), Version::Resp3);
    server.check(&[("CLIENT GETNAME", "$2 me"), ("RESET", "+RESET"), ("CLIENT GETNAME", "$-1")]);
}

#[test]
fn passwords_are_not_configured() {
    Server::new().check(&[
        (
            "AUTH secret",
            "-ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        ),
        ("AUTH default secret", "+OK"),
        ("AUTH somebody secret", "-WRONGPASS invalid username-password pair or user is disabled."),
        ("AUTH a b c", "-ERR syntax error"),
    ]);
}

/// Returns a server with two passwords.
fn guarded() -> Server {
    let context = testing::guarded_context(&["old", "new"]);
    let session = testing::session(&context);
    Server { context, session }
}

const NO_PASSWORD: &str = "-NOAUTH Authentication required.";

const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

#[test]
fn before_a_password_nothing_else_is_done() {
    let server = guarded();
    server.check(&[
        ("SET k v", NO_PASSWORD),
        ("PING", NO_PASSWORD),
        ("CLIENT LIST", NO_PASSWORD),
        ("MULTI", NO_PASSWORD),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("RESET", "+RESET"),
        ("AUTH wrong", WRONG),
        ("AUTH somebody new", WRONG),
        ("AUTH a b c", "-ERR syntax error"),
        ("GET k", NO_PASSWORD),
        ("AUTH new", "+OK"),
        ("GET k", "$-1"),
        ("AUTH wrong", WRONG),
        ("GET k", "$-1"),
        ("AUTH default old", "+OK"),
        ("RESET", "+RESET"),
        ("GET k", NO_PASSWORD),
    ]);
    assert!(server.wire("INFO").starts_with(NO_PASSWORD));
    server.check(&[("AUTH old", "+OK")]);
    assert!(server.wire("INFO stats").contains("acl_access_denied_auth:3"));
    server.check(&[("RESET", "+RESET"), ("QUIT", "+OK")]);
}

#[test]
fn hello_may_bring_the_password() {
    let server = guarded();
    let refused = server.wire("HELLO 3");
    assert!(refused.starts_with("-NOAUTH HELLO must be called with"), "{refused}");
    server.check(&[("HELLO 3 AUTH default wrong SETNAME me", WRONG), ("GET k", NO_PASSWORD)]);
    assert_eq!(server.session.version(), Version::Resp2);
    assert!(server.wire("HELLO 3 AUTH default new SETNAME me").starts_with("%7 "));
    server.check(&[("GET k", "_"), ("CLIENT GETNAME", "$2 me")]);
}

#[test]
fn a_database_is_selected_by_its_number() {
    Server::new().check(&[
        ("SELECT 0", "+OK"),
        ("SELECT 15", "+OK"),
        ("SELECT 16", "-ERR DB index is out of range"),
        ("SELECT -1", "-ERR DB index is out of range"),
        ("SELECT 2147483647", "-ERR DB index is out of range"),
        (
            "SELECT 9223372036854775807",
            "-ERR value is out of range, value must between -2147483648 and 2147483647",
        ),
        ("SELECT 9223372036854775808", "-ERR value is not an integer or out of range"),
        ("SELECT x", "-ERR value is not an integer or out of range"),
    ]);
}

#[test]
fn quit_closes_the_connection_after_the_reply() {
    let server = Server::new();
    let replied = server.request(&server.session, b"QUIT\n");
    assert_eq!(replied.value, Value::Simple("OK".into()));
    assert!(replied.closed);
    assert!(!server.request(&server.session, b"PING\n").closed);
}

#[test]
fn clients_have_names_and_libraries() {
    let server = Server::new();
    server.check(&[
        ("CLIENT ID", &format!(":{}", server.session.id)),
        ("client setname me", "+OK"),
        ("CLIENT GETNAME", "$2 me"),
        ("CLIENT SETNAME 'a b'", BAD_NAME),
        ("CLIENT SETNAME \"a\\n\"", BAD_NAME),
        ("CLIENT SETINFO lib-name redis-py", "+OK"),
        ("CLIENT SETINFO LIB-VER 1.2", "+OK"),
        ("CLIENT SETINFO foo 1", "-ERR Unrecognized option 'foo'"),
        (
            "CLIENT SETINFO LIB-NAME 'a b'",
            "-ERR lib-name cannot contain spaces, newlines or special characters.",
        ),
        ("CLIENT NO-EVICT on", "+OK"),
        ("CLIENT NO-TOUCH off", "+OK"),
        ("CLIENT NO-EVICT foo", "-ERR syntax error"),
        ("CLIENT foo", "-ERR unknown subcommand 'foo'. Try CLIENT HELP."),
        (
            "CLIENT MAINT_NOTIFICATIONS ON",
            "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.",
        ),
    ]);
    let line = server.text("CLIENT INFO");
    let start =
        format!("id={} addr=127.0.0.1:50000 laddr=127.0.0.1:4000 name=me age=", server.session.id);
    let end = " flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 multi-mem=0 omem=0 tot-mem=0 \
               cmd=client|info user=default redir=-1 resp=2 lib-name=redis-py lib-ver=1.2\n";
    assert!(line.starts_with(&start) && line.ends_with(end), "{line}");
    server.check(&[("CLIENT SETNAME ''", "+OK"), ("CLIENT GETNAME", "$-1")]);
}

#[test]
fn clients_are_listed_by_type_and_id() {
    let server = Server::new();
    let other = testing::session(&server.context);
    let lines = |request: &str| server.text(request).lines().count();
    assert_eq!(lines("CLIENT LIST"), 2);
    assert_eq!(lines("CLIENT LIST TYPE normal"), 2);
    assert_eq!(lines("CLIENT LIST TYPE pubsub"), 0);
    assert_eq!(lines(&format!("CLIENT LIST ID {} 999", other.id)), 1);
    server.check(&[
        ("CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'"),
        ("CLIENT LIST ID 1 x", "-ERR Invalid client ID"),
        ("CLIENT LIST ID 0 -1", "$0 "),
        ("CLIENT LIST ID", "-ERR syntax error"),
        ("CLIENT LIST foo", "-ERR syntax error"),
    ]);
    server.context.clients.close(&other);
    assert_eq!(lines("CLIENT LIST"), 1);
}

#[test]
fn clients_are_killed_by_what_they_are() {
    let server = Server::new();
    let other = testing::session(&server.context);
    server.check(&[
        ("CLIENT KILL 127.0.0.1:1", "-ERR No such client"),
        ("CLIENT KILL ID 999", ":0"),
        ("CLIENT KILL ID 0", "-ERR client-id should be greater than 0"),
        ("CLIENT KILL ID x", "-ERR client-id should be greater than 0"),
        ("CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo'"),
        ("CLIENT KILL TYPE pubsub", ":0"),
        ("CLIENT KILL USER somebody", "-ERR No such user 'somebody'"),
        ("CLIENT KILL LADDR 127.0.0.1:1", ":0"),
        ("CLIENT KILL foo bar", "-ERR syntax error"),
        ("CLIENT KILL ID 1 SKIPME foo", "-ERR syntax error"),
        ("CLIENT KILL ID 1 ADDR", "-ERR syntax error"),
    ]);
    assert!(!other.is_killed());
    server.check(&[(&format!("CLIENT KILL ID {}", other.id), ":1")]);
    assert!(other.is_killed());
    server.context.clients.close(&other);

    let third = testing::session(&server.context);
    server.check(&[("CLIENT KILL TYPE normal USER default LADDR 127.0.0.1:4000", ":1")]);
    assert!(third.is_killed(), "all but the one that asks");
    assert!(!server.session.is_killed());
}

#[test]
fn a_client_that_kills_itself_gets_its_reply() {
    let server = Server::new();
    let by_id = format!("CLIENT KILL ID {} SKIPME no\n", server.session.id);
    for (request, value) in [
        ("CLIENT KILL 127.0.0.1:50000\n", Value::Simple("OK".into())),
        (by_id.as_str(), Value::Integer(1)),
    ] {
        let replied = server.request(&server.session, request.as_bytes());
        assert_eq!(replied.value, value);
        assert!(replied.closed);
    }
    server.check(&[(&format!("CLIENT KILL ID {}", server.session.id), ":0")]);
}

#[test]
fn labels_are_short_because_a_client_holds_them_while_it_is_idle() {
    let server = Server::new();
    let long = "x".repeat(1025);
    server.check(&[
        (&format!("CLIENT SETNAME {long}"), "-ERR Client names cannot be longer than 1024 bytes."),
        (&format!("HELLO 2 SETNAME {long}"), "-ERR Client names cannot be longer than 1024 bytes."),
        (
            &format!("CLIENT SETINFO LIB-VER {long}"),
            "-ERR lib-ver cannot be longer than 1024 bytes.",
        ),
        (&format!("CLIENT SETNAME {}", &long[1..]), "+OK"),
    ]);
}

#[test]
fn errors_repeat_no_more_than_the_beginning_of_a_word() {
    let server = Server::new();
    let word = "x".repeat(1000);
    for call in [
        "WORD",
        "NOPE WORD WORD",
        "CONFIG WORD",
        "HELLO 3 WORD",
        "CLIENT SETINFO WORD 1",
        "CLIENT LIST TYPE WORD",
        "CLIENT KILL TYPE WORD",
        "CLIENT KILL USER WORD",
        "CONFIG SET WORD 1",
        "EXPIRE k 1 WORD",
    ] {
        let Value::Error(text) = server.run(&call.replace("WORD", &word)) else {
            panic!("{call} is no error");
        };
        let repeated = text.matches('x').count();
        assert!((128..140).contains(&repeated), "{call}: {text}");
    }
}
