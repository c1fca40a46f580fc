//! `SORT`, of lists and sets: here every value is a string, which cannot be sorted, and a key that
//! is absent is an empty list.

use super::call::{Call, Executed};
use super::command_error::{CommandError, NOT_AN_INTEGER, SYNTAX};
use super::word::is;
use crate::protocol::resp::Value;
use crate::store::{WriteOperation, parse_integer};
use crate::{Error, Precondition};

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]
/// [STORE destination]`
///
/// The writer looks whether the key is there, also where nothing is stored: the command counts as a
/// write.
pub(super) fn sort(call: &Call<'_>) -> Executed {
    let target = parse(call, true)?.map(<[u8]>::to_vec);
    let done = target.as_ref().map_or(Value::Array(vec![]), |_| Value::Integer(0));
    let key = call.argument(1).to_vec();
    let is_absent = WriteOperation::Require { key, condition: Precondition::Absent };
    let removal = target.map(|key| WriteOperation::Remove { key });
    call.write_outcome([is_absent].into_iter().chain(removal), |outcome| match outcome {
        Ok(_) => done,
        Err(Error::ConditionFailed { .. }) => CommandError::from(Error::WrongType).into_value(),
        Err(error) => CommandError::from(error).into_value(),
    })
}

/// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC]
/// [ALPHA]`
pub(super) fn sort_ro(call: &Call<'_>) -> Executed {
    parse(call, false)?;
    call.read_expiry(call.argument(1), |found| match found {
        None => Value::Array(vec![]),
        Some(_) => CommandError::from(Error::WrongType).into_value(),
    })
}

/// Checks the options of a call, and returns the key to store at.
fn parse<'a>(call: &Call<'a>, may_store: bool) -> Result<Option<&'a [u8]>, CommandError> {
    let mut target = None;
    let mut rest = call.rest(2);
    while let Some(option) = rest.next() {
        let left = rest.len();
        if ["ASC", "DESC", "ALPHA"].iter().any(|word| is(option, word)) {
            continue;
        }
        if is(option, "LIMIT") && left >= 2 {
            let numbers = rest.by_ref().take(2).map(parse_integer);
            // As in Redis the first that is none ends the call.
            for number in numbers {
                number.ok_or(CommandError::new(NOT_AN_INTEGER))?;
            }
        } else if is(option, "STORE") && left >= 1 && may_store {
            target = rest.next();
        } else if ["BY", "GET"].iter().any(|word| is(option, word)) && left >= 1 {
            rest.next();
        } else {
            return Err(CommandError::new(SYNTAX));
        }
    }
    Ok(target)
}
