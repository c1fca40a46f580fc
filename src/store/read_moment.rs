//! The moment that several reads see together.

use std::ops::Deref;

use crate::engine::{EngineSnapshot, UnixMillis};

/// A point in time at which a store is read.
pub(super) struct ReadMoment {
    /// `None` in an engine without snapshots, which is read as it is.
    pub(super) snapshot: Option<EngineSnapshot>,
    /// The time of expiry: keys that expire together are gone together.
    pub(super) now: UnixMillis,
}

impl ReadMoment {
    /// Returns true if an expiry has passed.
    pub(super) fn is_past(&self, expires_at: Option<UnixMillis>) -> bool {
        expires_at.is_some_and(|time| time <= self.now)
    }
}

/// The moment of some reads: one of their own, or the one that their view has.
pub(super) enum HeldMoment<'a> {
    Own(ReadMoment),
    OfView(&'a ReadMoment),
}

impl Deref for HeldMoment<'_> {
    type Target = ReadMoment;

    fn deref(&self) -> &ReadMoment {
        match self {
            Self::Own(moment) => moment,
            Self::OfView(moment) => moment,
        }
    }
}
