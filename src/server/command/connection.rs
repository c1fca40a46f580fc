//! The present connection: its greeting, its protocol, its end.

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX, shown};
use super::info::REDIS_VERSION;
use super::reply_value::{bulk, done, ok, refuse};
use super::word::is;
use super::{channel, client};
use crate::protocol::resp::{Value, Version};
use crate::server::execute::authentication::{USER, WrongPassword, authenticate};
use crate::server::execute::execution::Execution;
use crate::server::execute::reply_mode::ReplyMode;
use crate::server::execute::session::Session;
use crate::store::parse_integer;

/// `PING [message]`
pub(super) fn ping(call: &Call<'_>) -> Executed {
    if call.arguments.count() > 2 {
        return Err(CommandError::wrong_arity("ping").into());
    }
    let message = call.arguments.get(1).map(|message| Value::Bulk(message.to_vec()));
    if !call.is_queued {
        return done(pong(call.session, message));
    }
    // A transaction may subscribe before it pings.
    match call.context.clients.find(call.session.id) {
        Some(session) => channel::in_turn(call, move || pong(&session, message)),
        None => done(Value::Null),
    }
}

fn pong(session: &Session, message: Option<Value>) -> Value {
    if channel::is_limited(session) {
        return Value::Array(vec![bulk("pong"), message.unwrap_or_else(|| bulk(""))]);
    }
    message.unwrap_or_else(|| Value::Simple("PONG".into()))
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
    call.session.transaction.end();
    call.session.select_database(0);
    call.session.set_version(Version::Resp2);
    call.session.replies.set(ReplyMode::All);
    call.session.set_monitor(false);
    call.context.channels.unsubscribe_all(call.session);
    call.session.set_labels(|labels| labels.name.clear());
    call.session.set_authenticated(call.context.options.is_open());
    done(Value::Simple("RESET".into()))
}

/// `AUTH [user] password`
pub(super) fn auth(call: &Call<'_>) -> Executed {
    let (user, password) = match call.arguments.count() {
        2 if call.context.options.is_open() => {
            return refuse(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            );
        }
        2 => (USER, call.argument(1)),
        3 => (call.argument(1), call.argument(2)),
        _ => return refuse(SYNTAX),
    };
    match authenticate(user, password, &call.scope()) {
        Ok(()) => done(ok()),
        Err(refusal) => Ok(wrong(refusal)),
    }
}

fn wrong(refusal: WrongPassword) -> Execution<Value> {
    const TEXT: &str = "WRONGPASS invalid username-password pair or user is disabled.";
    Execution::Delay { reply: CommandError::new(TEXT).into_value(), closes: refusal.is_last }
}

/// The refusal of a greeting without a password.
const NOT_AUTHENTICATED: &str = "NOAUTH HELLO must be called with the client already \
    authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to \
    authenticate the client and select the RESP protocol version at the same time";

/// `HELLO [2 | 3 [AUTH user password] [SETNAME name]]`
///
/// Changes nothing unless every option is accepted.
pub(super) fn hello(call: &Call<'_>) -> Executed {
    let version = match call.arguments.get(1).map(parse_integer) {
        None => call.session.version(),
        Some(Some(2)) => Version::Resp2,
        Some(Some(3)) => Version::Resp3,
        Some(Some(_)) => return refuse("NOPROTO unsupported protocol version"),
        Some(None) => {
            return refuse("ERR Protocol version is not an integer or out of range");
        }
    };
    let (mut name, mut login) = (None, None);
    let mut options = call.rest(2);
    while let Some(option) = options.next() {
        if is(option, "AUTH") && options.len() >= 2 {
            login = options.next().zip(options.next());
        } else if is(option, "SETNAME") && options.len() >= 1 {
            name = Some(client::name(options.next().unwrap_or_default())?);
        } else {
            let option = shown(option);
            return refuse(format!("ERR Syntax error in HELLO option '{option}'"));
        }
    }
    if let Some((user, password)) = login
        && let Err(refusal) = authenticate(user, password, &call.scope())
    {
        return Ok(wrong(refusal));
    }
    if !call.session.is_authenticated() {
        return refuse(NOT_AUTHENTICATED);
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
