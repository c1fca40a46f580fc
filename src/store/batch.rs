//! What a caller asks the writer to do, and what it answers.

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::engine::Entry;
use crate::{Error, Options, Result, error};

/// Operations that are applied together or not at all, in order, each seeing the ones before it.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) operations: Operations,
}

/// The operations of a batch; most batches have one, which costs no allocation of its own.
pub(crate) type Operations = SmallVec<[Operation; 1]>;

/// The answers to the operations of a batch.
pub(crate) type Answers = SmallVec<[Answer; 1]>;

impl Batch {
    /// A batch of one operation.
    pub(crate) fn single(operation: Operation) -> Self {
        Self { operations: smallvec![operation] }
    }
}

/// One operation of a batch.
pub(crate) enum Operation {
    /// Sets the key; answers [`Answer::Done`].
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
        /// When it expires, in milliseconds since the Unix epoch.
        expires_at: Option<u64>,
    },
    /// Removes the key; answers [`Answer::Flag`], whether it was there.
    Remove {
        /// The key.
        key: Vec<u8>,
    },
    /// Refuses the whole batch unless the condition holds; answers [`Answer::Done`].
    Require {
        /// The key.
        key: Vec<u8>,
        /// What must hold of it.
        condition: Condition,
    },
    /// Reads the key, then changes it; answers what the function says.
    Update {
        /// The key.
        key: Vec<u8>,
        /// Gets the entry unless it is absent or expired. Runs on the writer: it must not block.
        update: Update,
    },
    /// Removes every key; answers [`Answer::Done`]. It must be alone in its batch.
    Clear,
}

impl Operation {
    /// The key it is about.
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. }
            | Self::Remove { key }
            | Self::Require { key, .. }
            | Self::Update { key, .. } => key,
            Self::Clear => &[],
        }
    }

    /// True where its outcome depends on what is stored.
    pub(crate) fn reads(&self) -> bool {
        !matches!(self, Self::Put { .. } | Self::Clear)
    }
}

/// A function from what is stored to what shall be, with an answer.
pub(crate) type Update = Box<dyn FnOnce(Option<&Entry>) -> (Change, Answer) + Send>;

/// What a batch may demand of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The key is not there.
    Absent,
    /// The key is there.
    Present,
    /// The key has this value.
    Value(Vec<u8>),
    /// The key was last changed by this commit.
    Version(u64),
}

impl Condition {
    /// Whether it holds of the entry.
    pub(crate) fn holds(&self, entry: Option<&Entry>) -> bool {
        match (self, entry) {
            (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Value(value), Some(entry)) => *value == entry.value,
            (Self::Version(version), Some(entry)) => *version == entry.version,
            _ => false,
        }
    }

    /// Whether deciding it needs the value and not just the stamp.
    pub(crate) fn needs_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }
}

/// What an update makes of its key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    Keep,
    /// A new value.
    Put {
        /// The value.
        value: Vec<u8>,
        /// When it expires, in milliseconds since the Unix epoch.
        expires_at: Option<u64>,
    },
    /// The key goes.
    Remove,
}

/// What one operation answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// It was done.
    Done,
    /// Yes or no.
    Flag(bool),
    /// A number.
    Integer(i64),
    /// A value, or its absence.
    Bytes(Option<Vec<u8>>),
    /// It does not fit the value it met; nothing was changed.
    Refused(Cow<'static, str>),
}

/// A batch that was applied.
#[derive(Debug, PartialEq)]
pub(crate) struct Applied {
    /// The version of everything the batch wrote; `None` where it wrote nothing.
    pub(crate) version: Option<u64>,
    /// One answer for each operation.
    pub(crate) answers: Answers,
}

/// What became of one batch.
pub(crate) type Outcome = Result<Applied>;

/// The sizes a store accepts, checked once where an operation comes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    key_bytes_max: usize,
    value_bytes_max: usize,
}

/// The most bytes of keys and values in one batch: what fits a record of the log with room to spare.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 30;

impl Limits {
    /// The limits that the options state.
    pub(crate) fn new(options: &Options) -> Self {
        Self { key_bytes_max: options.key_bytes_max, value_bytes_max: options.value_bytes_max }
    }

    /// Whether a key may be stored.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<()> {
        let Self { key_bytes_max, .. } = *self;
        if key.len() > key_bytes_max {
            return Err(Error::KeyTooLarge { bytes: key.len(), bytes_max: key_bytes_max });
        }
        Ok(())
    }

    /// Whether a value may be stored.
    pub(crate) fn check_value(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let Self { value_bytes_max, .. } = *self;
        if value.len() > value_bytes_max {
            return Err(Error::ValueTooLarge {
                key: error::printable(key),
                bytes: value.len(),
                bytes_max: value_bytes_max,
            });
        }
        Ok(())
    }

    /// Whether a batch may be stored, as far as its callers can know.
    pub(crate) fn check(&self, batch: &Batch) -> Result<()> {
        let mut bytes = 0;
        for operation in &batch.operations {
            let key = operation.key();
            self.check_key(key)?;
            bytes += key.len();
            if let Operation::Put { value, .. } = operation {
                self.check_value(key, value)?;
                bytes += value.len();
            }
        }
        if bytes > BATCH_BYTES_MAX {
            return Err(Error::BatchTooLarge { bytes, bytes_max: BATCH_BYTES_MAX });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_values_and_batches_are_accepted_up_to_their_limits() {
        let limits = Limits { key_bytes_max: 3, value_bytes_max: usize::MAX };
        assert!(limits.check_key(b"abc").is_ok() && limits.check_key(b"abcd").is_err());
        let put = |key: &[u8], bytes| {
            // Zeroed memory that nobody looks at takes none.
            Operation::Put { key: key.to_vec(), value: vec![0; bytes], expires_at: None }
        };
        let half = BATCH_BYTES_MAX / 2;
        let batch = |bytes| Batch { operations: smallvec![put(b"a", half), put(b"bc", bytes)] };
        assert!(limits.check(&batch(half - 3)).is_ok());
        let bytes = match limits.check(&batch(half - 2)) {
            Err(Error::BatchTooLarge { bytes, .. }) => bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes, BATCH_BYTES_MAX + 1);
        assert!(limits.check(&batch(half)).is_err());
        let limits = Limits { key_bytes_max: 3, value_bytes_max: 5 };
        assert!(limits.check_value(b"", &[0; 5]).is_ok());
        assert!(limits.check_value(b"", &[0; 6]).is_err());
    }
}
