//! What the checkers have no counterpart of, made of what they have.

pub(crate) mod channel;
pub(crate) mod once;
pub(crate) mod thread;
pub(crate) mod time;

/// What loading a published value gives.
pub(crate) struct Guard<V>(pub(super) V);

impl<V> std::ops::Deref for Guard<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.0
    }
}

/// Tries once: what a later attempt would find, this one finds if it is scheduled later.
pub(crate) fn try_briefly<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    attempt()
}

/// The same number in every execution: a checker has to be able to repeat one.
pub(crate) fn random() -> u128 {
    4
}
