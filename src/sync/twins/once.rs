//! A value that is set once.

use std::sync::OnceLock as Value;

use super::super::primitives::{AtomicBool, Ordering};

/// The contract of `std::sync::OnceLock`: reading it is an atomic read, and a thread that finds it
/// set sees the value.
pub(crate) struct OnceLock<T> {
    value: Value<T>,
    is_set: AtomicBool,
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { value: Value::new(), is_set: AtomicBool::new(false) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.is_set.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let set = self.value.set(value);
        self.is_set.store(true, Ordering::Release);
        set
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if self.is_set.load(Ordering::Acquire)
            && let Some(value) = self.value.get()
        {
            return value;
        }
        // What makes the value is not scheduled, so no thread waits for another here.
        let value = self.value.get_or_init(make);
        self.is_set.store(true, Ordering::Release);
        value
    }
}
