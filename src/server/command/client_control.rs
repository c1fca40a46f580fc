//! `CLIENT` about what clients get and when: replies, pauses, notices of changes.

use std::time::Duration;

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX};
use super::reply_value::{bulk, done, ok, refuse};
use super::word::is;
use crate::protocol::resp::Value;
use crate::server::execute::client_pause::PausedRequests;
use crate::server::execute::reply_mode::ReplyMode;
use crate::store::parse_integer;

/// `CLIENT REPLY ON | OFF | SKIP`
pub(super) fn reply(call: &Call<'_>) -> Executed {
    let mode = call.argument(2);
    let mode = if is(mode, "ON") {
        ReplyMode::All
    } else if is(mode, "OFF") {
        ReplyMode::None
    } else if is(mode, "SKIP") {
        ReplyMode::AllButNext
    } else {
        return refuse(SYNTAX);
    };
    call.session.replies.set(mode);
    done(ok())
}

/// The milliseconds of a timeout from which on it is refused.
const TIMEOUT_MAX: i64 = i64::MAX / 2;

/// Returns the time of a timeout in milliseconds.
pub(super) fn timeout(argument: &[u8]) -> Result<Duration, CommandError> {
    let text = match parse_integer(argument) {
        None => "ERR timeout is not an integer or out of range",
        Some(..0) => "ERR timeout is negative",
        // The end of it would be later than a number of milliseconds can tell.
        Some(TIMEOUT_MAX..) => "ERR timeout is out of range",
        Some(time) => return Ok(Duration::from_millis(time.unsigned_abs())),
    };
    Err(CommandError::new(text))
}

/// `CLIENT PAUSE timeout [WRITE | ALL]`
pub(super) fn pause(call: &Call<'_>) -> Executed {
    let requests = match call.arguments.count() {
        3 => PausedRequests::Everything,
        4 if is(call.argument(3), "WRITE") => PausedRequests::Writes,
        4 if is(call.argument(3), "ALL") => PausedRequests::Everything,
        4 => return refuse("ERR CLIENT PAUSE mode must be WRITE or ALL"),
        _ => return Err(CommandError::wrong_form(&call.arguments).into()),
    };
    let time = timeout(call.argument(2))?;
    call.context.pause.begin(requests, time);
    // Those that an earlier pause stops may go on now.
    call.session.wake_workers();
    done(ok())
}

/// `CLIENT UNPAUSE`
pub(super) fn unpause(call: &Call<'_>) -> Executed {
    call.context.pause.lift();
    call.session.wake_workers();
    done(ok())
}

/// `CLIENT UNBLOCK id [TIMEOUT | ERROR]`: no client is ever blocked.
pub(super) fn unblock(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        3 => {}
        4 if is(call.argument(3), "TIMEOUT") || is(call.argument(3), "ERROR") => {}
        4 => return refuse("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
        _ => return Err(CommandError::wrong_form(&call.arguments).into()),
    }
    call.integer(2)?;
    done(Value::Integer(0))
}

/// `CLIENT GETREDIR`: no client has notices sent to another one.
pub(super) fn getredir(_: &Call<'_>) -> Executed {
    done(Value::Integer(-1))
}

/// `CLIENT TRACKINGINFO`: no client has its keys tracked.
pub(super) fn trackinginfo(_: &Call<'_>) -> Executed {
    done(Value::Map(vec![
        (bulk("flags"), Value::Set(vec![bulk("off")])),
        (bulk("redirect"), Value::Integer(-1)),
        (bulk("prefixes"), Value::Array(vec![])),
    ]))
}

/// `CLIENT TRACKING ON | OFF [option ...]`
pub(super) fn tracking(call: &Call<'_>) -> Executed {
    if is(call.argument(2), "OFF") && call.arguments.count() == 3 {
        return done(ok());
    }
    match is(call.argument(2), "ON") {
        true => refuse("ERR this server tracks no keys of clients: CLIENT TRACKING is not there"),
        false => refuse(SYNTAX),
    }
}

/// `CLIENT CACHING YES | NO`
pub(super) fn caching(_: &Call<'_>) -> Executed {
    refuse(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
         OPTOUT mode enabled",
    )
}
