//! Channels: subscriptions, messages, and what a subscribed client may do.

use super::*;

/// Returns what was pushed to a client, with a blank for every line end.
fn pushed(session: &Session) -> String {
    String::from_utf8(session.take_pushed()).unwrap().replace("\r\n", " ")
}

impl Server {
    /// Returns the reply to a line of another client, as it is encoded for that one.
    fn wire_of(&self, session: &Session, line: &str) -> String {
        let value = self.request(session, format!("{line}\r\n").as_bytes()).value;
        encode(&value, session.version())
    }
}

#[test]
fn each_subscription_is_confirmed_with_the_number_of_all() {
    let server = Server::new();
    server.check(&[
        (
            "SUBSCRIBE a b a",
            "*3 $9 subscribe $1 a :1 *3 $9 subscribe $1 b :2 *3 $9 subscribe $1 a :2",
        ),
        ("PSUBSCRIBE p*", "*3 $10 psubscribe $2 p* :3"),
        ("SSUBSCRIBE a", "*3 $10 ssubscribe $1 a :1"),
        ("UNSUBSCRIBE x", "*3 $11 unsubscribe $1 x :3"),
        ("UNSUBSCRIBE", "*3 $11 unsubscribe $1 a :2 *3 $11 unsubscribe $1 b :1"),
        ("UNSUBSCRIBE", "*3 $11 unsubscribe $-1 :1"),
        ("PUNSUBSCRIBE p*", "*3 $12 punsubscribe $2 p* :0"),
        ("SUNSUBSCRIBE", "*3 $12 sunsubscribe $1 a :0"),
        ("SUNSUBSCRIBE", "*3 $12 sunsubscribe $-1 :0"),
        ("PUBLISH a x", ":0"),
    ]);
    server.run("HELLO 3");
    server.check(&[
        ("SUBSCRIBE a", ">3 $9 subscribe $1 a :1"),
        ("PING", "+PONG"),
        ("GET a", "_"),
        ("UNSUBSCRIBE", ">3 $11 unsubscribe $1 a :0"),
        ("UNSUBSCRIBE", ">3 $11 unsubscribe _ :0"),
    ]);
}

#[test]
fn a_subscribed_client_of_resp2_may_do_little_else() {
    let server = Server::new();
    let refused = |name: &str| {
        format!(
            "-ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context"
        )
    };
    server.run("SUBSCRIBE a");
    server.check(&[
        ("PING", "*2 $4 pong $0 "),
        ("PING hello", "*2 $4 pong $5 hello"),
        ("GET a", &refused("get")),
        ("PUBLISH a x", &refused("publish")),
        ("MULTI", &refused("multi")),
        ("RESET", "+RESET"),
        ("PING", "+PONG"),
        ("PUBSUB CHANNELS", "*0"),
    ]);
}

#[test]
fn a_pattern_that_is_long_is_refused_with_all_others_of_the_request() {
    let server = Server::new();
    let long = "p".repeat(1025);
    let refusal = "-ERR pattern is longer than the limit of 1024 bytes";
    server.check(&[
        (&format!("PSUBSCRIBE a {long}"), refusal),
        (&format!("PUBSUB CHANNELS {long}"), refusal),
        ("PUBSUB NUMPAT", ":0"),
        (
            &format!("PSUBSCRIBE {}", &long[1..]),
            &format!("*3 $10 psubscribe $1024 {} :1", &long[1..]),
        ),
    ]);
}

#[test]
fn messages_reach_everybody_who_subscribed() {
    let server = Server::new();
    let [other, third] = [(); 2].map(|()| testing::session(&server.context));
    server.wire_of(&other, "SUBSCRIBE news other");
    server.wire_of(&other, "PSUBSCRIBE n*");
    server.wire_of(&third, "HELLO 3");
    server.wire_of(&third, "SUBSCRIBE news");
    server.wire_of(&third, "SSUBSCRIBE news");
    server.check(&[
        ("PUBLISH news hello", ":3"),
        ("SPUBLISH news shard", ":1"),
        ("SPUBLISH other nobody", ":0"),
        ("PUBSUB NUMSUB news other none", "*6 $4 news :2 $5 other :1 $4 none :0"),
        ("PUBSUB NUMSUB", "*0"),
        ("PUBSUB SHARDNUMSUB news other", "*4 $4 news :1 $5 other :0"),
        ("PUBSUB NUMPAT", ":1"),
        ("PUBSUB CHANNELS o*", "*1 $5 other"),
        ("PUBSUB SHARDCHANNELS", "*1 $4 news"),
    ]);
    let message = "*3 $7 message $4 news $5 hello *4 $8 pmessage $2 n* $4 news $5 hello ";
    assert_eq!(pushed(&other), message);
    let message = ">3 $7 message $4 news $5 hello >3 $8 smessage $4 news $5 shard ";
    assert_eq!(pushed(&third), message);
    let info = server.text("INFO stats");
    let counts = "pubsub_channels:2\r\npubsub_patterns:1\r\npubsubshard_channels:1\r\n";
    assert!(info.contains(counts), "{info}");
}

#[test]
fn a_message_of_a_transaction_is_sent_once_what_it_wrote_is_there() {
    let server = Server::new();
    let other = testing::session(&server.context);
    server.wire_of(&other, "HELLO 3");
    server.wire_of(&other, "SUBSCRIBE c");
    server.check(&[("MULTI", "+OK"), ("SET k 1", "+QUEUED"), ("PUBLISH c k", "+QUEUED")]);
    let mut parser = RequestParser::new(RequestLimits::default());
    let Ok(Parsed::Request { arguments, .. }) = parser.parse(b"EXEC\r\n") else { panic!() };
    let access = Access::MemoryOnly;
    let scope = Scope { context: &server.context, session: &server.session, access };
    let execution = execute(find(&arguments), arguments, &scope);
    let Execution::Write(batch, render) = execution else { panic!("it writes") };
    assert_eq!(pushed(&other), "");
    let outcome = server.context.store.apply(batch);
    assert_eq!(encode(&value(render(outcome)), Version::Resp2), "*2 +OK :1");
    assert_eq!(pushed(&other), ">3 $7 message $1 c $1 k ");
    server.check(&[
        ("WATCH k", "+OK"),
        ("SET k 2", "+OK"),
        ("MULTI", "+OK"),
        ("PUBLISH c no", "+QUEUED"),
        ("EXEC", "*-1"),
        ("MULTI", "+OK"),
        ("PUBLISH c yes", "+QUEUED"),
        ("SUBSCRIBE x y", "+QUEUED"),
        ("EXEC", "*2 :1 *3 $9 subscribe $1 x :1 *3 $9 subscribe $1 y :2"),
    ]);
    assert_eq!(pushed(&other), ">3 $7 message $1 c $3 yes ");
}

#[test]
fn subscribers_are_listed_and_closed_as_such() {
    let server = Server::new();
    let other = testing::session(&server.context);
    server.wire_of(&other, "SUBSCRIBE a b");
    server.wire_of(&other, "PSUBSCRIBE a");
    server.wire_of(&other, "SSUBSCRIBE a");
    let listed = server.text("CLIENT LIST TYPE pubsub");
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("flags=P db=0 sub=2 psub=1 ssub=1 multi=-1"), "{listed}");
    assert_eq!(server.text("CLIENT LIST TYPE normal").lines().count(), 1);
    server.check(&[("CLIENT KILL TYPE pubsub", ":1")]);
    assert!(other.is_killed());
}
