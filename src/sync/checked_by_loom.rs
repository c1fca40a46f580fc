//! The face whose every interleaving loom tries, with the reorderings that the memory model allows.

use std::sync::{Mutex as Held, PoisonError as Poisoned};

pub(crate) use super::twins::channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, await_message,
    await_message_for, bounded, unbounded,
};
pub(crate) use super::twins::once::OnceLock;
pub(crate) use super::twins::thread::{JoinHandle, ThreadBuilder, catch_panic};
pub(crate) use super::twins::time::{now, sleep};
pub(crate) use super::twins::{Guard, random, try_briefly};

use super::primitives::{AtomicUsize, Ordering};

/// The contract of `arc-swap`: a pointer that is read with `Acquire` and replaced with `AcqRel`,
/// and values that live as long as somebody holds them.
///
/// The pointer is the number of a value. Replaced values are kept, because a reader that nothing
/// orders after the replacement may still be given an old one.
pub(crate) struct Swap<V> {
    /// Never held across something that loom schedules, so no thread waits for it.
    values: Held<Vec<V>>,
    newest: AtomicUsize,
}

impl<V: Clone> Swap<V> {
    /// Returns a cell with this value.
    pub(crate) fn new(value: V) -> Self {
        Self { values: Held::new(vec![value]), newest: AtomicUsize::new(0) }
    }

    /// Returns a value that is at least as new as everything that happened before.
    pub(crate) fn load(&self) -> Guard<V> {
        Guard(self.load_full())
    }

    /// Returns the same, to be kept.
    pub(crate) fn load_full(&self) -> V {
        let number = self.newest.load(Ordering::Acquire);
        self.value(number)
    }

    /// Replaces the value.
    pub(crate) fn store(&self, value: V) {
        self.swap(value);
    }

    /// Replaces the value. Returns the old one.
    pub(crate) fn swap(&self, value: V) -> V {
        let number = {
            let mut values = self.values.lock().unwrap_or_else(Poisoned::into_inner);
            values.push(value);
            values.len() - 1
        };
        let old = self.newest.swap(number, Ordering::AcqRel);
        self.value(old)
    }

    fn value(&self, number: usize) -> V {
        self.values.lock().unwrap_or_else(Poisoned::into_inner)[number].clone()
    }
}
