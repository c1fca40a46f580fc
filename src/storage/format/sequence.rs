//! The sequence number of a commit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The sequence number of a commit, which is the version of every key that it writes.
///
/// Bytes on disk and atomics hold the bare number; it is converted where it enters and leaves them.
/// So does [`Entry`](crate::Entry), which is what programs see.
#[repr(transparent)]
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    /// The one before the first commit.
    pub(crate) const ZERO: Self = Self(0);

    /// That of the first commit.
    pub(crate) const FIRST: Self = Self(1);

    /// The highest that is accepted: far beyond what can be written, and far enough from the end of
    /// the numbers that counting on never meets it.
    pub(crate) const MAX: Self = Self(1 << 62);

    /// Returns that of the next commit.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Returns that of the commit before; zero has none, and stays.
    pub(crate) const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Returns that of the commit which comes so many after this one.
    pub(crate) const fn plus(self, commits: usize) -> Self {
        Self(self.0 + commits as u64)
    }

    /// Returns how many commits after another one this comes; `None` if it comes before.
    pub(crate) fn since(self, first: Self) -> Option<usize> {
        usize::try_from(self.0.checked_sub(first.0)?).ok()
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
