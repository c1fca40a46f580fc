//! The only door to threads, atomics, locks and channels.
//!
//! Everything else in the crate takes these names from here, so that a model checker can put its own
//! twins behind them without a change anywhere else. A layering test keeps the door closed.

pub(crate) use crossbeam_channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded, unbounded,
};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
pub(crate) use std::thread::{Builder as ThreadBuilder, JoinHandle};

/// Locks a mutex whose data stays consistent even if a holder panicked.
///
/// Only for data that every critical section leaves valid at each step, such as a counter map.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value that one thread replaces as a whole and many threads read without a lock.
pub(crate) struct Published<T>(arc_swap::ArcSwap<T>);

/// What was the newest value; it stays alive while the guard does, also across I/O.
pub(crate) type Guard<T> = arc_swap::Guard<Arc<T>>;

impl<T> Published<T> {
    /// Publishes the first value.
    pub(crate) fn new(value: T) -> Self {
        Self::of(Arc::new(value))
    }

    /// Publishes the first value, which others may hold as well.
    pub(crate) fn of(value: Arc<T>) -> Self {
        Self(arc_swap::ArcSwap::new(value))
    }

    /// The newest value, for a short while: a thread that holds several guards pays for the later ones.
    pub(crate) fn load(&self) -> Guard<T> {
        self.0.load()
    }

    /// The newest value, to be kept.
    pub(crate) fn load_full(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Publishes the next value.
    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

/// A value that may be missing, which any thread replaces as a whole and many read without a lock.
pub(crate) struct PublishedOption<T>(arc_swap::ArcSwapOption<T>);

impl<T> Default for PublishedOption<T> {
    fn default() -> Self {
        Self(arc_swap::ArcSwapOption::empty())
    }
}

impl<T> PublishedOption<T> {
    /// The newest value, for a short while.
    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<T>>> {
        self.0.load()
    }

    /// Publishes the next value, or that there is none.
    pub(crate) fn swap(&self, value: Option<T>) -> Option<Arc<T>> {
        self.0.swap(value.map(Arc::new))
    }
}

/// Tries for some microseconds what would otherwise be waited for, since parking a thread and waking it
/// costs more than that; gives way to threads that have something to do.
pub(crate) fn try_briefly<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    const SPINS: usize = 32;
    const YIELDS: usize = 32;
    for turn in 0..SPINS + YIELDS {
        if let Some(result) = attempt() {
            return Some(result);
        }
        if turn < SPINS {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
    None
}

/// Waits; only for trying again what another process has to let go of.
pub(crate) fn sleep(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// A number that nobody else draws; not for secrets.
pub(crate) fn random() -> u128 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let draw = || u128::from(RandomState::new().build_hasher().finish());
    draw() << 64 | draw()
}
