//! When keys expire.

use super::arguments::{TimeUnit, is};
use super::refusal::Refusal;
use super::{Executed, done};
use crate::protocol::resp::Value;
use crate::server::execute::execution::{Call, Execution};
use crate::store::batch::{Answer, Change};

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

/// What must hold of the expiry a key has for it to be changed.
#[derive(Debug, Clone, Copy, Default)]
struct Conditions {
    /// There is none.
    none: bool,
    /// There is one.
    some: bool,
    /// The new one is later; none is later than any.
    later: bool,
    /// The new one is sooner.
    sooner: bool,
}

impl Conditions {
    fn parse(call: &Call<'_>) -> Result<Self, Refusal> {
        let mut conditions = Self::default();
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
                let option = String::from_utf8_lossy(option);
                return Err(Refusal::new(format!("ERR Unsupported option {option}")));
            };
            *condition = true;
        }
        let Self { none, some, later, sooner } = conditions;
        if none && (some || later || sooner) {
            let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
            return Err(Refusal::new(text));
        }
        if later && sooner {
            let text = "ERR GT and LT options at the same time are not compatible";
            return Err(Refusal::new(text));
        }
        Ok(conditions)
    }

    fn hold(self, old: Option<u64>, new: i64) -> bool {
        let old = old.map(|time| i64::try_from(time).unwrap_or(i64::MAX));
        !(self.none && old.is_some()
            || self.some && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.sooner && old.is_some_and(|old| new >= old))
    }
}

/// Changes when a key expires; a time that has passed removes the key.
fn change(call: &Call<'_>, unit: TimeUnit) -> Executed {
    let conditions = Conditions::parse(call)?;
    // One reading for both: a clock that is set back between two would make a time that has passed
    // one that is to come.
    let now = call.now();
    let deadline = call.deadline(2, unit, now)?;
    call.update(call.argument(1), move |entry| {
        let Some(entry) = entry.filter(|entry| conditions.hold(entry.expires_at, deadline)) else {
            return (Change::Keep, Answer::Integer(0));
        };
        let change = match u64::try_from(deadline) {
            Ok(time) if deadline > now => {
                Change::Put { value: entry.value.clone(), expires_at: Some(time) }
            }
            _ => Change::Remove,
        };
        (change, Answer::Integer(1))
    })
}

/// `PERSIST key`
pub(super) fn persist(call: &Call<'_>) -> Executed {
    call.update(call.argument(1), |entry| {
        let Some(entry) = entry.filter(|entry| entry.expires_at.is_some()) else {
            return (Change::Keep, Answer::Integer(0));
        };
        let change = Change::Put { value: entry.value.clone(), expires_at: None };
        (change, Answer::Integer(1))
    })
}

/// `TTL key`
pub(super) fn ttl(call: &Call<'_>) -> Executed {
    let now = call.now();
    show(call, |time| to_seconds((time - now).max(0)))
}

/// `PTTL key`
pub(super) fn pttl(call: &Call<'_>) -> Executed {
    let now = call.now();
    show(call, |time| (time - now).max(0))
}

/// `EXPIRETIME key`
pub(super) fn expiretime(call: &Call<'_>) -> Executed {
    show(call, to_seconds)
}

/// `PEXPIRETIME key`
pub(super) fn pexpiretime(call: &Call<'_>) -> Executed {
    show(call, |time| time)
}

/// To the nearest second, as Redis does.
fn to_seconds(milliseconds: i64) -> i64 {
    milliseconds / 1000 + i64::from(milliseconds % 1000 >= 500)
}

/// The expiry of a key; -1 where it has none, -2 where there is no key.
fn show(call: &Call<'_>, reply: impl FnOnce(i64) -> i64) -> Executed {
    if call.is_long_peek(1) {
        return Ok(Execution::WouldBlock);
    }
    let shown = match call.peek(call.argument(1))? {
        None => -2,
        Some(stamp) => {
            stamp.expires_at.map_or(-1, |time| reply(i64::try_from(time).unwrap_or(i64::MAX)))
        }
    };
    done(Value::Integer(shown))
}
