//! An array whose parts are allocated when they are first needed.

use crate::sync::OnceLock;

/// The number of parts of a long array: few, so that the table of them stays in the processor's
/// cache.
const PARTS: usize = 256;

/// An array whose length is a power of two, or zero.
pub(super) struct LazyArray<T> {
    parts: Box<[OnceLock<Box<[T]>>]>,
    /// The length of a part as a power of two.
    bits: u32,
}

impl<T: Default> LazyArray<T> {
    /// Returns an array of at least this length, in parts of at least `part_min`.
    pub(super) fn new(length: usize, part_min: usize) -> Self {
        if length == 0 {
            return Self { parts: Box::default(), bits: 0 };
        }
        let length = length.max(part_min).next_power_of_two();
        let part = part_min.max(length / PARTS).next_power_of_two();
        let parts = (0..length / part).map(|_| OnceLock::new()).collect();
        Self { parts, bits: part.trailing_zeros() }
    }

    /// Returns the number of elements, allocated or not.
    pub(super) fn len(&self) -> usize {
        self.parts.len() << self.bits
    }

    /// Returns the number of elements of a part.
    pub(super) fn part_length(&self) -> usize {
        1 << self.bits
    }

    /// Returns the element, if its part is allocated.
    pub(super) fn get(&self, position: usize) -> Option<&T> {
        let part = self.parts[position >> self.bits].get()?;
        Some(&part[position & (self.part_length() - 1)])
    }

    /// Returns the elements of the parts that are allocated.
    pub(super) fn allocated(&self) -> impl Iterator<Item = &T> {
        self.parts.iter().filter_map(OnceLock::get).flatten()
    }

    /// Returns the element. Allocates its part if it is not.
    pub(super) fn get_or_make(&self, position: usize) -> &T {
        let make = || (0..self.part_length()).map(|_| T::default()).collect();
        let part = self.parts[position >> self.bits].get_or_init(make);
        &part[position & (self.part_length() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_needed_parts_are_allocated() {
        for (length, part_min, len, part_length) in
            [(0, 8, 0, 1), (3, 8, 8, 8), (100, 8, 128, 8), (4096, 8, 4096, 16), (2, 1, 2, 1)]
        {
            let array = LazyArray::<u8>::new(length, part_min);
            assert_eq!((array.len(), array.part_length()), (len, part_length));
            if let Some(last) = len.checked_sub(1) {
                assert_eq!(array.get(last), None);
                assert_eq!(array.get_or_make(last), &0);
                assert_eq!(array.get(last), Some(&0));
                assert_eq!(array.get(0).is_some(), part_length == len);
            }
        }
    }
}
