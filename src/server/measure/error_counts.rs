//! Error replies by their code.

use std::collections::BTreeMap;

use crate::server::measure::event_counter::Counter;
use crate::sync::{Mutex, lock};

/// The most codes that are counted apart. The server has few; none of them is made by a client.
const CODES_MAX: usize = 128;

/// The longest code, as in Redis.
const CODE_BYTES_MAX: usize = 32;

/// The number of error replies by their code, which is their first word.
#[derive(Default)]
pub(crate) struct ErrorCounts {
    total: Counter,
    by_code: Mutex<BTreeMap<String, u64>>,
}

impl ErrorCounts {
    /// Counts an error reply.
    pub(crate) fn note(&self, text: &str) {
        self.total.add(1);
        let code = text.split_once(' ').map(|(code, _)| code);
        let code = code.filter(|code| code.len() < CODE_BYTES_MAX).unwrap_or("ERR");
        let mut by_code = lock(&self.by_code);
        if let Some(count) = by_code.get_mut(code) {
            *count += 1;
        } else if by_code.len() < CODES_MAX {
            by_code.insert(code.to_owned(), 1);
        }
    }

    /// Returns the number of all of them.
    pub(crate) fn total(&self) -> u64 {
        self.total.get()
    }

    /// Returns the codes with their numbers.
    pub(crate) fn by_code(&self) -> Vec<(String, u64)> {
        lock(&self.by_code).iter().map(|(code, count)| (code.clone(), *count)).collect()
    }

    /// Starts again from zero.
    pub(crate) fn reset(&self) {
        self.total.reset();
        lock(&self.by_code).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_their_first_word() {
        let errors = ErrorCounts::default();
        let long = format!("{} x", "A".repeat(CODE_BYTES_MAX));
        for text in ["ERR a", "ERR b c", "WRONGTYPE x", "nothing", &long] {
            errors.note(text);
        }
        let counted = [("ERR".to_owned(), 4), ("WRONGTYPE".to_owned(), 1)];
        assert_eq!((errors.by_code().as_slice(), errors.total()), (&counted[..], 5));
        errors.reset();
        assert_eq!((errors.by_code().len(), errors.total()), (0, 0));
        (0..2 * CODES_MAX).for_each(|number| errors.note(&format!("C{number} x")));
        assert_eq!(errors.by_code().len(), CODES_MAX);
    }
}
