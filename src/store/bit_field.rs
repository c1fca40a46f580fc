//! Integers of any number of bits within a value, at any bit (`BITFIELD`).

/// The type of a field: a signed integer of up to 64 bits, or an unsigned one of up to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldType {
    /// True for signed integers.
    pub(crate) is_signed: bool,
    /// The number of bits, at least one.
    pub(crate) bits: u32,
}

/// A field: the bits of a value from an offset on, the first being the highest of the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BitField {
    /// The type.
    pub(crate) field_type: FieldType,
    /// The offset of its highest bit.
    pub(crate) offset: usize,
}

/// A read or a change of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldOperation {
    /// Reads it.
    Get,
    /// Sets it; answers the number before.
    Set(i64, FieldOverflow),
    /// Adds to it; answers the sum.
    Add(i64, FieldOverflow),
}

/// What becomes of a number that a field cannot hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FieldOverflow {
    /// Its lowest bits.
    #[default]
    Wrap,
    /// The nearest number that the field can hold.
    Saturate,
    /// Nothing: the field stays as it is, and there is no answer.
    Fail,
}

impl FieldType {
    /// Returns the least and the greatest number of this type.
    fn limits(self) -> (i128, i128) {
        let bits = self.bits;
        if self.is_signed {
            let half = 1 << (bits - 1);
            (-half, half - 1)
        } else {
            (0, (1 << bits) - 1)
        }
    }

    /// Returns the number of this type with the lowest bits of another one.
    fn wrapped(self, number: i128) -> i128 {
        let (least, greatest) = self.limits();
        let count = greatest - least + 1;
        (number - least).rem_euclid(count) + least
    }

    /// Returns the number of this type in place of another one; `None` where it must not be
    /// written.
    fn fit(self, number: i128, overflow: FieldOverflow) -> Option<i128> {
        let (least, greatest) = self.limits();
        if (least..=greatest).contains(&number) {
            return Some(number);
        }
        match overflow {
            FieldOverflow::Wrap => Some(self.wrapped(number)),
            FieldOverflow::Saturate => Some(number.clamp(least, greatest)),
            FieldOverflow::Fail => None,
        }
    }

    /// Returns an argument of a set: a negative one stands for its bits if the type has no sign.
    ///
    /// One so far below that its distance from the greatest number overflows 64 bits is above it in
    /// Redis, where it saturates to the greatest. So it is here.
    fn argument(self, number: i64) -> i128 {
        let (_, greatest) = self.limits();
        let is_far_below = self.bits < 64 && greatest - i128::from(number) > i64::MAX.into();
        match self.is_signed {
            true if !is_far_below => number.into(),
            true => i128::from(number) + (1 << 64),
            false => number.cast_unsigned().into(),
        }
    }
}

impl BitField {
    /// Returns the number of bytes of the shortest value that holds all of the field.
    pub(crate) fn bytes_min(self) -> usize {
        self.offset.saturating_add(self.field_type.bits as usize).div_ceil(8)
    }

    /// Returns the number that a value holds; bits behind its end are zero.
    pub(crate) fn get(self, value: &[u8]) -> i64 {
        let (window, shift) = self.window(value);
        let bits = self.mask() & window >> shift;
        let number = self.field_type.wrapped(bits.cast_signed());
        i64::try_from(number).unwrap_or(i64::MAX)
    }

    /// Does an operation on a value that holds all of the field, if the operation writes. Returns
    /// its answer.
    pub(crate) fn operate(self, value: &mut [u8], operation: FieldOperation) -> Option<i64> {
        let old = self.get(value);
        match operation {
            FieldOperation::Get => Some(old),
            FieldOperation::Set(number, overflow) => {
                let number = self.field_type.argument(number);
                self.put(value, self.field_type.fit(number, overflow)?);
                Some(old)
            }
            FieldOperation::Add(amount, overflow) => {
                let sum = i128::from(old) + i128::from(amount);
                let fitting = self.field_type.fit(sum, overflow)?;
                self.put(value, fitting);
                i64::try_from(fitting).ok()
            }
        }
    }

    fn put(self, value: &mut [u8], number: i128) {
        let (window, shift) = self.window(value);
        let cleared = window & !(self.mask() << shift);
        let changed = cleared | (number.cast_unsigned() & self.mask()) << shift;
        let bytes = changed.to_be_bytes();
        let places = value.iter_mut().skip(self.offset / 8);
        places.zip(bytes).for_each(|(place, byte)| *place = byte);
    }

    /// Returns the 16 bytes of a value in which the field is, and the number of bits behind it.
    fn window(self, value: &[u8]) -> (u128, u32) {
        let mut bytes = [0; 16];
        let found = value.iter().skip(self.offset / 8);
        bytes.iter_mut().zip(found).for_each(|(place, byte)| *place = *byte);
        let before = u32::try_from(self.offset % 8).unwrap_or(0);
        (u128::from_be_bytes(bytes), u128::BITS - before - self.field_type.bits)
    }

    fn mask(self) -> u128 {
        (1 << self.field_type.bits) - 1
    }
}

/// The operations of one command, in their order.
pub(crate) type FieldOperations = Vec<(BitField, FieldOperation)>;

/// Returns the number of bytes that a value has at least once these are done.
pub(crate) fn bytes_written_min(operations: &FieldOperations) -> usize {
    let written = operations.iter().filter(|(_, operation)| *operation != FieldOperation::Get);
    written.map(|(field, _)| field.bytes_min()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::FieldOverflow::{Fail, Saturate, Wrap};
    use super::*;

    fn field(is_signed: bool, bits: u32, offset: usize) -> BitField {
        BitField { field_type: FieldType { is_signed, bits }, offset }
    }

    #[test]
    fn every_type_at_every_offset_keeps_its_numbers_and_the_bits_around_it() {
        for (is_signed, bits_max) in [(true, 64), (false, 63)] {
            for (bits, offset) in (1..=bits_max).flat_map(|bits| (0..9).map(move |at| (bits, at))) {
                let field = field(is_signed, bits, offset);
                let (least, greatest) = field.field_type.limits();
                for number in [least, greatest, 0, greatest / 3] {
                    for filling in [0, 0xFF] {
                        let mut value = vec![filling; 10];
                        let number = i64::try_from(number).unwrap();
                        field.operate(&mut value, FieldOperation::Set(number, Fail)).unwrap();
                        assert_eq!(field.get(&value), number, "{field:?}");
                        let old = if filling == 0 {
                            0
                        } else if is_signed {
                            -1
                        } else {
                            greatest
                        };
                        let restored = i64::try_from(old).unwrap();
                        field.operate(&mut value, FieldOperation::Set(restored, Wrap));
                        assert_eq!(value, [filling; 10], "{field:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_that_do_not_fit_wrap_saturate_or_fail() {
        let cases = [
            ((true, 8), 127, 1, [Some(-128), Some(127), None]),
            ((true, 8), -128, -1, [Some(127), Some(-128), None]),
            ((false, 8), 255, 1, [Some(0), Some(255), None]),
            ((false, 8), 0, -1, [Some(255), Some(0), None]),
            ((true, 64), i64::MAX, 1, [Some(i64::MIN), Some(i64::MAX), None]),
            ((false, 63), i64::MAX, 1, [Some(0), Some(i64::MAX), None]),
            ((true, 8), 1, 1, [Some(2); 3]),
        ];
        for ((is_signed, bits), old, amount, sums) in cases {
            let field = field(is_signed, bits, 3);
            for (overflow, sum) in [Wrap, Saturate, Fail].into_iter().zip(sums) {
                let mut value = vec![0; 9];
                field.operate(&mut value, FieldOperation::Set(old, Wrap));
                let found = field.operate(&mut value, FieldOperation::Add(amount, overflow));
                assert_eq!(found, sum, "{field:?} {old} + {amount} {overflow:?}");
                assert_eq!(field.get(&value), sum.unwrap_or(old));
            }
        }
        let unsigned = field(false, 8, 0);
        for (overflow, set) in [(Wrap, 255), (Saturate, 255), (Fail, 0)] {
            let mut value = vec![0];
            unsigned.operate(&mut value, FieldOperation::Set(-1, overflow));
            assert_eq!(unsigned.get(&value), set, "{overflow:?}");
        }
        let mut value = vec![0];
        field(true, 8, 0).operate(&mut value, FieldOperation::Set(i64::MIN, Saturate));
        assert_eq!(value, [127], "as in Redis");
        assert_eq!(unsigned.get(b""), 0);
        assert_eq!(field(true, 64, usize::MAX).get(b"x"), 0);
    }
}
