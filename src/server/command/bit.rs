//! Bits of values: the first is the highest bit of the first byte.

use std::ops::Range;

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX};
use super::reply_value::refuse;
use super::substring::{clamped_from_end, from_end};
use super::word::is;
use crate::protocol::resp::Value;
use crate::store::Update;

/// The bits of the longest value that Redis has, 512 MiB. The limit of the store is checked by it.
pub(super) const OFFSETS: u64 = 1 << 32;

/// The refusal of a position that no value has.
pub(super) const BAD_OFFSET: &str = "ERR bit offset is not an integer or out of range";

/// The bits of a value.
#[derive(Clone, Copy)]
struct Bits<'a>(&'a [u8]);

/// The part of a value that a call is about, as its arguments state it.
struct StatedPart {
    /// The positions of the first and the last unit; negative ones count from the end.
    start: i64,
    end: i64,
    /// True if the call states where it ends.
    has_end: bool,
    /// The number of bits of a unit.
    unit: usize,
}

/// `GETBIT key offset`
pub(super) fn getbit(call: &Call<'_>) -> Executed {
    let offset = offset(call)?;
    call.read(call.argument(1), move |entry| {
        let value = entry.map_or(vec![], |entry| entry.value);
        Value::Integer(i64::from(Bits(&value).is_set(offset)))
    })
}

/// `SETBIT key offset 0|1`
pub(super) fn setbit(call: &Call<'_>) -> Executed {
    let offset = offset(call)?;
    let bit = match call.argument(3) {
        b"0" => false,
        b"1" => true,
        _ => return refuse("ERR bit is not an integer or out of range"),
    };
    call.update(call.argument(1), Update::SetBit { offset, bit })
}

/// Returns the position of a bit.
fn offset(call: &Call<'_>) -> Result<usize, CommandError> {
    let offset = call.integer(2).ok().and_then(|offset| u64::try_from(offset).ok());
    let in_range = offset.filter(|offset| *offset < OFFSETS).map(usize::try_from);
    in_range.and_then(Result::ok).ok_or(CommandError::new(BAD_OFFSET))
}

/// `BITCOUNT key [start end [BYTE | BIT]]`
pub(super) fn bitcount(call: &Call<'_>) -> Executed {
    let part = match call.arguments.count() {
        2 => Ok(StatedPart::WHOLE),
        3 => Err(CommandError::new(SYNTAX)),
        _ => StatedPart::parse(call, 2),
    };
    // Redis finds nothing between these, however short the value is, and looks at no unit then.
    let is_backwards = matches!(call.arguments.count(), 4 | 5)
        && call
            .integer(2)
            .is_ok_and(|start| start < 0 && call.integer(3).is_ok_and(|end| end < start));
    // As in Redis the arguments are looked at if the key is there.
    read_bits(call, move |value| match value {
        None => Ok(0),
        Some(_) if is_backwards => Ok(0),
        Some(value) => Ok(Bits(value).ones(part?.bits(value.len(), from_end))),
    })
}

/// `BITPOS key bit [start [end [BYTE | BIT]]]`
pub(super) fn bitpos(call: &Call<'_>) -> Executed {
    let bit = match call.integer(2)? {
        0 => false,
        1 => true,
        _ => return refuse("ERR The bit argument must be 1 or 0."),
    };
    let part = StatedPart::parse(call, 3);
    read_bits(call, move |value| {
        // A missing key is zeros without end.
        let Some(value) = value else { return Ok(if bit { -1 } else { 0 }) };
        let part = part?;
        let bits = part.bits(value.len(), clamped_from_end);
        let end = bits.end;
        // Behind a value of ones come zeros, unless the call ends before.
        let behind = (!bit && !part.has_end && !bits.is_empty()).then_some(end);
        Ok(Bits(value).position(bit, bits).or(behind).map_or(-1, to_integer))
    })
}

/// Ends a call with the number that is made of a value, if the key is there.
fn read_bits(
    call: &Call<'_>,
    number: impl FnOnce(Option<&[u8]>) -> Result<i64, CommandError> + Send + 'static,
) -> Executed {
    call.read(call.argument(1), |entry| {
        let value = entry.map(|entry| entry.value);
        number(value.as_deref()).map_or_else(CommandError::into_value, Value::Integer)
    })
}

impl StatedPart {
    /// All of a value.
    const WHOLE: Self = Self { start: 0, end: -1, has_end: false, unit: 8 };

    /// Returns the part that the arguments from a position on state.
    fn parse(call: &Call<'_>, position: usize) -> Result<Self, CommandError> {
        let stated = |position| call.arguments.get(position);
        let start = if stated(position).is_some() { call.integer(position)? } else { 0 };
        let has_end = stated(position + 1).is_some();
        let end = if has_end { call.integer(position + 1)? } else { -1 };
        let unit = match stated(position + 2) {
            None => 8,
            Some(unit) if is(unit, "BYTE") => 8,
            Some(unit) if is(unit, "BIT") => 1,
            Some(_) => return Err(CommandError::new(SYNTAX)),
        };
        if stated(position + 3).is_some() {
            return Err(CommandError::new(SYNTAX));
        }
        Ok(Self { start, end, has_end, unit })
    }

    /// Returns the bits of this part of a value of so many bytes; `find` returns the units that its
    /// positions state.
    fn bits(&self, bytes: usize, find: fn(i64, i64, usize) -> Range<usize>) -> Range<usize> {
        let Range { start, end } = find(self.start, self.end, bytes * 8 / self.unit);
        start * self.unit..end * self.unit
    }
}

fn to_integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Bits<'_> {
    fn is_set(self, offset: usize) -> bool {
        self.0.get(offset / 8).is_some_and(|byte| byte << (offset % 8) & 0x80 != 0)
    }

    /// Returns the number of ones in a part.
    fn ones(self, part: Range<usize>) -> i64 {
        let (first, last) = (part.start.div_ceil(8), part.end / 8);
        if first >= last {
            return to_integer(part.filter(|offset| self.is_set(*offset)).count());
        }
        let whole: usize = self.0[first..last].iter().map(|byte| byte.count_ones() as usize).sum();
        let edges = (part.start..first * 8).chain(last * 8..part.end);
        to_integer(whole + edges.filter(|offset| self.is_set(*offset)).count())
    }

    /// Returns the position of the first bit of this kind in a part.
    fn position(self, bit: bool, part: Range<usize>) -> Option<usize> {
        let none_here = if bit { 0 } else { 0xFF };
        let mut offset = part.start;
        while offset < part.end {
            if offset.is_multiple_of(8) && self.0.get(offset / 8) == Some(&none_here) {
                offset += 8;
            } else if self.is_set(offset) == bit {
                return Some(offset);
            } else {
                offset += 1;
            }
        }
        None
    }
}
