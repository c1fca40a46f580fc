//! The reason why an operation has no answer yet, or none at all.

use crate::Error;
use crate::protocol::native::Failure;
use crate::server::execute::execution::Execution;
use crate::store::read::ReadError;
use crate::store::reader::ReadLength;

/// The reason why an operation has no answer.
pub(super) enum Unanswered {
    /// It would wait for the disk, or is long: a reader executes it once more.
    WouldBlock(ReadLength),
    /// It failed.
    Failed(Failure),
}

impl Unanswered {
    /// Returns it as the result of an execution.
    pub(super) fn into_execution<T>(self) -> Execution<Result<T, Failure>> {
        match self {
            Self::WouldBlock(length) => Execution::WouldBlock(length),
            Self::Failed(failure) => Execution::Done(Err(failure)),
        }
    }
}

impl From<ReadError> for Unanswered {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::WouldBlock => Self::WouldBlock(ReadLength::Short),
            ReadError::TooLong => Self::WouldBlock(ReadLength::Long),
            ReadError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}
