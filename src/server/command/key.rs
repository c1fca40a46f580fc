//! Keys, whatever they hold.

use super::{Executed, done};
use crate::protocol::resp::Value;
use crate::server::execute::execution::{Call, Execution};
use crate::store::{WriteAnswer, WriteOperation, WriteOperations};

/// `DEL key [key ...]`, and `UNLINK`, which here costs a client no less.
pub(super) fn del(call: &Call<'_>) -> Executed {
    let removals = call.rest(1).map(|key| WriteOperation::Remove { key: key.to_vec() });
    call.write(removals.collect::<WriteOperations>(), |answers| {
        let removed = answers.iter().filter(|answer| **answer == WriteAnswer::Flag(true));
        super::length(removed.count())
    })
}

/// `EXISTS key [key ...]`, and `TOUCH`, as there are no access times to change.
pub(super) fn exists(call: &Call<'_>) -> Executed {
    if call.is_long_peek(call.rest(1).len()) {
        return Ok(Execution::WouldBlock);
    }
    let view = call.context.store.view()?;
    let mut found = 0;
    for key in call.rest(1) {
        let is_there = view.peek(key)?.is_some();
        call.count_lookup(is_there);
        found += i64::from(is_there);
    }
    done(Value::Integer(found))
}

/// `TYPE key`
pub(super) fn kind(call: &Call<'_>) -> Executed {
    if call.is_long_peek(1) {
        return Ok(Execution::WouldBlock);
    }
    let kind = match call.peek(call.argument(1))? {
        Some(_) => "string",
        None => "none",
    };
    done(Value::Simple(kind.into()))
}
