//! The numbers of the keys that the store removed by itself, for every handle to see.

use super::change::RemovalCause;
use crate::sync::{AtomicU64, Ordering};

/// The keys that the store removed by itself since it was opened.
#[derive(Default)]
pub(crate) struct RemovalCounts {
    expired: AtomicU64,
    evicted: AtomicU64,
}

impl RemovalCounts {
    /// Counts keys that were removed for this cause, if that is one of the store's own.
    pub(super) fn note(&self, cause: RemovalCause, count: usize) {
        let counter = match cause {
            RemovalCause::Request => return,
            RemovalCause::Expiry => &self.expired,
            RemovalCause::Eviction => &self.evicted,
        };
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Returns the number of keys that were removed because their time had passed.
    pub(crate) fn expired(&self) -> u64 {
        self.expired.load(Ordering::Relaxed)
    }

    /// Returns the number of keys that were evicted.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}
