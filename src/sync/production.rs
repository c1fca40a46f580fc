//! The face that ships: the standard library, `crossbeam-channel` and `arc-swap`.

use std::time::{Duration, Instant};

pub(crate) use arc_swap::ArcSwap;
pub(crate) use crossbeam_channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded,
};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
pub(crate) use std::thread::{Builder as ThreadBuilder, JoinHandle};

/// What was the newest value of an [`ArcSwap`]; it stays alive while the guard does, also across I/O.
pub(crate) type Guard<T> = arc_swap::Guard<Arc<T>>;

/// The time that threads wait by.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits; only for trying again what another process has to let go of.
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// A number that nobody else draws; not for secrets.
pub(crate) fn random() -> u128 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let draw = || u128::from(RandomState::new().build_hasher().finish());
    draw() << 64 | draw()
}
