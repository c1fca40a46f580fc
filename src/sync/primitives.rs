//! Atomics, mutexes, condition variables and shared pointers of the build: of the standard library,
//! of loom or of shuttle. The faces and the twins are made of them.

#[cfg(not(any(kvs_loom, kvs_shuttle)))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(kvs_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(kvs_loom)]
pub(super) use loom::{sync::Condvar, thread};
// Not loom's: its own cannot point to trait objects. What is counted here orders nothing else.
#[cfg(kvs_loom)]
pub(crate) use std::sync::{Arc, PoisonError, TryLockError, Weak};

#[cfg(kvs_shuttle)]
pub(crate) use shuttle::sync::{
    Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(kvs_shuttle)]
pub(super) use shuttle::{sync::Condvar, thread};

/// Locks a mutex whose data stays consistent even if a holder panicked.
///
/// Only for data that every critical section leaves valid at each step, such as a counter map.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks such a mutex unless a thread holds it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
