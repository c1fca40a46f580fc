//! Threads that may panic on purpose, which the checkers take for a failure of the model.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::super::primitives::thread;

/// A panic with this in its message is part of a model: it ends its thread, and joining says so.
pub(crate) const ON_PURPOSE: &str = "on purpose";

/// Returns true if a model meant this panic.
pub(crate) fn is_on_purpose(payload: &(dyn Any + Send)) -> bool {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.is_some_and(|text| text.contains(ON_PURPOSE))
}

/// Does the work. Returns what it panicked with if a model meant that.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Err(payload) if !is_on_purpose(&*payload) => resume_unwind(payload),
        result => result,
    }
}

pub(crate) struct ThreadBuilder(thread::Builder);

impl ThreadBuilder {
    pub(crate) fn new() -> Self {
        Self(thread::Builder::new())
    }

    pub(crate) fn name(self, name: String) -> Self {
        Self(self.0.name(name))
    }

    pub(crate) fn spawn<T, F>(self, run: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.spawn(|| catch_panic(run)).map(JoinHandle)
    }
}

pub(crate) struct JoinHandle<T>(thread::JoinHandle<std::thread::Result<T>>);

impl<T> JoinHandle<T> {
    pub(crate) fn join(self) -> std::thread::Result<T> {
        self.0.join().flatten()
    }
}
