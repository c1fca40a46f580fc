//! The expiry of keys.

use super::call::{Call, Executed};
use super::command_error::{CommandError, shown};
use super::lifetime::TimeUnit;
use super::word::is;
use crate::protocol::resp::Value;
use crate::store::{ExpiryConditions, UnixMillis, Update};

/// `EXPIRE key seconds [NX | XX | GT | LT]`
pub(super) fn expire(call: &Call<'_>) -> Executed {
    change(call, TimeUnit::SECONDS)
}

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`
pub(super) fn pexpire(call: &Call<'_>) -> Executed {
    change(call, TimeUnit::MILLISECONDS)
}

/// `EXPIREAT key unix-seconds [NX | XX | GT | LT]`
pub(super) fn expireat(call: &Call<'_>) -> Executed {
    change(call, TimeUnit::UNIX_SECONDS)
}

/// `PEXPIREAT key unix-milliseconds [NX | XX | GT | LT]`
pub(super) fn pexpireat(call: &Call<'_>) -> Executed {
    change(call, TimeUnit::UNIX_MILLISECONDS)
}

/// Returns the conditions on the present expiry of a key under which it is changed.
fn conditions(call: &Call<'_>) -> Result<ExpiryConditions, CommandError> {
    let mut conditions = ExpiryConditions::default();
    for option in call.rest(3) {
        let condition = if is(option, "NX") {
            &mut conditions.none
        } else if is(option, "XX") {
            &mut conditions.some
        } else if is(option, "GT") {
            &mut conditions.later
        } else if is(option, "LT") {
            &mut conditions.sooner
        } else {
            let option = shown(option);
            return Err(CommandError::new(format!("ERR Unsupported option {option}")));
        };
        *condition = true;
    }
    let ExpiryConditions { none, some, later, sooner } = conditions;
    if none && (some || later || sooner) {
        let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
        return Err(CommandError::new(text));
    }
    if later && sooner {
        let text = "ERR GT and LT options at the same time are not compatible";
        return Err(CommandError::new(text));
    }
    Ok(conditions)
}

/// Changes the expiry of a key; a time that has passed removes the key.
fn change(call: &Call<'_>, unit: TimeUnit) -> Executed {
    let conditions = conditions(call)?;
    let now = call.now();
    // A time before the epoch has passed as the epoch has.
    let since_epoch = |time: i64| UnixMillis(u64::try_from(time).unwrap_or(0));
    let at = since_epoch(call.deadline(2, unit, now)?);
    let update = Update::Expire { at, now: since_epoch(now), conditions };
    call.update(call.argument(1), update)
}

/// `PERSIST key`
pub(super) fn persist(call: &Call<'_>) -> Executed {
    call.update(call.argument(1), Update::Persist)
}

/// `TTL key`
pub(super) fn ttl(call: &Call<'_>) -> Executed {
    let now = call.now();
    show(call, move |time| to_seconds((time - now).max(0)))
}

/// `PTTL key`
pub(super) fn pttl(call: &Call<'_>) -> Executed {
    let now = call.now();
    show(call, move |time| (time - now).max(0))
}

/// `EXPIRETIME key`
pub(super) fn expiretime(call: &Call<'_>) -> Executed {
    show(call, to_seconds)
}

/// `PEXPIRETIME key`
pub(super) fn pexpiretime(call: &Call<'_>) -> Executed {
    show(call, |time| time)
}

/// Rounds to the nearest second, as Redis does.
fn to_seconds(milliseconds: i64) -> i64 {
    milliseconds / 1000 + i64::from(milliseconds % 1000 >= 500)
}

/// Replies with the expiry of a key; -1 if it has none, -2 if there is no key.
fn show(call: &Call<'_>, reply: impl FnOnce(i64) -> i64 + Send + 'static) -> Executed {
    call.read_expiry(call.argument(1), |found| {
        Value::Integer(match found {
            None => -2,
            Some(None) => -1,
            Some(Some(time)) => reply(i64::try_from(time.0).unwrap_or(i64::MAX)),
        })
    })
}
