//! `SLOWLOG`: the latest calls that took long.

use super::call::{Call, Executed};
use super::command_error::CommandError;
use super::reply_value::{bulk, done, length, ok};
use crate::protocol::resp::Value;
use crate::server::measure::slow_log::SlowCall;
use crate::store::parse_integer;

/// The number of entries that are shown to those who do not say.
const SHOWN: usize = 10;

/// `SLOWLOG GET [count]`
pub(super) fn get(call: &Call<'_>) -> Executed {
    let count = match call.arguments.count() {
        2 => SHOWN,
        3 => count(call.argument(2))?,
        _ => return Err(CommandError::wrong_form(&call.arguments).into()),
    };
    let newest = call.context.slow_log.newest(count);
    done(Value::Array(newest.iter().map(|(number, call)| entry(*number, call)).collect()))
}

fn count(argument: &[u8]) -> Result<usize, CommandError> {
    match parse_integer(argument) {
        Some(-1) => Ok(usize::MAX),
        Some(count @ 0..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(CommandError::new("ERR count should be greater than or equal to -1")),
    }
}

fn entry(number: u64, call: &SlowCall) -> Value {
    let integer = |value: u64| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    Value::Array(vec![
        integer(number),
        integer(call.at_seconds),
        integer(call.microseconds),
        Value::Array(call.arguments.iter().cloned().map(Value::Bulk).collect()),
        bulk(&*call.address),
        bulk(&*call.name),
    ])
}

/// `SLOWLOG LEN`
pub(super) fn len(call: &Call<'_>) -> Executed {
    done(length(call.context.slow_log.length()))
}

/// `SLOWLOG RESET`
pub(super) fn reset(call: &Call<'_>) -> Executed {
    call.context.slow_log.clear();
    done(ok())
}
