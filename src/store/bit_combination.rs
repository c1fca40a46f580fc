//! Bitwise combinations of values (`BITOP`).

/// A bitwise operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BitOperator {
    /// Ones where all sources have one.
    And,
    /// Ones where any source has one.
    Or,
    /// Ones where an odd number of sources have one.
    Xor,
    /// Ones where the first source has none; there is no other.
    Not,
}

/// A key that is set to a combination of others of its keyspace.
///
/// The sources are read one after the other, so two values are in memory at once, and the bytes
/// of all sources of a batch are limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BitCombination {
    /// The operator.
    pub(crate) operator: BitOperator,
    /// The key that is set, or removed if no source has a value.
    pub(crate) target: Vec<u8>,
    /// The keys of the values. A short one is filled up with zeros, and so is an absent one.
    pub(crate) sources: Vec<Vec<u8>>,
}

impl BitCombination {
    /// Returns the bytes of memory of its keys.
    pub(super) fn memory(&self) -> usize {
        let keys = self.sources.iter().map(Vec::capacity).sum::<usize>();
        self.target.capacity() + self.sources.capacity() * size_of::<Vec<u8>>() + keys
    }
}

impl BitOperator {
    /// Combines a value with the next one.
    pub(super) fn combine(self, value: &mut Vec<u8>, next: &[u8]) {
        value.resize(value.len().max(next.len()), 0);
        let (both, rest) = value.split_at_mut(next.len());
        let pairs = both.iter_mut().zip(next);
        match self {
            Self::And => {
                pairs.for_each(|(byte, next)| *byte &= next);
                rest.fill(0);
            }
            Self::Or => pairs.for_each(|(byte, next)| *byte |= next),
            Self::Xor => pairs.for_each(|(byte, next)| *byte ^= next),
            Self::Not => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_lengths_are_combined() {
        let cases = [
            (BitOperator::And, "abc", "\u{7f}b", "ab\0"),
            (BitOperator::And, "a", "abc", "a\0\0"),
            (BitOperator::Or, "a", "\u{2}b", "cb"),
            (BitOperator::Or, "abc", "", "abc"),
            (BitOperator::Xor, "abc", "ab", "\0\0c"),
            (BitOperator::Xor, "", "ab", "ab"),
        ];
        for (operator, value, next, expected) in cases {
            let mut value = value.as_bytes().to_vec();
            operator.combine(&mut value, next.as_bytes());
            assert_eq!(value, expected.as_bytes(), "{operator:?}");
        }
    }
}
