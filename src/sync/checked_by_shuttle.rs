//! The face whose interleavings shuttle draws; every operation takes effect at once and for
//! everybody.

pub(crate) use super::twins::channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, await_message,
    await_message_for, bounded, unbounded,
};
pub(crate) use super::twins::once::OnceLock;
pub(crate) use super::twins::thread::{JoinHandle, ThreadBuilder, catch_panic};
pub(crate) use super::twins::time::{now, sleep};
pub(crate) use super::twins::{Guard, random, try_briefly};

use super::primitives::{Mutex, lock};

/// The contract of `arc-swap`: a value that is read and replaced at once.
pub(crate) struct Swap<V>(Mutex<V>);

impl<V: Clone> Swap<V> {
    /// Returns a cell with this value.
    pub(crate) fn new(value: V) -> Self {
        Self(Mutex::new(value))
    }

    /// Returns the newest value.
    pub(crate) fn load(&self) -> Guard<V> {
        Guard(self.load_full())
    }

    /// Returns the newest value.
    pub(crate) fn load_full(&self) -> V {
        lock(&self.0).clone()
    }

    /// Replaces the value.
    pub(crate) fn store(&self, value: V) {
        self.swap(value);
    }

    /// Replaces the value. Returns the old one.
    pub(crate) fn swap(&self, value: V) -> V {
        std::mem::replace(&mut *lock(&self.0), value)
    }
}
