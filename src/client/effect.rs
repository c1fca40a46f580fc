//! The effect of a request, as far as a client has to know it.

use crate::protocol::native::RequestOperation;

/// The effect of a request, which decides whether it may be executed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestEffect {
    /// It changes nothing.
    Reads,
    /// It changes something, also where somebody else wrote between the two.
    Writes,
    /// It is about the writes before it, which the server must have had.
    Syncs,
}

impl RequestEffect {
    /// Returns the effect of an operation.
    pub(super) fn of(operation: &RequestOperation<'_>) -> Self {
        match operation {
            RequestOperation::Ping
            | RequestOperation::Get { .. }
            | RequestOperation::GetMany { .. }
            | RequestOperation::Contains { .. }
            | RequestOperation::GetVersioned { .. }
            | RequestOperation::Scan { .. }
            | RequestOperation::Count
            | RequestOperation::OpenSnapshot
            | RequestOperation::CloseSnapshot
            | RequestOperation::CountRange { .. }
            | RequestOperation::ListKeyspaces
            | RequestOperation::OpenKeyspace { create: false, .. }
            | RequestOperation::Info
            | RequestOperation::Watch { .. }
            | RequestOperation::Authenticate { .. } => Self::Reads,
            RequestOperation::Set { .. }
            | RequestOperation::Remove { .. }
            | RequestOperation::Batch { .. }
            | RequestOperation::Increment { .. }
            | RequestOperation::Append { .. }
            | RequestOperation::Swap { .. }
            | RequestOperation::Take { .. }
            | RequestOperation::Expire { .. }
            | RequestOperation::Persist { .. }
            | RequestOperation::RemoveRange { .. }
            | RequestOperation::Clear
            | RequestOperation::OpenKeyspace { create: true, .. }
            | RequestOperation::RenameKeyspace { .. }
            | RequestOperation::SwapKeyspaces { .. }
            | RequestOperation::DropKeyspace { .. } => Self::Writes,
            RequestOperation::Sync => Self::Syncs,
        }
    }
}
