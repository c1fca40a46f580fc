//! What the checkers have no counterpart of, made of what they have.

pub(crate) mod channel;
pub(crate) mod once;
pub(crate) mod thread;
pub(crate) mod time;

use super::Arc;

/// What loading from an `ArcSwap` gives.
pub(crate) struct Guard<T>(pub(super) Arc<T>);

impl<T> std::ops::Deref for Guard<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.0
    }
}

/// The same number in every execution: a checker has to be able to repeat one.
pub(crate) fn random() -> u128 {
    4
}
