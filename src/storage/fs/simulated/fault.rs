//! Which calls fail, and how.

use std::io;

/// What may fail.
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
    /// Whether it may change what a power loss leaves.
    pub(super) fn changes(self) -> bool {
        !matches!(self, Self::List | Self::Open | Self::Length | Self::Links | Self::Read)
    }

    /// Whether it may fail like this.
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

/// What a call is about.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Name(&'a str),
    File(usize),
}

/// How a call fails.
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

/// Which call fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Counted from now, the first call is number 0.
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
