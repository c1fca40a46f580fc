//! Outcomes of batches: an answer for each operation, or one error.

use smallvec::SmallVec;

use crate::engine::{Entry, Sequence};
use crate::{Error, Result};

/// The answer to one operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WriteAnswer {
    /// The operation was done.
    Done,
    /// Yes or no; the operation says to which question.
    Flag(bool),
    /// A number.
    Integer(i64),
    /// A number for each part of the operation, or none where it was not done.
    Integers(Vec<Option<i64>>),
    /// A value, or its absence.
    Bytes(Option<Vec<u8>>),
    /// The entry of a key, unless it is absent or has expired.
    Entry(Option<Box<Entry>>),
    /// The answers to the operations of an attempt, or the reason why they were not done.
    Attempted(std::result::Result<Vec<WriteAnswer>, Box<AttemptRefusal>>),
}

/// The reason why an attempt was not done.
#[derive(Debug, Clone)]
pub(crate) struct AttemptRefusal(pub(crate) Error);

/// Two are the same if they say the same.
impl PartialEq for AttemptRefusal {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

/// The answers to the operations of a batch, in their order.
pub(crate) type WriteAnswers = SmallVec<[WriteAnswer; 1]>;

/// A batch that was applied.
#[derive(Debug, PartialEq)]
pub(crate) struct Applied {
    /// The version of everything that the batch wrote; `None` if it wrote nothing.
    pub(crate) version: Option<Sequence>,
    /// One answer for each operation.
    pub(crate) answers: WriteAnswers,
}

/// The outcome of one batch.
pub(crate) type BatchOutcome = Result<Applied>;
