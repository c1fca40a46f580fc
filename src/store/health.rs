//! The state of the store's writes, for every handle to see.

use crate::Error;
use crate::sync::{AtomicBool, OnceLock, Ordering};

/// The state of writes: taken or not, succeeding or failing.
#[derive(Default)]
pub(crate) struct Health {
    /// The error that stopped the store from taking writes.
    failure: OnceLock<Error>,
    /// The last write failed, or the disk is full.
    is_failing: AtomicBool,
}

impl Health {
    /// Returns the error that stopped the store from taking writes, if one did.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    /// Notes the error that stops the store from taking writes, and returns it; the first one
    /// explains the others.
    pub(crate) fn fail(&self, error: impl FnOnce() -> Error) -> &Error {
        self.failure.get_or_init(error)
    }

    /// Notes if writes fail at present.
    pub(crate) fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Relaxed);
    }

    /// Returns true if a write would fail, as far as is known.
    pub(crate) fn is_failing(&self) -> bool {
        self.failure().is_some() || self.is_failing.load(Ordering::Relaxed)
    }
}
