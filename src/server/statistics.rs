//! Counters of a running server. They are exact, but a reader may see them a moment apart.

use crate::sync::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// The number now.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Starts again from zero.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What a server counted since it started.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// Connections that were accepted.
    pub(crate) connections_accepted: Counter,
    /// Connections that were turned away at the limit.
    pub(crate) connections_rejected: Counter,
    /// Requests that were executed.
    pub(crate) requests: Counter,
    /// Bytes that came in.
    pub(crate) bytes_in: Counter,
    /// Bytes that went out.
    pub(crate) bytes_out: Counter,
    /// Reads that found their key.
    pub(crate) hits: Counter,
    /// Reads that did not.
    pub(crate) misses: Counter,
    /// Connections that were closed for what they sent.
    pub(crate) protocol_errors: Counter,
}
