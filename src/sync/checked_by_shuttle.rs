//! The face whose interleavings shuttle draws; every operation takes effect at once and for everybody.

pub(crate) use super::twins::channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded,
};
pub(crate) use super::twins::once::OnceLock;
pub(crate) use super::twins::thread::{JoinHandle, ThreadBuilder};
pub(crate) use super::twins::time::{now, sleep};
pub(super) use shuttle::sync::Condvar;
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
pub(super) use shuttle::thread;

pub(crate) use super::twins::{Guard, random};

/// What arc-swap promises: a value that is read and replaced at once.
pub(crate) struct ArcSwap<T>(Mutex<Arc<T>>);

impl<T> ArcSwap<T> {
    /// A cell with this value.
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }

    /// The newest value.
    pub(crate) fn load(&self) -> Guard<T> {
        Guard(self.load_full())
    }

    /// The newest value.
    pub(crate) fn load_full(&self) -> Arc<T> {
        Arc::clone(&super::lock(&self.0))
    }

    /// Replaces the value.
    pub(crate) fn store(&self, value: Arc<T>) {
        self.swap(value);
    }

    /// Replaces the value and gives the old one.
    pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
        std::mem::replace(&mut *super::lock(&self.0), value)
    }
}
