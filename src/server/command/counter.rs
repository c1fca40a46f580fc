//! Values that are numbers.

use super::Executed;
use super::arguments::integer;
use super::refusal::{NOT_AN_INTEGER, Refusal};
use crate::server::execute::execution::Call;
use crate::store::batch::{Answer, Change};

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
    add(call, amount.ok_or(Refusal::new("ERR decrement would overflow"))?)
}

/// Adds to the number a key holds, zero where it is absent, and keeps its expiry.
fn add(call: &Call<'_>, amount: i64) -> Executed {
    call.update(call.argument(1), move |entry| {
        let refused = |text: &'static str| (Change::Keep, Answer::Refused(text.into()));
        let Some(old) = entry.map_or(Some(0), |entry| integer(&entry.value)) else {
            return refused(NOT_AN_INTEGER);
        };
        let Some(new) = old.checked_add(amount) else {
            return refused("ERR increment or decrement would overflow");
        };
        let change = Change::Put {
            value: new.to_string().into_bytes(),
            expires_at: entry.and_then(|entry| entry.expires_at),
        };
        (change, Answer::Integer(new))
    })
}
