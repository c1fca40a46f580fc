//! Dumps of keys, which another server of Redis or of this kind restores.

use super::call::{Call, Executed, Unfinished};
use super::command_error::{CommandError, NOT_AN_INTEGER, SYNTAX};
use super::dump_payload::{self, PayloadError};
use super::reply_value::ok;
use super::word::is;
use crate::protocol::resp::Value;
use crate::store::reader::ReadLength;
use crate::store::{UnixMillis, WriteOperation, parse_integer};
use crate::{Error, Precondition};

/// The bytes of a payload or a value above which a reader looks at it.
const LONG_BYTES: usize = 1 << 20;

/// `DUMP key`
pub(super) fn dump(call: &Call<'_>) -> Executed {
    call.read(call.argument(1), |entry| {
        entry.map_or(Value::Null, |entry| Value::Bulk(dump_payload::dump(&entry.value)))
    })
}

/// The options of `RESTORE`.
struct RestoreOptions {
    replaces: bool,
    /// True if the time to live is a time.
    is_absolute: bool,
}

impl RestoreOptions {
    /// Parses them. Idle times and frequencies are checked and not kept: there are none here.
    fn parse(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut options = Self { replaces: false, is_absolute: false };
        let (mut has_idle_time, mut has_frequency) = (false, false);
        let mut rest = call.rest(4);
        while let Some(option) = rest.next() {
            if is(option, "REPLACE") {
                options.replaces = true;
            } else if is(option, "ABSTTL") {
                options.is_absolute = true;
            } else if is(option, "IDLETIME") && rest.len() >= 1 && !has_frequency {
                if integer(rest.next())? < 0 {
                    return Err(CommandError::new("ERR Invalid IDLETIME value, must be >= 0"));
                }
                has_idle_time = true;
            } else if is(option, "FREQ") && rest.len() >= 1 && !has_idle_time {
                if !(0..=255).contains(&integer(rest.next())?) {
                    let text = "ERR Invalid FREQ value, must be >= 0 and <= 255";
                    return Err(CommandError::new(text));
                }
                has_frequency = true;
            } else {
                return Err(CommandError::new(SYNTAX));
            }
        }
        Ok(options)
    }
}

fn integer(argument: Option<&[u8]>) -> Result<i64, CommandError> {
    argument.and_then(parse_integer).ok_or(CommandError::new(NOT_AN_INTEGER))
}

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`
pub(super) fn restore(call: &Call<'_>) -> Executed {
    let options = RestoreOptions::parse(call)?;
    check_length(call, call.argument(3).len())?;
    let parsed = expiry(call, &options).and_then(|expires_at| {
        let dumped = dump_payload::parse(call.argument(3)).map_err(payload_error)?;
        Ok((expires_at, dumped))
    });
    if let Ok((_, dumped)) = &parsed {
        // A compressed one may claim any length.
        call.context.store.check_value_length(call.argument(1), dumped.bytes())?;
        check_length(call, dumped.bytes())?;
        // A transaction holds the values of all calls, and a short payload may be of a long one.
        call.note_bytes(dumped.bytes());
    }
    let restored = parsed.and_then(|(expires_at, dumped)| {
        let value = dumped.into_value().map_err(payload_error)?;
        Ok(write_of(call, value, expires_at, options.replaces))
    });
    match restored {
        Ok(write) if options.replaces => call.write(write, |_| ok()),
        Ok(write) => write_unless_there(call, write, ok()),
        Err(error) if options.replaces => Err(error.into()),
        // As in Redis a key that is there is the first reason.
        Err(error) => write_unless_there(call, None, error.into_value()),
    }
}

/// Returns the time at which the restored key expires.
fn expiry(call: &Call<'_>, options: &RestoreOptions) -> Result<Option<UnixMillis>, CommandError> {
    let Ok(time) = u64::try_from(call.integer(2)?) else {
        return Err(CommandError::new("ERR Invalid TTL value, must be >= 0"));
    };
    let UnixMillis(now) = call.context.store.now();
    let end = if options.is_absolute { time } else { time.saturating_add(now) };
    Ok((time != 0).then_some(UnixMillis(end)))
}

/// Returns the write that restores a value. One whose time has passed is not restored, but removes
/// the key that it would replace.
fn write_of(
    call: &Call<'_>,
    value: Vec<u8>,
    expires_at: Option<UnixMillis>,
    replaces: bool,
) -> Option<WriteOperation> {
    let key = call.argument(1).to_vec();
    if expires_at.is_some_and(|time| time <= call.context.store.now()) {
        return replaces.then_some(WriteOperation::Remove { key });
    }
    Some(WriteOperation::Put { key, value, expires_at })
}

fn payload_error(error: PayloadError) -> CommandError {
    CommandError::new(match error {
        PayloadError::Footer => "ERR DUMP payload version or checksum are wrong",
        PayloadError::Contents => "ERR Bad data format",
    })
}

/// Leaves a long payload or value to a reader of long ones.
fn check_length(call: &Call<'_>, bytes: usize) -> Result<(), Unfinished> {
    match bytes > LONG_BYTES {
        true => call.check_may_wait(ReadLength::Long),
        false => Ok(()),
    }
}

/// Writes, and ends the call with a reply, unless the key is there.
fn write_unless_there(call: &Call<'_>, write: Option<WriteOperation>, reply: Value) -> Executed {
    let key = call.argument(1).to_vec();
    let is_absent = WriteOperation::Require { key, condition: Precondition::Absent };
    call.write_outcome([is_absent].into_iter().chain(write), |outcome| match outcome {
        Ok(_) => reply,
        Err(Error::ConditionFailed { .. }) => {
            CommandError::new("BUSYKEY Target key name already exists.").into_value()
        }
        Err(error) => CommandError::from(error).into_value(),
    })
}
