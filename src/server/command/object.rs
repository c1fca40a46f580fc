//! `OBJECT`: what Redis keeps of a value beside its bytes.
//!
//! A store keeps the bytes alone, so the answers follow from them: the encoding is the one that
//! `SET` of the value has in Redis, and every value has one reference. Nobody notes when a value is
//! read: its idle time is at least zero, and how often it is read is not known.

use super::call::{Call, Executed};
use super::command_error::CommandError;
use super::reply_value::bulk;
use crate::protocol::resp::Value;
use crate::store::parse_integer;

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
    if_there(call, Value::Integer(1))
}

/// `OBJECT IDLETIME key`
pub(super) fn idletime(call: &Call<'_>) -> Executed {
    if_there(call, Value::Integer(0))
}

/// `OBJECT FREQ key`
pub(super) fn freq(call: &Call<'_>) -> Executed {
    let text = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
                note that when switching between policies at runtime LRU and LFU data will take \
                some time to adjust.";
    if_there(call, CommandError::new(text).into_value())
}

/// Ends a call with a reply if the key is there, else with null.
fn if_there(call: &Call<'_>, reply: Value) -> Executed {
    call.read_expiry(call.argument(2), |found| found.map_or(Value::Null, |_| reply))
}
