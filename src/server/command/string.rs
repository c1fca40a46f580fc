//! Setting and getting values.

use super::arguments::{Lifetime, TimeUnit, is};
use super::entry::wrong_arity;
use super::refusal::{Refusal, SYNTAX};
use super::write::{self, put, single};
use super::{Executed, done, length, ok};
use crate::Error;
use crate::engine::{Entry, Lookup};
use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::execution::{Call, Execution};
use crate::store::batch::{Answer, Change, Condition, Operation, Operations};

/// `GET key`
pub(super) fn get(call: &Call<'_>) -> Executed {
    call.read(call.argument(1), bulk_or_null)
}

/// `STRLEN key`
pub(super) fn strlen(call: &Call<'_>) -> Executed {
    call.read(call.argument(1), |entry| length(entry.map_or(0, |entry| entry.value.len())))
}

/// The most bytes of values in one reply: a key may be asked for many times.
const REPLY_BYTES_MAX: usize = 128 << 20;

/// `MGET key [key ...]`
pub(super) fn mget(call: &Call<'_>) -> Executed {
    if call.is_long(call.rest(1).len()) {
        return Ok(Execution::WouldBlock);
    }
    let view = call.context.store.view()?;
    let mut values = Vec::with_capacity(call.arguments.count() - 1);
    let mut bytes = 0;
    for key in call.rest(1) {
        values.push(match view.lookup(key, call.access)? {
            Lookup::Cold => return Ok(Execution::WouldBlock),
            Lookup::Found(entry) => {
                bytes += entry.value.len();
                Value::Bulk(entry.value)
            }
            Lookup::Absent => Value::Null,
        });
        if bytes > REPLY_BYTES_MAX {
            return Err(Refusal::new(format!(
                "ERR the reply is over the limit of {REPLY_BYTES_MAX} bytes; ask for less at once"
            )));
        }
    }
    // Only now, because a cold command starts again.
    for value in &values {
        call.count_lookup(*value != Value::Null);
    }
    done(Value::Array(values))
}

fn bulk_or_null(entry: Option<Entry>) -> Value {
    entry.map_or(Value::Null, |entry| Value::Bulk(entry.value))
}

/// The options of `SET`.
struct SetOptions {
    lifetime: Lifetime,
    condition: Option<Condition>,
    /// Reply with the value before.
    get: bool,
}

impl SetOptions {
    fn parse(call: &Call<'_>) -> Result<Self, Refusal> {
        let mut options = Self { lifetime: Lifetime::Unsaid, condition: None, get: false };
        let mut position = 3;
        while let Some(option) = call.arguments.get(position) {
            if is(option, "GET") {
                options.get = true;
            } else if is(option, "NX") && options.condition != Some(Condition::Present) {
                options.condition = Some(Condition::Absent);
            } else if is(option, "XX") && options.condition != Some(Condition::Absent) {
                options.condition = Some(Condition::Present);
            } else {
                let lifetime = Lifetime::of_option(call, position)
                    .filter(|lifetime| *lifetime != Lifetime::Forever)
                    .ok_or(Refusal::new(SYNTAX))?;
                options.lifetime = options.lifetime.combine(lifetime)?;
                position += lifetime.arguments() - 1;
            }
            position += 1;
        }
        Ok(options)
    }
}

/// Whether a `SET` replies with the value before.
pub(super) fn replies_with_value(arguments: &Arguments<'_>) -> bool {
    arguments.iter().skip(3).any(|option| is(option, "GET"))
}

/// `SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`
pub(super) fn set(call: &Call<'_>) -> Executed {
    let SetOptions { lifetime, condition, get } = SetOptions::parse(call)?;
    let expires_at = lifetime.end(call)?;
    if get || lifetime == Lifetime::Kept {
        return set_by_update(call, condition, expires_at, lifetime, get);
    }
    let put = put(call.argument(1), call.argument(2), expires_at);
    match condition {
        None => call.write([put], single),
        Some(condition) => put_if(call, condition, [put], ok(), Value::Null),
    }
}

/// Sets a key where the value or expiry before matters beyond a condition.
fn set_by_update(
    call: &Call<'_>,
    condition: Option<Condition>,
    expires_at: Option<u64>,
    lifetime: Lifetime,
    get: bool,
) -> Executed {
    let value = call.argument(2).to_vec();
    let operation = Operation::Update {
        key: call.argument(1).to_vec(),
        update: Box::new(move |entry| {
            let set = condition.is_none_or(|condition| condition.holds(entry));
            let answer = if get {
                Answer::Bytes(entry.map(|entry| entry.value.clone()))
            } else {
                Answer::Flag(set)
            };
            if !set {
                return (Change::Keep, answer);
            }
            let kept = entry.filter(|_| lifetime == Lifetime::Kept);
            let expires_at = kept.map_or(expires_at, |entry| entry.expires_at);
            (Change::Put { value, expires_at }, answer)
        }),
    };
    call.write([operation], |answers| match answers.into_iter().next() {
        Some(Answer::Flag(true)) => ok(),
        Some(Answer::Flag(false)) | None => Value::Null,
        Some(old) => write::value(old),
    })
}

/// Puts keys where the condition holds of each of them; this reads no value, as an update would.
fn put_if(
    call: &Call<'_>,
    condition: Condition,
    puts: impl AsRef<[Operation]> + IntoIterator<Item = Operation>,
    done: Value,
    refused: Value,
) -> Executed {
    let mut operations: Operations = puts
        .as_ref()
        .iter()
        .map(|put| Operation::Require { key: put.key().to_vec(), condition: condition.clone() })
        .collect();
    operations.extend(puts);
    call.write_outcome(operations, |outcome| match outcome {
        Ok(_) => done,
        Err(Error::ConditionFailed { .. }) => refused,
        Err(error) => Refusal::from(error).into_value(),
    })
}

/// `SETNX key value`
pub(super) fn setnx(call: &Call<'_>) -> Executed {
    let puts = [put(call.argument(1), call.argument(2), None)];
    put_if(call, Condition::Absent, puts, Value::Integer(1), Value::Integer(0))
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
    put_if(call, Condition::Absent, puts, Value::Integer(1), Value::Integer(0))
}

fn pairs(call: &Call<'_>, name: &str) -> Result<Vec<Operation>, Refusal> {
    if call.arguments.count().is_multiple_of(2) {
        return Err(wrong_arity(name));
    }
    let keys = call.rest(1).step_by(2);
    let values = call.rest(2).step_by(2);
    Ok(keys.zip(values).map(|(key, value)| put(key, value, None)).collect())
}

/// `GETSET key value`
pub(super) fn getset(call: &Call<'_>) -> Executed {
    let value = call.argument(2).to_vec();
    call.update(call.argument(1), move |entry| {
        let old = entry.map(|entry| entry.value.clone());
        let change = Change::Put { value, expires_at: None };
        (change, Answer::Bytes(old))
    })
}

/// `GETDEL key`
pub(super) fn getdel(call: &Call<'_>) -> Executed {
    call.update(call.argument(1), |entry| {
        let old = entry.map(|entry| entry.value.clone());
        (Change::Remove, Answer::Bytes(old))
    })
}

/// `GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]`
pub(super) fn getex(call: &Call<'_>) -> Executed {
    let mut lifetime = Lifetime::Unsaid;
    let mut position = 2;
    while position < call.arguments.count() {
        let stated = Lifetime::of_option(call, position)
            .filter(|lifetime| *lifetime != Lifetime::Kept)
            .ok_or(Refusal::new(SYNTAX))?;
        lifetime = lifetime.combine(stated)?;
        position += stated.arguments();
    }
    let expires_at = lifetime.end(call)?;
    if lifetime == Lifetime::Unsaid {
        return get(call);
    }
    call.update(call.argument(1), move |entry| {
        let Some(Entry { value, .. }) = entry else {
            return (Change::Keep, Answer::Bytes(None));
        };
        let change = Change::Put { value: value.clone(), expires_at };
        (change, Answer::Bytes(Some(value.clone())))
    })
}

/// `APPEND key value`
pub(super) fn append(call: &Call<'_>) -> Executed {
    let suffix = call.argument(2).to_vec();
    call.update(call.argument(1), move |entry| {
        let mut value = entry.map_or(vec![], |entry| entry.value.clone());
        value.extend_from_slice(&suffix);
        let length = i64::try_from(value.len()).unwrap_or(i64::MAX);
        let expires_at = entry.and_then(|entry| entry.expires_at);
        (Change::Put { value, expires_at }, Answer::Integer(length))
    })
}
