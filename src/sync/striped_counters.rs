//! Counters that many threads add to without meeting each other.
//!
//! Each thread has a stripe of its own, a line of the processor's cache, for as long as it lives.
//! It adds with a load and a store, since nobody else writes there, and spares itself an atomic
//! addition. Threads beyond the number of stripes share the last one, and add to it in that way. A
//! stripe that a thread leaves goes to a later one, with what was counted in it.
//!
//! The atomics are those of `std` in every face: nothing is ordered by what is counted, so a
//! checker has nothing to try here.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The number of stripes that threads have for themselves.
const STRIPES: usize = 64;

/// The stripe of all other threads.
const SHARED: usize = STRIPES;

/// The stripe of a thread that has not counted anything yet.
const UNKNOWN: usize = SHARED + 1;

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
        // What the end of the thread still counts.
        STRIPE.set(SHARED);
        if self.0 < SHARED {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).returned.push(self.0);
        }
    }
}

thread_local! {
    static OWN: OwnStripe = OwnStripe::take();
    /// The same without a destructor, which every look at it would have to ask for.
    static STRIPE: Cell<usize> = const { Cell::new(UNKNOWN) };
}

/// Returns the stripe of this thread, which gets one if it is the first time.
#[cold]
fn find_stripe() -> usize {
    if STRIPE.get() == UNKNOWN {
        // A thread that ends has none any more.
        STRIPE.set(OWN.try_with(|own| own.0).unwrap_or(SHARED));
    }
    STRIPE.get()
}

/// The counters of the threads that have the same stripe.
#[repr(align(64))]
struct Stripe<const N: usize>([AtomicU64; N]);

/// Some counters, each of which many threads add to.
pub(crate) struct StripedCounters<const N: usize>([Stripe<N>; SHARED + 1]);

impl<const N: usize> StripedCounters<N> {
    /// Returns counters that are zero.
    pub(crate) fn new() -> Self {
        Self(array::from_fn(|_| Stripe(array::from_fn(|_| AtomicU64::new(0)))))
    }

    /// Adds one to the counter at this position.
    pub(crate) fn add(&self, position: usize) {
        let own = STRIPE.get();
        if own < STRIPES {
            let counter = &self.0[own].0[position];
            counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return;
        }
        match find_stripe() {
            SHARED => drop(self.0[SHARED].0[position].fetch_add(1, Ordering::Relaxed)),
            _ => self.add(position),
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
