//! Natural numbers of any size, as far as the decimal digits of a float need them.

use std::cmp::Ordering;

/// The bits of a limb.
const LIMB_BITS: usize = u32::BITS as usize;

/// The highest power of ten that a limb holds, and its digits.
const TENS: (u32, usize) = (1_000_000_000, 9);

/// A natural number: limbs, lowest first, without zeros at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BigNatural(Vec<u32>);

impl BigNatural {
    /// Returns a small number.
    pub(super) fn new(number: u64) -> Self {
        let mut made = Self(vec![low_half(number), low_half(number >> LIMB_BITS)]);
        made.trim();
        made
    }

    /// Multiplies it by a power of ten.
    pub(super) fn multiply_by_ten(&mut self, mut exponent: usize) {
        while exponent >= TENS.1 {
            self.multiply_add(TENS.0, 0);
            exponent -= TENS.1;
        }
        for _ in 0..exponent {
            self.multiply_add(10, 0);
        }
    }

    /// Multiplies it, and adds to the product.
    pub(super) fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for limb in &mut self.0 {
            let product = u64::from(*limb) * u64::from(factor) + carry;
            *limb = low_half(product);
            carry = product >> LIMB_BITS;
        }
        self.0.push(low_half(carry));
        self.trim();
    }

    /// Multiplies it by a power of two.
    pub(super) fn shift_left(&mut self, bits: usize) {
        let (limbs, bits) = (bits / LIMB_BITS, bits % LIMB_BITS);
        let mut carry = 0;
        for limb in &mut self.0 {
            let shifted = u64::from(*limb) << bits | carry;
            *limb = low_half(shifted);
            carry = shifted >> LIMB_BITS;
        }
        self.0.push(low_half(carry));
        self.0.splice(..0, std::iter::repeat_n(0, limbs));
        self.trim();
    }

    /// Subtracts a number that is not greater.
    pub(super) fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (position, limb) in self.0.iter_mut().enumerate() {
            let subtrahend = other.0.get(position).copied().unwrap_or(0);
            let (less, first) = limb.overflowing_sub(subtrahend);
            let (less, second) = less.overflowing_sub(u32::from(borrow));
            *limb = less;
            borrow = first || second;
        }
        self.trim();
    }

    /// Returns the number of bits, leading zeros not counted.
    pub(super) fn bits(&self) -> usize {
        let last = self.0.last().map_or(0, |limb| LIMB_BITS - limb.leading_zeros() as usize);
        self.0.len().saturating_sub(1) * LIMB_BITS + last
    }

    /// Returns true for zero.
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns its highest 128 bits, the number of those below them, and true if any of these is
    /// set.
    pub(super) fn highest(&self) -> (u128, usize, bool) {
        let limbs_taken = 128 / LIMB_BITS;
        let below = self.0.len().saturating_sub(limbs_taken);
        let taken = self.0.iter().skip(below).rev();
        let high = taken.fold(0, |high: u128, limb| high << LIMB_BITS | u128::from(*limb));
        (high, below * LIMB_BITS, self.0.iter().take(below).any(|limb| *limb != 0))
    }

    /// Returns its decimal digits.
    pub(super) fn decimal(mut self) -> String {
        let mut parts = Vec::new();
        while !self.is_zero() {
            parts.push(self.divide(TENS.0));
        }
        let mut parts = parts.into_iter().rev();
        let mut digits = parts.next().unwrap_or(0).to_string();
        parts.for_each(|part| digits.push_str(&format!("{part:0width$}", width = TENS.1)));
        digits
    }

    /// Divides it, and returns the remainder.
    fn divide(&mut self, divisor: u32) -> u32 {
        let mut remainder = 0;
        for limb in self.0.iter_mut().rev() {
            let dividend = remainder << LIMB_BITS | u64::from(*limb);
            *limb = low_half(dividend / u64::from(divisor));
            remainder = dividend % u64::from(divisor);
        }
        self.trim();
        low_half(remainder)
    }

    fn trim(&mut self) {
        let zeros = self.0.iter().rev().take_while(|limb| **limb == 0).count();
        self.0.truncate(self.0.len() - zeros);
    }
}

impl Ord for BigNatural {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for BigNatural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low_half(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power_of_ten(exponent: usize) -> BigNatural {
        let mut power = BigNatural::new(1);
        power.multiply_by_ten(exponent);
        power
    }

    #[test]
    fn powers_have_their_digits_and_bits() {
        assert_eq!(BigNatural::new(0).decimal(), "0");
        assert_eq!(BigNatural::new(u64::MAX).decimal(), u64::MAX.to_string());
        let power = power_of_ten(40);
        assert_eq!((power.bits(), power.clone().decimal()), (133, format!("1{:040}", 0)));
        let mut shifted = BigNatural::new(3);
        shifted.shift_left(126);
        assert_eq!(shifted.clone().decimal(), (3_u128 << 126).to_string());
        assert_eq!(shifted.highest(), (3 << 126, 0, false));
        shifted.multiply_add(1 << 31, 1);
        assert_eq!(shifted.highest(), (3 << 125, 32, true));
    }

    #[test]
    fn numbers_are_compared_and_subtracted() {
        let (mut high, low) = (power_of_ten(30), power_of_ten(29));
        assert!(high > low);
        (0..9).for_each(|_| high.subtract(&low));
        assert_eq!(high, low);
        high.subtract(&low);
        assert!(high.is_zero() && high < low);
    }
}
