//! Transactions, which there are none of: `MULTI` is refused, and with it all that belongs to it.
//!
//! Clients send `MULTI`, the commands of a transaction and `EXEC` in one go. A server that refused
//! the first and the last and carried out what lies between would execute half a transaction. So
//! after a refused `MULTI` nothing of its connection is executed until `EXEC`, which is answered as
//! that of an aborted transaction, or `DISCARD`. As in Redis, a `MULTI` with arguments is no `MULTI`.

use super::refusal::Refusal;
use super::{Executed, done, ok};
use crate::server::execute::execution::Call;

/// The refusal of a command between a refused `MULTI` and the end of that transaction.
pub(super) const NOT_EXECUTED: &str =
    "ERR not executed: transactions are not supported, and the MULTI before this was refused";

/// `MULTI`
pub(super) fn multi(call: &Call<'_>) -> Executed {
    if call.session.begin_refused_transaction() {
        return Err(Refusal::new("ERR MULTI calls can not be nested"));
    }
    let text = "ERR transactions are not supported: nothing more is executed until EXEC or DISCARD";
    Err(Refusal::new(text))
}

/// `EXEC`
pub(super) fn exec(call: &Call<'_>) -> Executed {
    Err(Refusal::new(match call.session.end_refused_transaction() {
        true => "EXECABORT Transaction discarded because of previous errors.",
        false => "ERR EXEC without MULTI",
    }))
}

/// `DISCARD`
pub(super) fn discard(call: &Call<'_>) -> Executed {
    match call.session.end_refused_transaction() {
        true => done(ok()),
        false => Err(Refusal::new("ERR DISCARD without MULTI")),
    }
}

/// `WATCH key [key ...]`
pub(super) fn watch(call: &Call<'_>) -> Executed {
    Err(Refusal::new(match call.session.is_in_refused_transaction() {
        true => "ERR WATCH inside MULTI is not allowed",
        false => "ERR transactions are not supported: no key is watched",
    }))
}

/// `UNWATCH`
pub(super) fn unwatch(_: &Call<'_>) -> Executed {
    done(ok())
}
