//! Setting and getting values.

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX};
use super::lifetime::{Lifetime, TimeUnit};
use super::reply_value::{length, ok};
use super::word::is;
use super::write::{put, single};
use crate::protocol::resp::{Arguments, Value};
use crate::store::{NewExpiry, Update, WriteOperation, WriteOperations};
use crate::{Entry, Error, Precondition};

/// `GET key`
pub(super) fn get(call: &Call<'_>) -> Executed {
    call.read(call.argument(1), bulk_or_null)
}

/// `STRLEN key`
pub(super) fn strlen(call: &Call<'_>) -> Executed {
    call.read(call.argument(1), |entry| length(entry.map_or(0, |entry| entry.value.len())))
}

/// `MGET key [key ...]`
pub(super) fn mget(call: &Call<'_>) -> Executed {
    call.read_many(call.rest(1), |entries| {
        Value::Array(entries.into_iter().map(bulk_or_null).collect())
    })
}

fn bulk_or_null(entry: Option<Entry>) -> Value {
    entry.map_or(Value::Null, |entry| Value::Bulk(entry.value))
}

/// The options of `SET`.
struct SetOptions {
    lifetime: Lifetime,
    condition: Option<Precondition>,
    /// True if the reply is the value before.
    get: bool,
}

impl SetOptions {
    fn parse(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut options = Self { lifetime: Lifetime::Unsaid, condition: None, get: false };
        let mut position = 3;
        while let Some(option) = call.arguments.get(position) {
            if is(option, "GET") {
                options.get = true;
            } else if is(option, "NX") && options.condition != Some(Precondition::Present) {
                options.condition = Some(Precondition::Absent);
            } else if is(option, "XX") && options.condition != Some(Precondition::Absent) {
                options.condition = Some(Precondition::Present);
            } else {
                let lifetime = Lifetime::of_option(call, position)
                    .filter(|lifetime| *lifetime != Lifetime::Forever)
                    .ok_or(CommandError::new(SYNTAX))?;
                options.lifetime = options.lifetime.combine(lifetime)?;
                position += lifetime.arguments() - 1;
            }
            position += 1;
        }
        Ok(options)
    }
}

/// Returns true if a `SET` replies with the value before.
pub(super) fn replies_with_value(arguments: &Arguments<'_>) -> bool {
    arguments.iter().skip(3).any(|option| is(option, "GET"))
}

/// `SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`
pub(super) fn set(call: &Call<'_>) -> Executed {
    let SetOptions { lifetime, condition, get } = SetOptions::parse(call)?;
    let expires_at = lifetime.end(call)?;
    let (key, value) = (call.argument(1), call.argument(2));
    let is_kept = lifetime == Lifetime::Kept;
    if get {
        let expiry = if is_kept { NewExpiry::Kept } else { NewExpiry::At(expires_at) };
        return call.update(key, Update::Swap { value: value.to_vec(), expiry, condition });
    }
    let operation = if is_kept {
        let update = Update::SetKeepingExpiry(value.to_vec());
        WriteOperation::Update { key: key.to_vec(), update }
    } else {
        put(key, value, expires_at)
    };
    match condition {
        None => call.write([operation], single),
        Some(condition) => write_if(call, condition, [operation], ok(), Value::Null),
    }
}

/// Writes keys if the condition holds of each of them.
fn write_if(
    call: &Call<'_>,
    condition: Precondition,
    writes: impl AsRef<[WriteOperation]> + IntoIterator<Item = WriteOperation>,
    done: Value,
    refused: Value,
) -> Executed {
    let mut operations: WriteOperations = writes
        .as_ref()
        .iter()
        .map(|write| WriteOperation::Require {
            key: write.key().to_vec(),
            condition: condition.clone(),
        })
        .collect();
    operations.extend(writes);
    call.write_outcome(operations, |outcome| match outcome {
        Ok(_) => done,
        Err(Error::ConditionFailed { .. }) => refused,
        Err(error) => CommandError::from(error).into_value(),
    })
}

/// `SETNX key value`
pub(super) fn setnx(call: &Call<'_>) -> Executed {
    let puts = [put(call.argument(1), call.argument(2), None)];
    write_if(call, Precondition::Absent, puts, Value::Integer(1), Value::Integer(0))
}

/// `SETEX key seconds value`
pub(super) fn setex(call: &Call<'_>) -> Executed {
    put_until(call, TimeUnit::SECONDS)
}

/// `PSETEX key milliseconds value`
pub(super) fn psetex(call: &Call<'_>) -> Executed {
    put_until(call, TimeUnit::MILLISECONDS)
}

fn put_until(call: &Call<'_>, unit: TimeUnit) -> Executed {
    let expires_at = call.expiry(2, unit)?;
    let operation = put(call.argument(1), call.argument(3), Some(expires_at));
    call.write([operation], single)
}

/// `MSET key value [key value ...]`
pub(super) fn mset(call: &Call<'_>) -> Executed {
    call.write(pairs(call, "mset")?, |_| ok())
}

/// `MSETNX key value [key value ...]`
pub(super) fn msetnx(call: &Call<'_>) -> Executed {
    let puts = pairs(call, "msetnx")?;
    write_if(call, Precondition::Absent, puts, Value::Integer(1), Value::Integer(0))
}

/// Returns operations that set the keys of a call to the values behind them.
fn pairs(call: &Call<'_>, name: &str) -> Result<Vec<WriteOperation>, CommandError> {
    if call.arguments.count().is_multiple_of(2) {
        return Err(CommandError::wrong_arity(name));
    }
    let keys = call.rest(1).step_by(2);
    let values = call.rest(2).step_by(2);
    Ok(keys.zip(values).map(|(key, value)| put(key, value, None)).collect())
}

/// `GETSET key value`
pub(super) fn getset(call: &Call<'_>) -> Executed {
    let value = call.argument(2).to_vec();
    let expiry = NewExpiry::At(None);
    call.update(call.argument(1), Update::Swap { value, expiry, condition: None })
}

/// `GETDEL key`
pub(super) fn getdel(call: &Call<'_>) -> Executed {
    call.update(call.argument(1), Update::Take)
}

/// `GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]`
pub(super) fn getex(call: &Call<'_>) -> Executed {
    let mut lifetime = Lifetime::Unsaid;
    let mut position = 2;
    while position < call.arguments.count() {
        let stated = Lifetime::of_option(call, position)
            .filter(|lifetime| *lifetime != Lifetime::Kept)
            .ok_or(CommandError::new(SYNTAX))?;
        lifetime = lifetime.combine(stated)?;
        position += stated.arguments();
    }
    if lifetime == Lifetime::Unsaid {
        return get(call);
    }
    let expires_at = match lifetime.end(call) {
        Ok(expires_at) => expires_at,
        // As in Redis the time is looked at if the key is there.
        Err(error) => {
            return call.read_expiry(call.argument(1), move |found| match found {
                None => Value::Null,
                Some(_) => error.into_value(),
            });
        }
    };
    call.update(call.argument(1), Update::GetAndExpire { expires_at })
}

/// `APPEND key value`
pub(super) fn append(call: &Call<'_>) -> Executed {
    call.update(call.argument(1), Update::Append(call.argument(2).to_vec()))
}
