//! Values that are numbers.

use super::call::{Call, Executed};
use super::command_error::{CommandError, NOT_A_FLOAT};
use crate::store::{ExtendedFloat, Update};

/// `INCR key`
pub(super) fn incr(call: &Call<'_>) -> Executed {
    add(call, 1)
}

/// `DECR key`
pub(super) fn decr(call: &Call<'_>) -> Executed {
    add(call, -1)
}

/// `INCRBY key amount`
pub(super) fn incrby(call: &Call<'_>) -> Executed {
    add(call, call.integer(2)?)
}

/// `DECRBY key amount`
pub(super) fn decrby(call: &Call<'_>) -> Executed {
    let amount = call.integer(2)?.checked_neg();
    add(call, amount.ok_or(CommandError::new("ERR decrement would overflow"))?)
}

/// `INCRBYFLOAT key amount`
pub(super) fn incrbyfloat(call: &Call<'_>) -> Executed {
    let amount = ExtendedFloat::parse(call.argument(2)).ok_or(CommandError::new(NOT_A_FLOAT))?;
    call.update(call.argument(1), Update::AddFloat(amount))
}

/// Adds to the number that a key holds, zero if it is absent, and keeps its expiry.
fn add(call: &Call<'_>, amount: i64) -> Executed {
    call.update(call.argument(1), Update::Add(amount))
}
