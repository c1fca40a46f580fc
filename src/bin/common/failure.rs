//! Failures of a tool, and its exit codes.

use std::io::ErrorKind;
use std::process::ExitCode;

use kvs::protocol::native::FailureKind;
use kvs::{ClientError, Error, ImportError, TransferError};

/// The exit codes of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolExit {
    /// Done; or answered that there is no such key.
    Done = 0,
    /// A failure that has no code of its own.
    Failed = 1,
    /// Arguments that are wrong; clap refuses most of them, with the same code.
    WrongArguments = 2,
    /// There is no such key, and `--exit-code` asks for this code.
    NotFound = 3,
    /// The server cannot be reached, or does not answer.
    NotConnected = 4,
    /// Stored data is damaged.
    Damaged = 5,
    /// Another process has the store open.
    InUse = 6,
}

impl From<ToolExit> for ExitCode {
    fn from(exit: ToolExit) -> Self {
        Self::from(exit as u8)
    }
}

/// The end of a tool that did not do what it was asked.
#[derive(Debug)]
pub struct ToolFailure {
    exit: ToolExit,
    message: Option<String>,
}

/// The result of a verb.
pub type ToolResult = Result<ToolExit, ToolFailure>;

impl ToolFailure {
    /// Returns a failure that has no exit code of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self::coded(ToolExit::Failed, message)
    }

    /// Returns a refusal of arguments, which says what to write instead.
    pub fn arguments(message: impl Into<String>) -> Self {
        Self::coded(ToolExit::WrongArguments, message)
    }

    /// Returns the end of a tool whose answers nobody reads any more, which is no failure to tell
    /// of.
    pub fn reader_gone() -> Self {
        Self { exit: ToolExit::Done, message: None }
    }

    fn coded(exit: ToolExit, message: impl Into<String>) -> Self {
        Self { exit, message: Some(message.into()) }
    }

    /// Returns the exit code.
    pub fn exit(&self) -> ToolExit {
        self.exit
    }

    /// Returns the line for the user, if there is something to tell.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl From<Error> for ToolFailure {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Locked { .. } => ToolExit::InUse,
            error if error.is_corruption() => ToolExit::Damaged,
            _ => ToolExit::Failed,
        };
        Self::coded(exit, format!("{error}{}", advice(&error)))
    }
}

/// Returns what the user can do about an error beside what its message says.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::NoStore { .. } => "; `kvs set` makes one, and --dir names another directory",
        Error::NoSuchKeyspace { .. } => "; `keyspaces` lists those that there are",
        Error::Locked { .. } => ", or talk to a server that has it open with `kvs-client`",
        Error::Io { action: "open the directory", source, .. } => match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                "; --dir names the directory of a store"
            }
            ErrorKind::PermissionDenied => "; run as a user that may use it",
            _ => "",
        },
        _ => "",
    }
}

impl From<ClientError> for ToolFailure {
    fn from(error: ClientError) -> Self {
        let exit = match error.failure_kind() {
            Some(FailureKind::Corrupt) => ToolExit::Damaged,
            Some(_) => ToolExit::Failed,
            None => match &error {
                ClientError::Network { .. }
                | ClientError::Timeout { .. }
                | ClientError::Protocol { .. }
                | ClientError::NoRoom { .. } => ToolExit::NotConnected,
                _ => ToolExit::Failed,
            },
        };
        let advice = match error.failure_kind() {
            Some(FailureKind::NotAuthenticated) => ": set KVS_PASSWORD or --password-file",
            Some(FailureKind::NoSuchKeyspace) => "; `keyspaces` lists those that there are",
            _ => "",
        };
        Self::coded(exit, format!("{error}{advice}"))
    }
}

impl From<TransferError> for ToolFailure {
    fn from(error: TransferError) -> Self {
        let (advice, message) = (transfer_advice(&error), error.to_string());
        match error {
            error if error.is_broken_pipe() => Self::reader_gone(),
            TransferError::Store(error) => error.into(),
            TransferError::Client(error) => error.into(),
            TransferError::Refused { source, .. } => Self::coded(Self::from(*source).exit, message),
            _ => Self::new(format!("{message}{advice}")),
        }
    }
}

/// Returns what the user can do about an error of an export or an import.
fn transfer_advice(error: &TransferError) -> &'static str {
    match error {
        TransferError::SeveralKeyspaces { .. } => " with --keyspace",
        _ => "",
    }
}

impl From<ImportError> for ToolFailure {
    fn from(error: ImportError) -> Self {
        let message = error.to_string();
        Self::coded(Self::from(*error.error).exit, message)
    }
}
