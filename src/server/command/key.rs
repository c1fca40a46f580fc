//! Keys, whatever values they hold.

use super::call::{Call, Executed};
use super::reply_value::{done, length};
use crate::protocol::resp::Value;
use crate::store::{WriteAnswer, WriteOperation};

/// `DEL key [key ...]`, and `UNLINK`, which here costs a client no less.
pub(super) fn del(call: &Call<'_>) -> Executed {
    let removals = call.rest(1).map(|key| WriteOperation::Remove { key: key.to_vec() });
    call.write(removals, |answers| {
        let removed = answers.iter().filter(|answer| **answer == WriteAnswer::Flag(true));
        length(removed.count())
    })
}

/// `EXISTS key [key ...]`, and `TOUCH`, as there are no access times to change.
pub(super) fn exists(call: &Call<'_>) -> Executed {
    call.check_keys(call.rest(1).len())?;
    let snapshot = call.context.store.read_snapshot()?;
    let mut found = 0;
    for key in call.rest(1) {
        let is_there = snapshot.metadata(key, call.access)?.is_some();
        call.count_lookup(is_there);
        found += i64::from(is_there);
    }
    done(Value::Integer(found))
}

/// `TYPE key`
pub(super) fn kind(call: &Call<'_>) -> Executed {
    let kind = match call.expiry_of(call.argument(1))? {
        Some(_) => "string",
        None => "none",
    };
    done(Value::Simple(kind.into()))
}
