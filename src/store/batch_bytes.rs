//! The bytes that a batch makes of what is stored: few operations may make many of them.

use super::limits::BATCH_BYTES_MAX;
use super::outcome::WriteAnswer;
use crate::{Error, Result};

/// The most bytes of values in the answers to one batch.
pub(crate) const ANSWER_BYTES_MAX: usize = 128 << 20;

/// The most bytes of the values that one batch combines: as many as the longest value has.
const COMBINED_BYTES_MAX: usize = 512 << 20;

/// The bytes that one batch has made so far.
#[derive(Debug, Default)]
pub(super) struct BatchBytes {
    /// The bytes of keys and values that it writes.
    written: usize,
    /// The bytes of values in its answers.
    answered: usize,
    /// The bytes of the values that it combines into others.
    combined: usize,
}

impl BatchBytes {
    /// Adds the bytes of a mutation.
    pub(super) fn note_written(&mut self, bytes: usize) {
        self.written += bytes;
    }

    /// Adds the bytes of a value that is combined with others.
    pub(super) fn note_combined(&mut self, bytes: usize) {
        self.combined += bytes;
    }

    /// Adds the bytes of an answer; those within an attempt were added one by one.
    pub(super) fn note_answer(&mut self, answer: &WriteAnswer) {
        self.answered += match answer {
            WriteAnswer::Bytes(Some(value)) => value.len(),
            WriteAnswer::Entry(Some(entry)) => entry.value.len(),
            WriteAnswer::Integers(numbers) => size_of_val(&numbers[..]),
            _ => 0,
        };
    }

    /// Returns [`Error::BatchTooLarge`] if they are too many, so that nothing more may be made.
    pub(super) fn check(&self) -> Result<()> {
        let limits = [
            (self.written, BATCH_BYTES_MAX),
            (self.answered, ANSWER_BYTES_MAX),
            (self.combined, COMBINED_BYTES_MAX),
        ];
        match limits.into_iter().find(|(bytes, bytes_max)| bytes > bytes_max) {
            Some((bytes, bytes_max)) => Err(Error::BatchTooLarge { bytes, bytes_max }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_combined_as_the_longest_value_has() {
        let mut bytes = BatchBytes::default();
        bytes.note_combined(COMBINED_BYTES_MAX);
        assert!(bytes.check().is_ok());
        bytes.note_combined(1);
        let refused = bytes.check().unwrap_err().to_string();
        assert!(
            refused.contains("536870913 bytes is larger than the limit of 536870912"),
            "{refused}"
        );
    }
}
