//! The requests that wait for the writer's next group.

use super::request::WriteRequest;
use super::write_path::SyncReply;
use crate::Error;

/// A request that waits for a group, in the order of arrival.
pub(super) enum QueuedRequest {
    Write(WriteRequest),
    Sync(SyncReply),
}

impl QueuedRequest {
    /// Returns true if an operation of it depends on what is stored.
    pub(super) fn reads(&self) -> bool {
        match self {
            Self::Write(request) => request.reads(),
            Self::Sync(_) => false,
        }
    }

    /// Answers with the failure of the store.
    pub(super) fn refuse(self, failure: &Error) {
        let error = failure.poisoned();
        match self {
            Self::Write(request) => request.refuse(&error),
            Self::Sync(reply) => reply.send(Err(error)),
        }
    }
}
