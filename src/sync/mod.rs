//! The only door to threads, atomics, locks, channels and the time that threads wait by.
//!
//! Everything else in the crate takes these names from here, and a layering test keeps the door
//! closed. It has three faces with the same names, so that the source that ships is the source that
//! is checked:
//!
//! | face | built with | made of |
//! |---|---|---|
//! | [`production`] | nothing | `std`, `crossbeam-channel`, `arc-swap` |
//! | `checked_by_loom` | `--cfg kvs_loom` | loom, which tries every interleaving of a small program |
//! | `checked_by_shuttle` | `--cfg kvs_shuttle` | shuttle, which tries many random ones of a large program |
//!
//! Atomics and locks of each are in `primitives`, parts that the checkers have no counterpart of in
//! `twins`. One suite of tests,
//! `conformance`, states what the crate relies on and runs on every face. `docs/models.md` says
//! what is modelled and what is assumed.

mod adaptive_spin;
#[cfg(kvs_loom)]
mod checked_by_loom;
#[cfg(kvs_shuttle)]
mod checked_by_shuttle;
#[cfg(test)]
mod conformance;
mod primitives;
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
mod production;
mod striped_counters;
#[cfg(any(kvs_loom, kvs_shuttle))]
pub(crate) mod twins;

#[cfg(kvs_loom)]
use checked_by_loom as face;
#[cfg(kvs_shuttle)]
use checked_by_shuttle as face;
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
use production as face;

pub(crate) use adaptive_spin::AdaptiveSpin;
pub(crate) use face::{
    JoinHandle, OnceLock, Receiver, RecvTimeoutError, Sender, Swap, ThreadBuilder, TryRecvError,
    TrySendError, await_message, await_message_for, bounded, catch_panic, now, random, sleep,
    try_briefly, unbounded,
};
pub(crate) use primitives::{
    Arc, AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, Weak, fence, lock,
    try_lock,
};
/// A constant that is computed when it is first wanted. No checker has a counterpart of it: it must
/// depend on nothing else, so that it does not matter who computes it.
pub(crate) use std::sync::LazyLock;
pub(crate) use striped_counters::StripedCounters;

/// Returns a number at random, with which a generator or a hash begins.
pub(crate) fn random_seed() -> u64 {
    u64::try_from(random() >> 64).unwrap_or_default()
}

/// Returns the number of processors that this process may use, at least one.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A value of a [`Published`] that was the newest. It lives as long as the guard, also across I/O.
pub(crate) type Guard<T> = face::Guard<Arc<T>>;

/// The most guards that a thread should hold at once: from some eight on they become slower.
pub(crate) const GUARDS_AT_ONCE: usize = 6;

/// Returns a guard of the same value. A thread may hold any number of such.
pub(crate) fn keep<T>(guard: &Guard<T>) -> Guard<T> {
    face::Guard::from_inner(Arc::clone(guard))
}

/// A value of a [`PublishedOption`] that was the newest, if there was one.
pub(crate) type OptionGuard<T> = face::Guard<Option<Arc<T>>>;

/// A value that one thread replaces as a whole and many threads read without a lock
/// (read-copy-update).
pub(crate) struct Published<T>(Swap<Arc<T>>);

impl<T> Published<T> {
    /// Returns a cell with its first value.
    pub(crate) fn new(value: T) -> Self {
        Self::of(Arc::new(value))
    }

    /// Returns a cell with its first value, which others may hold as well.
    pub(crate) fn of(value: Arc<T>) -> Self {
        Self(Swap::new(value))
    }

    /// Returns the newest value, for a short while: a thread that holds several guards pays for the
    /// later ones.
    pub(crate) fn load(&self) -> Guard<T> {
        self.0.load()
    }

    /// Returns the newest value, to be kept.
    pub(crate) fn load_full(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Publishes the next value.
    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

/// A value that may be missing, which any thread replaces as a whole and many read without a lock.
pub(crate) struct PublishedOption<T>(Swap<Option<Arc<T>>>);

impl<T> Default for PublishedOption<T> {
    fn default() -> Self {
        Self(Swap::new(None))
    }
}

impl<T> PublishedOption<T> {
    /// Returns the newest value, for a short while.
    pub(crate) fn load(&self) -> OptionGuard<T> {
        self.0.load()
    }

    /// Publishes the next value, or none. Returns the value before.
    pub(crate) fn swap(&self, value: Option<T>) -> Option<Arc<T>> {
        self.0.swap(value.map(Arc::new))
    }
}

/// A mutex that no checker schedules: for what takes the place of the operating system in tests. A
/// critical section must not use anything else from here, so that no thread ever waits for it under
/// a checker.
#[cfg(any(test, fuzzing))]
pub(crate) struct Unscheduled<T>(std::sync::Mutex<T>);

/// The guard of an [`Unscheduled`].
#[cfg(any(test, fuzzing))]
pub(crate) type UnscheduledGuard<'a, T> = std::sync::MutexGuard<'a, T>;

#[cfg(any(test, fuzzing))]
impl<T> Unscheduled<T> {
    /// Returns an unlocked mutex.
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Locks it, also after a holder panicked.
    pub(crate) fn lock(&self) -> UnscheduledGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A flag that no checker schedules: for a decision that is right either way.
#[derive(Default)]
pub(crate) struct UnscheduledFlag(std::sync::atomic::AtomicBool);

impl UnscheduledFlag {
    /// Returns true if the flag is set.
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the flag, or takes it down.
    pub(crate) fn set(&self, is_set: bool) {
        self.0.store(is_set, Ordering::Relaxed);
    }
}

/// A number that no checker schedules: for a decision that is right either way.
#[derive(Default)]
pub(crate) struct UnscheduledNumber(std::sync::atomic::AtomicU64);

impl UnscheduledNumber {
    /// Returns a place for a number that begins with this one.
    pub(crate) fn new(number: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(number))
    }

    /// Returns the number.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Replaces the number.
    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }
}

/// A count of threads in a place with room for some, which no checker schedules: for a decision
/// that is right either way.
#[derive(Default)]
pub(crate) struct UnscheduledCount(std::sync::atomic::AtomicUsize);

impl UnscheduledCount {
    /// Counts the calling thread until the returned value is dropped, unless `max` are there.
    pub(crate) fn enter(&self, max: usize) -> Option<Counted<'_>> {
        let counted = Counted(self);
        (self.0.fetch_add(1, Ordering::Relaxed) < max).then_some(counted)
    }

    /// Returns the number of threads that are there.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A thread's part of an [`UnscheduledCount`].
pub(crate) struct Counted<'a>(&'a UnscheduledCount);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
