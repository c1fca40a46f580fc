//! Replication, which this server has none of: it is a master without replicas.

use super::call::{Call, Executed};
use super::client_control;
use super::command_error::SYNTAX;
use super::reply_value::{bulk, done, ok, refuse};
use super::word::is;
use crate::protocol::resp::Value;

/// `ROLE`
pub(super) fn role(_: &Call<'_>) -> Executed {
    done(Value::Array(vec![bulk("master"), Value::Integer(0), Value::Array(vec![])]))
}

/// `WAIT replicas timeout`: there is none, and none can come before the timeout, so nobody waits.
pub(super) fn wait(call: &Call<'_>) -> Executed {
    call.integer(1)?;
    client_control::timeout(call.argument(2))?;
    done(Value::Integer(0))
}

/// `REPLICAOF NO ONE`, which it is; as the replica of another server it is refused.
pub(super) fn replicaof(call: &Call<'_>) -> Executed {
    if is(call.argument(1), "NO") && is(call.argument(2), "ONE") {
        return done(ok());
    }
    match call.integer(2) {
        Ok(0..=65535) => refuse("ERR this server cannot be a replica of another one"),
        _ => refuse("ERR Invalid master port"),
    }
}

/// `FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]`
pub(super) fn failover(call: &Call<'_>) -> Executed {
    let (mut aborts, mut others) = (false, false);
    let mut rest = call.rest(1);
    while let Some(option) = rest.next() {
        if is(option, "ABORT") {
            aborts = true;
        } else if is(option, "TIMEOUT") && rest.len() > 0 {
            let time = rest.next().unwrap_or_default();
            match client_control::timeout(time) {
                Ok(time) if !time.is_zero() => others = true,
                Ok(_) => return refuse("ERR FAILOVER timeout must be greater than 0"),
                Err(error) => return Err(error.into()),
            }
        } else if is(option, "TO") && rest.len() > 1 {
            rest.nth(1);
            others = true;
        } else if is(option, "FORCE") {
            others = true;
        } else {
            return refuse(SYNTAX);
        }
    }
    match (aborts, others) {
        (true, true) => refuse(SYNTAX),
        (true, false) => refuse("ERR No failover in progress."),
        (false, _) => refuse("ERR FAILOVER requires connected replicas."),
    }
}
