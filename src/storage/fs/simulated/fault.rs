//! Faults: calls that fail, and the ways in which they do.

use std::io;

/// A call of the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    List,
    Create,
    Open,
    Rename,
    Remove,
    SyncDirectory,
    Length,
    Links,
    Read,
    Write,
    SetLength,
    Allocate,
    Sync,
}

impl Call {
    /// Returns true if it may change what a power loss leaves.
    pub(super) fn changes(self) -> bool {
        !matches!(self, Self::List | Self::Open | Self::Length | Self::Links | Self::Read)
    }

    /// Returns true if it may fail in this way.
    pub(super) fn meets(self, failure: Failure) -> bool {
        match failure {
            Failure::Input | Failure::Interrupted => true,
            Failure::Full => {
                matches!(self, Self::Create | Self::Write | Self::Allocate | Self::Sync)
            }
            Failure::Short => self == Self::Write,
        }
    }
}

/// The file that a call is about.
#[derive(Clone, Copy)]
pub(super) enum CallTarget<'a> {
    Name(&'a str),
    File(usize),
}

/// A way in which a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// `EIO`, and any part of a write is there.
    Input,
    /// `ENOSPC`, from the calls that may need space, and nothing of a write is there.
    Full,
    /// `ENOSPC` from a write, and the first half of it is there.
    Short,
    /// `EINTR`.
    Interrupted,
}

/// A call that is to fail, and the way in which it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The number of the call, counted from now on from 0.
    pub(crate) call: u64,
    pub(crate) failure: Failure,
    /// Every later call fails too.
    pub(crate) forever: bool,
}

impl Failure {
    pub(super) fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::Input => 5,
            Self::Full | Self::Short => 28,
            Self::Interrupted => 4,
        })
    }
}
