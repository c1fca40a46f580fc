//! Twins: parts that the checkers have no counterpart of, made of those that they have.

pub(crate) mod channel;
pub(crate) mod once;
pub(crate) mod thread;
pub(crate) mod time;

/// The guard of a published value.
pub(crate) struct Guard<V>(pub(super) V);

impl<V> Guard<V> {
    /// Returns a guard of a value.
    pub(crate) fn from_inner(value: V) -> Self {
        Self(value)
    }
}

impl<V> std::ops::Deref for Guard<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.0
    }
}

/// Calls `attempt` once: a later attempt is this one in a schedule that runs it later.
pub(crate) fn try_briefly<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    attempt()
}

/// Returns the same number in every execution, because a checker must be able to repeat one.
pub(crate) fn random() -> u128 {
    4
}
