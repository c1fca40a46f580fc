//! `OBJECT`: what Redis keeps of a value beside its bytes.
//!
//! A store keeps the bytes alone, so the answers follow from them: the encoding is the one that
//! `SET` of the value has in Redis, and every value has one reference. When a value is read, and
//! how often, is noted while `maxmemory-policy` chooses keys by it: otherwise its idle time is
//! zero, and its frequency is not known.

use super::call::{Call, Executed};
use super::command_error::CommandError;
use super::reply_value::bulk;
use crate::protocol::resp::Value;
use crate::store::{KeyspaceView, parse_integer};

const NO_IDLE_TIME: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please \
    note that when switching between policies at runtime LRU and LFU data will take some time to \
    adjust.";

const NO_FREQUENCY: &str = "ERR An LFU maxmemory policy is not selected, access frequency not \
    tracked. Please note that when switching between policies at runtime LRU and LFU data will \
    take some time to adjust.";

/// The longest value that Redis keeps in one piece with its object.
const EMBEDDED_BYTES_MAX: usize = 44;

/// `OBJECT ENCODING key`
pub(super) fn encoding(call: &Call<'_>) -> Executed {
    call.read(call.argument(2), |entry| {
        entry.map_or(Value::Null, |entry| bulk(encoding_of(&entry.value)))
    })
}

fn encoding_of(value: &[u8]) -> &'static str {
    if parse_integer(value).is_some() {
        "int"
    } else if value.len() <= EMBEDDED_BYTES_MAX {
        "embstr"
    } else {
        "raw"
    }
}

/// `OBJECT REFCOUNT key`
pub(super) fn refcount(call: &Call<'_>) -> Executed {
    if_there(call, |_| Value::Integer(1))
}

/// `OBJECT IDLETIME key`
pub(super) fn idletime(call: &Call<'_>) -> Executed {
    if call.context.store.memory().settings().policy.is_lfu() {
        return if_there(call, |_| CommandError::new(NO_IDLE_TIME).into_value());
    }
    if_there(call, |view| {
        let idle = view.idle_time(call.argument(2)).unwrap_or_default();
        Value::Integer(i64::try_from(idle.as_secs()).unwrap_or(i64::MAX))
    })
}

/// `OBJECT FREQ key`
pub(super) fn freq(call: &Call<'_>) -> Executed {
    if !call.context.store.memory().settings().policy.is_lfu() {
        return if_there(call, |_| CommandError::new(NO_FREQUENCY).into_value());
    }
    if_there(call, |view| {
        Value::Integer(view.frequency(call.argument(2)).unwrap_or_default().into())
    })
}

/// Ends a call with the reply that `reply` makes if the key is there, else with null.
fn if_there(call: &Call<'_>, reply: impl FnOnce(&KeyspaceView) -> Value) -> Executed {
    let reply = reply(&*call.view()?);
    call.read_expiry(call.argument(2), |found| found.map_or(Value::Null, |_| reply))
}
