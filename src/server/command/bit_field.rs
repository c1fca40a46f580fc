//! Integers within values.

use super::bit::{BAD_OFFSET, OFFSETS};
use super::call::{Call, Executed};
use super::command_error::{CommandError, NOT_AN_INTEGER, SYNTAX};
use super::reply_value::refuse;
use super::word::is;
use crate::protocol::resp::Value;
use crate::store::{
    BitField, FieldOperation, FieldOperations, FieldOverflow, FieldType, Update, parse_integer,
};

/// The refusal of a type.
const BAD_TYPE: &str = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is \
                        not supported but i64 is.";

/// `BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY
/// type offset amount] ...`
pub(super) fn bitfield(call: &Call<'_>) -> Executed {
    let operations = parse(call)?;
    if reads_only(&operations) {
        return read(call, operations);
    }
    call.update(call.argument(1), Update::OperateFields(operations))
}

/// `BITFIELD_RO key [GET type offset] ...`
pub(super) fn bitfield_ro(call: &Call<'_>) -> Executed {
    let operations = parse(call)?;
    if !reads_only(&operations) {
        return refuse("ERR BITFIELD_RO only supports the GET subcommand");
    }
    read(call, operations)
}

fn reads_only(operations: &FieldOperations) -> bool {
    operations.iter().all(|(_, operation)| *operation == FieldOperation::Get)
}

fn read(call: &Call<'_>, operations: FieldOperations) -> Executed {
    call.read(call.argument(1), move |entry| {
        let value = entry.map_or(vec![], |entry| entry.value);
        let numbers = operations.iter().map(|(field, _)| Value::Integer(field.get(&value)));
        Value::Array(numbers.collect())
    })
}

fn parse(call: &Call<'_>) -> Result<FieldOperations, CommandError> {
    let mut operations = FieldOperations::new();
    let mut overflow = FieldOverflow::default();
    let mut rest = call.rest(2);
    while let Some(word) = rest.next() {
        let left = rest.len();
        if is(word, "OVERFLOW") && left >= 1 {
            overflow = parse_overflow(rest.next().unwrap_or_default())?;
            continue;
        }
        let takes = [("GET", 2), ("SET", 3), ("INCRBY", 3)];
        if !takes.iter().any(|(name, arguments)| is(word, name) && left >= *arguments) {
            return Err(CommandError::new(SYNTAX));
        }
        let field_type = parse_type(rest.next().unwrap_or_default())?;
        let offset = parse_offset(rest.next().unwrap_or_default(), field_type)?;
        let field = BitField { field_type, offset };
        let operation = if is(word, "GET") {
            FieldOperation::Get
        } else {
            let number = rest.next().and_then(parse_integer);
            let number = number.ok_or(CommandError::new(NOT_AN_INTEGER))?;
            match is(word, "SET") {
                true => FieldOperation::Set(number, overflow),
                false => FieldOperation::Add(number, overflow),
            }
        };
        operations.push((field, operation));
    }
    Ok(operations)
}

fn parse_overflow(word: &[u8]) -> Result<FieldOverflow, CommandError> {
    let known = [
        ("WRAP", FieldOverflow::Wrap),
        ("SAT", FieldOverflow::Saturate),
        ("FAIL", FieldOverflow::Fail),
    ];
    let found = known.into_iter().find(|(name, _)| is(word, name));
    let invalid = || CommandError::new("ERR Invalid OVERFLOW type specified");
    found.map(|(_, overflow)| overflow).ok_or_else(invalid)
}

fn parse_type(text: &[u8]) -> Result<FieldType, CommandError> {
    let (is_signed, bits, bits_max) = match text {
        [b'i', bits @ ..] => (true, bits, 64),
        [b'u', bits @ ..] => (false, bits, 63),
        _ => return Err(CommandError::new(BAD_TYPE)),
    };
    let bits = parse_integer(bits).and_then(|bits| u32::try_from(bits).ok());
    let bits = bits.filter(|bits| (1..=bits_max).contains(bits));
    let bits = bits.ok_or(CommandError::new(BAD_TYPE))?;
    Ok(FieldType { is_signed, bits })
}

/// Returns an offset in bits; behind a `#` it is one in fields.
fn parse_offset(text: &[u8], field_type: FieldType) -> Result<usize, CommandError> {
    let (number, unit) = match text {
        [b'#', number @ ..] => (number, field_type.bits as usize),
        number => (number, 1),
    };
    let number = parse_integer(number).and_then(|number| usize::try_from(number).ok());
    let offset = number.and_then(|number| number.checked_mul(unit));
    let in_range = offset.filter(|offset| (*offset as u64) < OFFSETS);
    in_range.ok_or(CommandError::new(BAD_OFFSET))
}
