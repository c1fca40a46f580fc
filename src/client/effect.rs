//! The effect of a request, as far as a client has to know it.

use crate::protocol::native::RequestOperation;

/// The effect of a request, which decides whether it may be executed twice; of several requests it
/// is the highest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RequestEffect {
    /// It changes nothing.
    Reads,
    /// It writes as below, and its answer says that what it wrote survives power loss.
    WritesDurably,
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
            | RequestOperation::BackupState
            | RequestOperation::Watch { .. }
            | RequestOperation::Authenticate { .. } => Self::Reads,
            RequestOperation::Set { sync, .. }
            | RequestOperation::Remove { sync, .. }
            | RequestOperation::Batch { sync, .. }
            | RequestOperation::Increment { sync, .. }
            | RequestOperation::Append { sync, .. }
            | RequestOperation::Swap { sync, .. }
            | RequestOperation::Take { sync, .. }
            | RequestOperation::Expire { sync, .. }
            | RequestOperation::Persist { sync, .. }
            | RequestOperation::RemoveRange { sync, .. } => match sync {
                Some(true) => Self::WritesDurably,
                Some(false) | None => Self::Writes,
            },
            RequestOperation::Clear
            | RequestOperation::BeginBackup { .. }
            | RequestOperation::OpenKeyspace { create: true, .. }
            | RequestOperation::RenameKeyspace { .. }
            | RequestOperation::SwapKeyspaces { .. }
            | RequestOperation::DropKeyspace { .. } => Self::Writes,
            RequestOperation::Sync => Self::Syncs,
        }
    }
}
