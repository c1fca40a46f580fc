//! Errors of the store and of the protocol as failures of the native protocol.

use crate::Error;
use crate::protocol::ProtocolError;
use crate::protocol::native::{Failure, FailureKind};
use crate::server::execute::error_report::report;

/// The reason why a connection that holds too much memory is closed.
pub(crate) const EVICTION: &str = "the memory for clients is used up and this one held the most \
                                   of it; send less at once, or take replies sooner";

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let kind = match error {
            Error::KeyNotFound => FailureKind::NotFound,
            Error::KeyTooLarge { .. } => FailureKind::KeyTooLarge,
            Error::ValueTooLarge { .. }
            | Error::BatchTooLarge { .. }
            | Error::TooManyOperations { .. } => FailureKind::ValueTooLarge,
            Error::ConditionFailed { .. } => FailureKind::ConditionFailed,
            Error::WrongType => FailureKind::WrongType,
            Error::TransactionConflict => FailureKind::TransactionConflict,
            Error::TransactionTooLarge { .. } => FailureKind::TransactionTooLarge,
            Error::NotAnInteger { .. } => FailureKind::NotAnInteger,
            Error::IntegerOverflow { .. } => FailureKind::IntegerOverflow,
            Error::NoSuchKeyspace { .. } | Error::KeyspaceDropped { .. } => {
                FailureKind::NoSuchKeyspace
            }
            Error::KeyspaceExists { .. } => FailureKind::KeyspaceExists,
            Error::DefaultKeyspace => FailureKind::DefaultKeyspace,
            Error::InvalidKeyspaceName { .. } => FailureKind::InvalidKeyspaceName,
            Error::Unsupported { .. } => FailureKind::Unsupported,
            Error::Corrupt { .. } => FailureKind::Corrupt,
            Error::UnknownOutcome(_) => FailureKind::OutcomeUnknown,
            Error::Poisoned(_) => FailureKind::Poisoned,
            Error::Closed => FailureKind::Closed,
            Error::MemoryFull { .. } => FailureKind::Full,
            error if error.is_disk_full() => FailureKind::Full,
            _ => FailureKind::Internal,
        };
        failure(kind, report(error))
    }
}

/// Returns the failure that tells a client why its connection is closed.
pub(crate) fn protocol_failure(error: &ProtocolError) -> Failure {
    failure(FailureKind::Protocol, error.to_string())
}

/// Returns the failure that tells a client that its connection is closed for what it holds.
pub(crate) fn eviction_failure() -> Failure {
    failure(FailureKind::Busy, EVICTION)
}

/// Returns the failure in place of an answer that no frame can hold.
pub(crate) fn response_too_large() -> Failure {
    failure(FailureKind::Unsupported, "the answer is larger than a frame; ask for less at once")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

/// Returns the failure of a request at the snapshot of a connection that has none.
pub(crate) fn no_snapshot() -> Failure {
    let message = "the connection has no snapshot: open one; the server lets each go after a time";
    failure(FailureKind::NoSnapshot, message)
}

/// Returns the failure of an operation on a snapshot that is only done at present.
pub(crate) fn not_at_snapshot() -> Failure {
    failure(FailureKind::Unsupported, "a snapshot is only read; this is done at present")
}

/// Returns the failure of a read whose keyspace has no name among those of its batch.
pub(crate) fn unnamed_keyspace() -> Failure {
    failure(FailureKind::Protocol, "a read is of a keyspace that the batch does not name")
}

/// Returns a failure of the given kind.
fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into() }
}
