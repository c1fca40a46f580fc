//! Floating-point numbers of 80 bits, which Redis adds up on the processors that it is mostly run
//! on: 64 bits of mantissa, where a double has 53.
//!
//! They are computed with integers, so that a sum has the digits that clients of Redis know on any
//! processor.

use std::fmt;

use super::big_natural::BigNatural;

/// The exponent of the lowest bit of the smallest number.
const EXPONENT_MIN: i64 = -16_445;

/// The exponent of the lowest bit of the largest numbers.
const EXPONENT_MAX: i64 = 16_320;

/// The most bytes of a number as text, as in Redis.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;

/// The decimal places that are shown.
const PLACES: usize = 17;

/// One in the last of these places.
const PLACES_SCALE: u128 = 10_u128.pow(17);

/// The highest exponent that is read; a higher one makes no difference.
const EXPONENT_READ_MAX: i64 = 20_000;

/// A number with more decimal places behind its first digit than that is too large.
const HIGHEST_PLACES: i64 = 5000;

/// A number with so many places behind its point, and as many digits as there may be, is too small.
const LOWEST_PLACES: i64 = 10_200;

/// A number of 80 bits, or an infinite one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExtendedFloat {
    is_negative: bool,
    /// Its highest bit is set, unless the exponent is the least one.
    mantissa: u64,
    /// The exponent of the mantissa's lowest bit; above [`EXPONENT_MAX`] the number is infinite.
    exponent: i64,
}

impl ExtendedFloat {
    /// Zero.
    pub(crate) const ZERO: Self = Self { is_negative: false, mantissa: 0, exponent: EXPONENT_MIN };

    /// Parses a number as `strtold` of C does, and Redis after it: decimal or hexadecimal, and
    /// infinities. What is too large or too small for a number is none.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        if ["inf", "infinity"].iter().any(|word| digits.eq_ignore_ascii_case(word.as_bytes())) {
            return Some(Self { is_negative, mantissa: 0, exponent: EXPONENT_MAX + 1 });
        }
        let parsed = match digits {
            [b'0', b'x' | b'X', digits @ ..] => parse_hexadecimal(digits)?,
            digits => parse_decimal(digits)?,
        };
        Some(Self { is_negative, ..parsed }).filter(|parsed| parsed.is_finite())
    }

    /// Returns true unless it is infinite.
    pub(crate) fn is_finite(self) -> bool {
        self.exponent <= EXPONENT_MAX
    }

    /// Returns the sum, rounded to the nearest number; infinite if it is too large, or if either of
    /// the two is.
    pub(crate) fn plus(self, other: Self) -> Self {
        let (larger, smaller) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if smaller.mantissa == 0 || !larger.is_finite() {
            return larger;
        }
        if larger.mantissa == 0 {
            return smaller;
        }
        // With 62 bits below the mantissas only a much smaller number loses bits in the shift.
        let distance = u32::try_from(larger.exponent - smaller.exponent).unwrap_or(u32::MAX);
        let (high, low) = (u128::from(larger.mantissa) << 62, u128::from(smaller.mantissa) << 62);
        let shifted = low.checked_shr(distance).unwrap_or(0);
        let is_inexact = shifted.checked_shl(distance).unwrap_or(0) != low;
        let exponent = larger.exponent - 62;
        let (is_negative, sum) = if larger.is_negative == smaller.is_negative {
            (larger.is_negative, high + shifted)
        } else if high >= shifted {
            // What was lost in the shift is subtracted, too.
            (larger.is_negative, high - shifted - u128::from(is_inexact))
        } else {
            (smaller.is_negative, shifted - high)
        };
        Self { is_negative, ..rounded(sum, exponent, is_inexact) }
    }

    /// Returns the digits before and behind the decimal point, rounded to [`PLACES`].
    fn digits(self) -> String {
        if self.exponent >= 0 {
            let mut number = BigNatural::new(self.mantissa);
            number.shift_left(usize::try_from(self.exponent).unwrap_or(0));
            number.multiply_by_ten(PLACES);
            return number.decimal();
        }
        let scaled = u128::from(self.mantissa) * PLACES_SCALE;
        let bits = u32::try_from(-self.exponent).unwrap_or(u32::MAX);
        shifted_to_nearest(scaled, bits, false).to_string()
    }
}

/// Shows it with 17 decimal places, without zeros at their end and without an exponent.
impl fmt::Display for ExtendedFloat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>width$}", self.digits(), width = PLACES + 1);
        let (whole, part) = digits.split_at(digits.len() - PLACES);
        let part = part.trim_end_matches('0');
        let sign = if self.is_negative && !(whole == "0" && part.is_empty()) { "-" } else { "" };
        let point = if part.is_empty() { "" } else { "." };
        write!(formatter, "{sign}{whole}{point}{part}")
    }
}

/// Returns a number shifted to the right and rounded to the nearest one, to the even one of two;
/// `is_inexact` is true if it was a little more.
fn shifted_to_nearest(number: u128, bits: u32, is_inexact: bool) -> u128 {
    let Some(half) = bits.checked_sub(1) else { return number };
    if half >= u128::BITS {
        return 0;
    }
    let shifted = number.checked_shr(bits).unwrap_or(0);
    let is_half = number >> half & 1 == 1;
    let has_more = is_inexact || number & ((1 << half) - 1) != 0;
    shifted + u128::from(is_half && (has_more || shifted & 1 == 1))
}

/// Returns `number` times the power of two with this exponent, rounded; `is_inexact` is true if it
/// is a little more. Such a number has more bits than a mantissa.
fn rounded(number: u128, exponent: i64, is_inexact: bool) -> ExtendedFloat {
    let bits = i64::from(u128::BITS - number.leading_zeros());
    let shift = (bits - 64).max(EXPONENT_MIN - exponent);
    let shifted = match u32::try_from(shift) {
        Ok(shift) => shifted_to_nearest(number, shift, is_inexact),
        Err(_) => number << shift.unsigned_abs(),
    };
    let exponent = exponent + shift;
    match u64::try_from(shifted) {
        Ok(mantissa) => ExtendedFloat { is_negative: false, mantissa, exponent },
        // It was rounded up to the next power of two.
        Err(_) => ExtendedFloat { is_negative: false, mantissa: 1 << 63, exponent: exponent + 1 },
    }
}

/// Returns the number of digits with an exponent, unless it is too small.
fn parse_decimal(text: &[u8]) -> Option<ExtendedFloat> {
    let (digits, places, exponent) = parse_digits(text, 10, b'e')?;
    if digits.is_zero() {
        return Some(ExtendedFloat::ZERO);
    }
    let exponent = exponent - i64::try_from(places).ok()?;
    if !(-LOWEST_PLACES..=HIGHEST_PLACES).contains(&exponent) {
        return None;
    }
    let distance = usize::try_from(exponent.unsigned_abs()).ok()?;
    let (mut number, mut divisor) = (digits, BigNatural::new(1));
    if exponent >= 0 {
        number.multiply_by_ten(distance);
        let (highest, below, is_inexact) = number.highest();
        return Some(rounded(highest, i64::try_from(below).ok()?, is_inexact));
    }
    divisor.multiply_by_ten(distance);
    let (quotient, exponent, is_inexact) = divide(number, divisor)?;
    Some(rounded(quotient, exponent, is_inexact)).filter(|number| number.mantissa != 0)
}

fn parse_hexadecimal(text: &[u8]) -> Option<ExtendedFloat> {
    let (digits, places, exponent) = parse_digits(text, 16, b'p')?;
    if digits.is_zero() {
        return Some(ExtendedFloat::ZERO);
    }
    let (highest, below, is_inexact) = digits.highest();
    let exponent = exponent + i64::try_from(below).ok()? - 4 * i64::try_from(places).ok()?;
    Some(rounded(highest, exponent, is_inexact)).filter(|number| number.mantissa != 0)
}

/// Returns the digits of a number without its point, the number of those behind it, and the
/// exponent that follows this letter.
fn parse_digits(text: &[u8], radix: u32, letter: u8) -> Option<(BigNatural, usize, i64)> {
    let is_letter = |byte: &u8| byte.eq_ignore_ascii_case(&letter);
    let end = text.iter().position(is_letter).unwrap_or(text.len());
    let (mut number, mut places, mut count, mut has_point) = (BigNatural::new(0), 0, 0, false);
    for byte in &text[..end] {
        if *byte == b'.' && !has_point {
            has_point = true;
            continue;
        }
        number.multiply_add(radix, char::from(*byte).to_digit(radix)?);
        count += 1;
        places += usize::from(has_point);
    }
    let exponent = match text.get(end + 1..) {
        Some(exponent) => parse_exponent(exponent)?,
        None => 0,
    };
    (count > 0).then_some((number, places, exponent))
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().unwrap_or(i64::MAX);
    let limited = number.min(EXPONENT_READ_MAX);
    Some(if is_negative { -limited } else { limited })
}

/// Returns the highest bits of a quotient, more than a mantissa has, the exponent of the lowest
/// one, and true if the quotient is a little more.
fn divide(mut number: BigNatural, mut divisor: BigNatural) -> Option<(u128, i64, bool)> {
    const BITS: i64 = 67;
    // With as many bits as the divisor, the number is less than twice as much.
    let (number_bits, divisor_bits) = (number.bits(), divisor.bits());
    number.shift_left(divisor_bits.saturating_sub(number_bits));
    divisor.shift_left(number_bits.saturating_sub(divisor_bits));
    let mut quotient = 0;
    for _ in 0..BITS {
        quotient <<= 1;
        if number >= divisor {
            number.subtract(&divisor);
            quotient |= 1;
        }
        number.shift_left(1);
    }
    let shifted = i64::try_from(number_bits).ok()? - i64::try_from(divisor_bits).ok()?;
    Some((quotient, shifted - (BITS - 1), !number.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(first: &str, second: &str) -> String {
        let parse = |text: &str| ExtendedFloat::parse(text.as_bytes()).unwrap();
        let sum = parse(first).plus(parse(second));
        if sum.is_finite() { sum.to_string() } else { "infinite".to_owned() }
    }

    #[test]
    fn sums_have_the_digits_that_redis_gives_them() {
        let cases = [
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3", "1.000000000000000005", "4.00000000000000001"),
            ("0", "0.1", "0.1"),
            ("-0.0", "0", "0"),
            ("1", "-1", "0"),
            ("-0.00000000000000000001", "0", "0"),
        ];
        for (first, second, expected) in cases {
            assert_eq!(sum(first, second), expected, "{first} + {second}");
            assert_eq!(sum(second, first), expected, "{second} + {first}");
        }
    }
}
