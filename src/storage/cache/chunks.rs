//! An array whose parts are made when they are first needed.

use crate::sync::OnceLock;

/// Parts of a long array: few, so that the table of them stays in the processor's cache.
const PARTS: usize = 256;

/// An array of a length that is a power of two, or of no length.
pub(super) struct Chunks<T> {
    parts: Box<[OnceLock<Box<[T]>>]>,
    /// The length of each part is two to the power of this.
    bits: u32,
}

impl<T: Default> Chunks<T> {
    /// An array of at least this length, in parts of at least this length.
    pub(super) fn new(length: usize, part_min: usize) -> Self {
        if length == 0 {
            return Self { parts: Box::default(), bits: 0 };
        }
        let length = length.max(part_min).next_power_of_two();
        let part = part_min.max(length / PARTS).next_power_of_two();
        let parts = (0..length / part).map(|_| OnceLock::new()).collect();
        Self { parts, bits: part.trailing_zeros() }
    }

    /// How many elements there are, made or not.
    pub(super) fn len(&self) -> usize {
        self.parts.len() << self.bits
    }

    /// How many are made at once.
    pub(super) fn part_len(&self) -> usize {
        1 << self.bits
    }

    /// The element, if its part was made.
    pub(super) fn get(&self, position: usize) -> Option<&T> {
        let part = self.parts[position >> self.bits].get()?;
        Some(&part[position & (self.part_len() - 1)])
    }

    /// The element, which is made if it was not.
    pub(super) fn get_or_make(&self, position: usize) -> &T {
        let make = || (0..self.part_len()).map(|_| T::default()).collect();
        let part = self.parts[position >> self.bits].get_or_init(make);
        &part[position & (self.part_len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_is_made() {
        for (length, part_min, len, part_len) in
            [(0, 8, 0, 1), (3, 8, 8, 8), (100, 8, 128, 8), (4096, 8, 4096, 16), (2, 1, 2, 1)]
        {
            let chunks = Chunks::<u8>::new(length, part_min);
            assert_eq!((chunks.len(), chunks.part_len()), (len, part_len));
            if let Some(last) = len.checked_sub(1) {
                assert_eq!(chunks.get(last), None);
                assert_eq!(chunks.get_or_make(last), &0);
                assert_eq!(chunks.get(last), Some(&0));
                assert_eq!(chunks.get(0).is_some(), part_len == len);
            }
        }
    }
}
