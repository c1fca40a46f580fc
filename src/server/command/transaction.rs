//! Transactions, which are not supported: `MULTI` is refused together with all commands behind it.
//!
//! Clients send `MULTI`, the commands of a transaction and `EXEC` in one go. A server that refused
//! the first and the last and executed those between would execute half a transaction. So after a
//! refused `MULTI` nothing of its connection is executed until `EXEC`, which is answered as that of
//! an aborted transaction, or `DISCARD`. As in Redis, a `MULTI` with arguments is no `MULTI`.

use super::call::{Call, Executed};
use super::reply_value::{done, ok, refuse};

/// The error of a command between a refused `MULTI` and the end of that transaction.
pub(super) const NOT_EXECUTED: &str =
    "ERR not executed: transactions are not supported, and the MULTI before this was refused";

/// `MULTI`
pub(super) fn multi(call: &Call<'_>) -> Executed {
    if call.session.begin_refused_transaction() {
        return refuse("ERR MULTI calls can not be nested");
    }
    refuse("ERR transactions are not supported: nothing more is executed until EXEC or DISCARD")
}

/// `EXEC`
pub(super) fn exec(call: &Call<'_>) -> Executed {
    refuse(match call.session.end_refused_transaction() {
        true => "EXECABORT Transaction discarded because of previous errors.",
        false => "ERR EXEC without MULTI",
    })
}

/// `DISCARD`
pub(super) fn discard(call: &Call<'_>) -> Executed {
    match call.session.end_refused_transaction() {
        true => done(ok()),
        false => refuse("ERR DISCARD without MULTI"),
    }
}

/// `WATCH key [key ...]`
pub(super) fn watch(call: &Call<'_>) -> Executed {
    refuse(match call.session.is_in_refused_transaction() {
        true => "ERR WATCH inside MULTI is not allowed",
        false => "ERR transactions are not supported: no key is watched",
    })
}

/// `UNWATCH`
pub(super) fn unwatch(_: &Call<'_>) -> Executed {
    done(ok())
}
