//! Outcomes of batches: an answer for each operation, or one error.

use smallvec::SmallVec;

use crate::Result;
use crate::engine::Sequence;

/// The answer to one operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WriteAnswer {
    /// The operation was done.
    Done,
    /// Yes or no; the operation says to which question.
    Flag(bool),
    /// A number.
    Integer(i64),
    /// A value, or its absence.
    Bytes(Option<Vec<u8>>),
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
