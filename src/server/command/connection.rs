//! The connection itself: greeting, leaving, choosing a protocol.

use super::arguments::is;
use super::entry::wrong_arity;
use super::refusal::{Refusal, SYNTAX};
use super::{Executed, REDIS_VERSION, bulk, client, done, ok};
use crate::protocol::resp::{Value, Version};
use crate::server::execute::execution::{Call, Execution};
use crate::store::parse_integer;

/// `PING [message]`
pub(super) fn ping(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        1 => done(Value::Simple("PONG".into())),
        2 => echo(call),
        _ => Err(wrong_arity("ping")),
    }
}

/// `ECHO message`
pub(super) fn echo(call: &Call<'_>) -> Executed {
    done(Value::Bulk(call.argument(1).to_vec()))
}

/// `QUIT`
pub(super) fn quit(_: &Call<'_>) -> Executed {
    Ok(Execution::Close(ok()))
}

/// `RESET`
pub(super) fn reset(call: &Call<'_>) -> Executed {
    call.session.end_refused_transaction();
    call.session.set_version(Version::Resp2);
    call.session.set_labels(|labels| labels.name.clear());
    done(Value::Simple("RESET".into()))
}

/// `SELECT index`
pub(super) fn select(call: &Call<'_>) -> Executed {
    match call.integer(1)? {
        0 => done(ok()),
        _ => Err(Refusal::new("ERR DB index is out of range")),
    }
}

/// `AUTH [user] password`
///
/// There are no passwords, which to Redis is a default user that any password lets in.
pub(super) fn auth(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        2 => Err(Refusal::new(
            "ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        )),
        3 => check_user(call.argument(1)).and_then(|()| done(ok())),
        _ => Err(Refusal::new(SYNTAX)),
    }
}

fn check_user(name: &[u8]) -> Result<(), Refusal> {
    match name {
        b"default" => Ok(()),
        _ => Err(Refusal::new("WRONGPASS invalid username-password pair or user is disabled.")),
    }
}

/// `HELLO [2 | 3 [AUTH user password] [SETNAME name]]`
///
/// Nothing is changed unless all of it is accepted.
pub(super) fn hello(call: &Call<'_>) -> Executed {
    let version = match call.arguments.get(1).map(parse_integer) {
        None => call.session.version(),
        Some(Some(2)) => Version::Resp2,
        Some(Some(3)) => Version::Resp3,
        Some(Some(_)) => return Err(Refusal::new("NOPROTO unsupported protocol version")),
        Some(None) => {
            let text = "ERR Protocol version is not an integer or out of range";
            return Err(Refusal::new(text));
        }
    };
    let mut name = None;
    let mut options = call.rest(2);
    while let Some(option) = options.next() {
        if is(option, "AUTH") && options.len() >= 2 {
            check_user(options.next().unwrap_or_default())?;
            options.next();
        } else if is(option, "SETNAME") && options.len() >= 1 {
            name = Some(client::name(options.next().unwrap_or_default())?);
        } else {
            let option = String::from_utf8_lossy(option);
            let text = format!("ERR Syntax error in HELLO option '{option}'");
            return Err(Refusal::new(text));
        }
    }
    call.session.set_version(version);
    if let Some(name) = name {
        call.session.set_labels(|labels| labels.name = name);
    }
    done(greeting(call, version))
}

fn greeting(call: &Call<'_>, version: Version) -> Value {
    let protocol = match version {
        Version::Resp2 => 2,
        Version::Resp3 => 3,
    };
    let id = i64::try_from(call.session.id).unwrap_or(i64::MAX);
    let pairs = [
        ("server", bulk("redis")),
        ("version", bulk(REDIS_VERSION)),
        ("proto", Value::Integer(protocol)),
        ("id", Value::Integer(id)),
        ("mode", bulk("standalone")),
        ("role", bulk("master")),
        ("modules", Value::Array(vec![])),
    ];
    Value::Map(pairs.map(|(key, value)| (bulk(key), value)).into())
}
