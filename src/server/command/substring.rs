//! Parts of values.

use std::ops::Range;

use super::call::{Call, Executed};
use super::command_error::STRING_TOO_LONG;
use super::reply_value::{length, refuse};
use crate::protocol::resp::{BULK_BYTES_MAX, Value};
use crate::store::Update;

/// `GETRANGE key start end`; `SUBSTR` is its old name.
pub(super) fn getrange(call: &Call<'_>) -> Executed {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    call.read(call.argument(1), move |entry| {
        let value = entry.map_or(vec![], |entry| entry.value);
        let part = value.get(from_end(start, end, value.len())).unwrap_or_default();
        Value::Bulk(part.to_vec())
    })
}

/// Returns the part of so many from `start` up to and including `end`; negative ones count from the
/// end.
pub(super) fn from_end(start: i64, end: i64, length: usize) -> Range<usize> {
    // Redis takes an end before the value as its first byte, unless the start is behind that end.
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    clamped_from_end(start, end, length)
}

/// Does as [`from_end`], but takes positions before the value as its first byte, whatever their
/// order.
pub(super) fn clamped_from_end(start: i64, end: i64, length: usize) -> Range<usize> {
    let from_start = |position: i64| match usize::try_from(position) {
        Ok(position) => Some(position),
        Err(_) => {
            let back = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
            length.checked_sub(back)
        }
    };
    let start = from_start(start).unwrap_or(0);
    let end = from_start(end).unwrap_or(0).saturating_add(1).min(length);
    start.min(end)..end
}

/// `SETRANGE key offset value`
pub(super) fn setrange(call: &Call<'_>) -> Executed {
    let Ok(offset) = usize::try_from(call.integer(2)?) else {
        return refuse("ERR offset is out of range");
    };
    let part = call.argument(3);
    if part.is_empty() {
        return call
            .read(call.argument(1), |entry| length(entry.map_or(0, |entry| entry.value.len())));
    }
    // Checked before the writer allocates what lies in front of the part.
    if offset.saturating_add(part.len()) > BULK_BYTES_MAX {
        return refuse(STRING_TOO_LONG);
    }
    call.update(call.argument(1), Update::SetRange { offset, part: part.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_redis() {
        let cases = [
            ((0, -1), 0..5),
            ((1, 3), 1..4),
            ((-3, -1), 2..5),
            ((-100, 100), 0..5),
            ((0, -100), 0..1),
            ((-2, -4), 0..0),
            ((i64::MIN, i64::MAX), 0..5),
        ];
        for ((start, end), expected) in cases {
            assert_eq!(from_end(start, end, 5), expected, "{start} {end}");
        }
        for (start, end) in [(3, 1), (5, 9), (9, 5), (i64::MAX, i64::MIN)] {
            assert!(from_end(start, end, 5).is_empty(), "{start} {end}");
        }
        assert!(from_end(0, -1, 0).is_empty());
    }
}
