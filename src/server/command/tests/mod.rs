//! Commands as a client meets them: a line goes in, a reply comes out, the writer and readers
//! between.

mod bit;
mod channel;
mod connection;
mod copying;
mod database;
mod dumping;
mod expiry;
mod key;
mod memory_limit;
mod object;
mod operators;
mod scan;
mod server;
mod string;
mod transaction;

use super::table::TABLE;
use super::{effect, execute, find};
use crate::Options;
use crate::protocol::resp::{Arguments, Parsed, RequestLimits, RequestParser, Value, Version};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::context::Context;
use crate::server::execute::execution::{Effect, Execution};
use crate::server::execute::scope::Scope;
use crate::server::execute::session::Session;
use crate::server::testing;
use crate::store::read::Access;
use crate::sync::Arc;

/// A server without sockets: it does by itself what workers and readers do.
struct Server {
    context: Context,
    session: Arc<Session>,
}

/// The reply to a request, and what the request did to its session.
struct Replied {
    value: Value,
    /// The connection is closed after it.
    closed: bool,
    /// It had to be executed on a reader.
    cold: bool,
}

/// Returns the reply of a command as the value that it is.
fn value(reply: ClientReply) -> Value {
    match reply {
        ClientReply::Resp(value) => value,
        _ => panic!("a command replies with a value"),
    }
}

impl Server {
    fn new() -> Self {
        Self::with(Options::new("unused"))
    }

    fn with(options: Options) -> Self {
        let context = testing::context_over(options);
        let session = testing::session(&context);
        Self { context, session }
    }

    fn call(&self, session: &Session, arguments: Arguments<'_>) -> Replied {
        let mut scope = Scope { context: &self.context, session, access: Access::MemoryOnly };
        let found = find(&arguments);
        let mut execution = execute(found, arguments, &scope);
        let cold = matches!(execution, Execution::WouldBlock(_));
        if cold {
            scope.access = Access::Blocking;
            execution = execute(found, arguments, &scope);
        }
        self.context.statistics.requests.add(1);
        // Connections rely on it: what follows an unanswered write must not answer from what is
        // stored.
        let fits = match effect(found, &arguments) {
            _ if matches!(&execution, Execution::Done(Value::Simple(text)) if text == "QUEUED") => {
                true
            }
            Effect::Writes => {
                let is_refused = matches!(execution, Execution::Done(Value::Error(_)));
                is_refused || matches!(execution, Execution::Write(..) | Execution::Remove(_))
            }
            Effect::Reads => matches!(execution, Execution::Done(_)),
            Effect::Other => true,
        };
        assert!(fits, "{} does something else than its flags say", arguments.name().escape_ascii());
        let closed = matches!(execution, Execution::Close(_) | Execution::End);
        let value = match execution {
            Execution::Done(value) | Execution::Close(value) => value,
            Execution::Write(batch, render) | Execution::WriteAlone(batch, render) => {
                value(render(self.context.store.apply(batch)))
            }
            Execution::Remove(mut removal) => loop {
                let outcome = self.context.store.apply(removal.next_slice());
                if let Some(reply) = removal.applied(outcome) {
                    break value(reply);
                }
            },
            Execution::Delay { reply, .. } => reply,
            Execution::End => Value::Null,
            Execution::WouldBlock(_) | Execution::Watch(_) | Execution::Sync(_) => {
                panic!("no command may end so")
            }
        };
        Replied { value, closed, cold }
    }

    fn request(&self, session: &Session, request: &[u8]) -> Replied {
        let mut parser = RequestParser::new(RequestLimits::default());
        match parser.parse(request).unwrap() {
            Parsed::Request { arguments, .. } => self.call(session, arguments),
            Parsed::Incomplete { .. } => panic!("{} is incomplete", request.escape_ascii()),
        }
    }

    /// Returns the reply to a line as a person types it.
    fn run(&self, line: &str) -> Value {
        self.request(&self.session, format!("{line}\r\n").as_bytes()).value
    }

    /// Returns the reply to arguments of any bytes.
    fn run_bytes(&self, arguments: &[&[u8]]) -> Value {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend(format!("${}\r\n", argument.len()).bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        self.request(&self.session, &request).value
    }

    /// Returns the reply as it is encoded for this connection, with a blank for every line end.
    fn wire(&self, line: &str) -> String {
        let value = self.run(line);
        encode(&value, self.session.version())
    }

    /// Checks requests and their replies, one after the other.
    fn check(&self, cases: &[(&str, &str)]) {
        for (request, reply) in cases {
            assert_eq!(self.wire(request), *reply, "reply to {request}");
        }
    }

    /// Returns the integer a line is answered with.
    fn integer(&self, line: &str) -> i64 {
        match self.run(line) {
            Value::Integer(value) => value,
            other => panic!("{line} is answered with {other:?}"),
        }
    }

    /// Returns the text a line is answered with.
    fn text(&self, line: &str) -> String {
        match self.run(line) {
            Value::Bulk(bytes) => String::from_utf8(bytes).unwrap(),
            Value::Verbatim(text) => text,
            other => panic!("{line} is answered with {other:?}"),
        }
    }
}

fn encode(value: &Value, version: Version) -> String {
    let mut out = Vec::new();
    value.encode(version, &mut out);
    let text = String::from_utf8_lossy(&out);
    text.strip_suffix("\r\n").unwrap().replace("\r\n", " ")
}

#[test]
fn a_short_request_does_not_make_an_endless_reply() {
    let server = Server::new();
    server.context.store.set("large", vec![0; 33 << 20]).unwrap();
    let refusal = "-ERR the reply is over the limit of 134217728 bytes; ask for less at once";
    assert_eq!(server.wire("MGET large large large large"), refusal);
    assert!(matches!(server.run("MGET large large large"), Value::Array(_)));
    for subcommand in ["INFO", "DOCS"] {
        let names = "client ".repeat(1025);
        let refusal = "-ERR more than 1024 commands are asked for at once";
        assert_eq!(server.wire(&format!("COMMAND {subcommand} {names}")), refusal);
    }
}

#[test]
fn a_call_that_is_executed_twice_is_counted_once() {
    let server = Server::new();
    server.run("SET k v");
    let keys = " k missing".repeat(40);
    for name in ["MGET", "EXISTS"] {
        server.run("CONFIG RESETSTAT");
        let reply = server.request(&server.session, format!("{name}{keys}\r\n").as_bytes());
        assert!(reply.cold, "{name} of many keys is executed on a reader");
        let info = server.text("INFO stats");
        assert!(info.contains("keyspace_hits:40\r\nkeyspace_misses:40\r\n"), "{info}");
        let calls = server.text("INFO commandstats");
        let line = format!("cmdstat_{}:calls=1,", name.to_ascii_lowercase());
        assert!(calls.contains(&line), "{calls}");
    }
}

#[test]
fn unknown_commands_are_named_with_the_beginning_of_their_arguments() {
    let server = Server::new();
    server.check(&[
        ("foo a b", "-ERR unknown command 'foo', with args beginning with: 'a' 'b' "),
        ("FOO", "-ERR unknown command 'FOO', with args beginning with: "),
        (r#"foo "\r\n+OK""#, "-ERR unknown command 'foo', with args beginning with: '  +OK' "),
    ]);
    let long = "x".repeat(1000);
    let reply = server.wire(&format!("{long} {long} {long}"));
    let shown = "x".repeat(128);
    assert_eq!(
        reply,
        format!("-ERR unknown command '{shown}', with args beginning with: '{shown}' ")
    );
    assert!(matches!(server.run_bytes(&[b"\xff\0", b"\xff"]), Value::Error(_)));
}

#[test]
fn every_command_refuses_too_few_and_too_many_arguments() {
    let server = Server::new();
    for row in TABLE.rows() {
        let least = usize::from(row.arity.unsigned_abs());
        let text = format!("wrong number of arguments for '{}' command", row.name);
        let refusal = match row.name {
            "exec" => format!("-EXECABORT Transaction discarded because of: {text}"),
            _ => format!("-ERR {text}"),
        };
        if least > 1 {
            let request = [row.name, &" 1".repeat(least - 2)].concat();
            assert_eq!(server.wire(&request), refusal, "{request}");
        }
        if row.arity > 0 {
            let request = [row.name, &" 1".repeat(least)].concat();
            assert_eq!(server.wire(&request), refusal, "{request}");
        }
        for sub in row.subcommands {
            let name = format!("{} {}", row.name, sub.name);
            let refusal =
                format!("-ERR wrong number of arguments for '{}|{}' command", row.name, sub.name);
            let least = usize::from(sub.arity.unsigned_abs());
            if least > 2 {
                let request = [&name, " 1".repeat(least - 3).as_str()].concat();
                assert_eq!(server.wire(&request), refusal, "{request}");
            }
            if sub.arity > 0 {
                let request = [&name, " 1".repeat(least - 1).as_str()].concat();
                assert_eq!(server.wire(&request), refusal, "{request}");
            }
        }
    }
}

#[test]
fn any_arguments_are_answered() {
    // Whatever the words mean to a command, it must not panic, and a writer that did would stay
    // gone.
    let words: [&[u8]; 12] = [
        b"",
        b"0",
        b"-1",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"x",
        b"\xff\0\r\n",
        b"EX",
        b"MATCH",
        b"[",
        b"NX",
        b"100000",
    ];
    let server = Server::new();
    for row in TABLE.rows() {
        let subcommands = row.subcommands.iter().map(|sub| Some(sub.name));
        for sub in std::iter::once(None).chain(subcommands) {
            for first in words {
                for second in words {
                    for count in 0..5 {
                        let mut request = vec![row.name.as_bytes()];
                        request.extend(sub.map(str::as_bytes));
                        request.extend([first, second].into_iter().cycle().take(count));
                        server.run_bytes(&request);
                    }
                }
            }
        }
    }
    server.check(&[("FLUSHALL", "+OK"), ("SET k v", "+OK"), ("GET k", "$1 v")]);
}
