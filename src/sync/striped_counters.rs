//! Counters that many threads add to without meeting each other.
//!
//! Each thread has a stripe of its own, a line of the processor's cache, for as long as it lives.
//! It adds with a load and a store, since nobody else writes there, and spares itself an atomic
//! addition. Threads beyond the number of stripes share the last one, and add to it in that way. A
//! stripe that a thread leaves goes to a later one, with what was counted in it.
//!
//! The atomics are those of `std` in every face: nothing is ordered by what is counted, so a
//! checker has nothing to try here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The number of stripes that threads have for themselves.
const STRIPES: usize = 64;

/// The stripe of all other threads.
const SHARED: usize = STRIPES;

/// Stripes that no thread has: those that were given back, and all from a number on.
struct FreeStripes {
    returned: Vec<usize>,
    next: usize,
}

static FREE: Mutex<FreeStripes> = Mutex::new(FreeStripes { returned: Vec::new(), next: 0 });

/// The stripe of a thread.
struct OwnStripe(usize);

impl OwnStripe {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(returned) = free.returned.pop() {
            return Self(returned);
        }
        let stripe = free.next.min(SHARED);
        free.next = stripe + usize::from(stripe < SHARED);
        Self(stripe)
    }
}

impl Drop for OwnStripe {
    fn drop(&mut self) {
        if self.0 < SHARED {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).returned.push(self.0);
        }
    }
}

thread_local! {
    static OWN: OwnStripe = OwnStripe::take();
}

/// The counters of the threads that have the same stripe.
#[repr(align(64))]
struct Stripe<const N: usize>([AtomicU64; N]);

/// Some counters, each of which many threads add to.
pub(crate) struct StripedCounters<const N: usize>(Box<[Stripe<N>]>);

impl<const N: usize> StripedCounters<N> {
    /// Returns counters that are zero.
    pub(crate) fn new() -> Self {
        let stripe = |_| Stripe(std::array::from_fn(|_| AtomicU64::new(0)));
        Self((0..=SHARED).map(stripe).collect())
    }

    /// Adds one to the counter at this position.
    pub(crate) fn add(&self, position: usize) {
        // A thread that ends has none any more.
        let own = OWN.try_with(|own| own.0).unwrap_or(SHARED);
        let counter = &self.0[own].0[position];
        if own == SHARED {
            counter.fetch_add(1, Ordering::Relaxed);
        } else {
            counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// Returns the counter at this position. What a thread added that the caller has heard of is in
    /// it.
    pub(crate) fn get(&self, position: usize) -> u64 {
        self.0.iter().map(|stripe| stripe.0[position].load(Ordering::Relaxed)).sum()
    }
}

#[cfg(all(test, not(any(kvs_loom, kvs_shuttle))))]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn nothing_is_lost_with_more_threads_than_stripes_and_with_threads_that_follow_others() {
        let counters = Arc::new(StripedCounters::<2>::new());
        for _ in 0..3 {
            let start = Arc::new(std::sync::Barrier::new(STRIPES + 8));
            let threads = (0..STRIPES + 8).map(|_| {
                let (counters, start) = (Arc::clone(&counters), Arc::clone(&start));
                thread::spawn(move || {
                    // All have a stripe before the first one ends.
                    counters.add(0);
                    start.wait();
                    (0..1000).for_each(|_| counters.add(1));
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
        let threads = 3 * (STRIPES as u64 + 8);
        assert_eq!((counters.get(0), counters.get(1)), (threads, 1000 * threads));
    }
}
