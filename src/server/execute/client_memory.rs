//! The memory that the server holds for its clients, and its limit.
//!
//! Every connection charges what it holds: received bytes, decoded requests, and replies that its
//! client did not take. Whoever adds to it and finds that all of them together hold more than the
//! limit evicts the connections that hold most, until the others fit. An evicted connection is
//! closed by its own worker, so its memory is freed a moment later.

use crate::sync::{AtomicUsize, Ordering};

/// The bytes that a connection may always hold: with them it can go on while large requests wait.
pub(super) const SMALL_BYTES: usize = 64 << 10;

/// The memory that is held for all connections of a server.
pub(crate) struct ClientMemory {
    limit: usize,
    /// The bytes that are held.
    held: AtomicUsize,
    /// Those of them that were on their way out when last looked at: of connections that were
    /// evicted, or that closed while a reader worked for them.
    leaving: AtomicUsize,
    /// The bytes that were freed so far, without small ones; wraps around.
    freed: AtomicUsize,
}

impl ClientMemory {
    /// Returns an account that holds nothing.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            freed: AtomicUsize::new(0),
        }
    }

    /// Returns the most bytes that are held for long.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the bytes that are held. Whoever looks at the charges of the sessions afterwards
    /// finds at least these there, but for what was freed since.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    /// Returns the bytes that were freed so far, without small ones; wraps around.
    pub(crate) fn freed(&self) -> usize {
        self.freed.load(Ordering::Relaxed)
    }

    /// Returns true if more is held than the limit, without what is on its way out.
    pub(crate) fn is_over(&self) -> bool {
        let held = self.held();
        let leaving = self.leaving.load(Ordering::Relaxed);
        held > self.limit && held > self.limit.saturating_add(leaving)
    }

    /// Returns true if a connection that holds so many bytes has to wait before it receives more,
    /// because what is on its way out is too much by itself.
    pub(crate) fn has_to_wait(&self, bytes: usize) -> bool {
        bytes > SMALL_BYTES && self.held() > self.limit.saturating_add(self.limit / 4)
    }

    /// Records how many bytes are on their way out.
    pub(super) fn note_leaving(&self, bytes: usize) {
        self.leaving.store(bytes, Ordering::Relaxed);
    }

    /// Records that bytes became others, for one charge.
    pub(super) fn change(&self, from: usize, to: usize) {
        if to >= from {
            self.held.fetch_add(to - from, Ordering::AcqRel);
            return;
        }
        let bytes = from - to;
        if bytes >= SMALL_BYTES {
            self.freed.fetch_add(bytes, Ordering::Relaxed);
        }
        self.held.fetch_sub(bytes, Ordering::AcqRel);
        // Whoever frees memory may be one of those that leave: to think so at worst makes somebody
        // look once more.
        if self.leaving.load(Ordering::Relaxed) > 0 {
            let less = |leaving: usize| Some(leaving.saturating_sub(bytes));
            let _ = self.leaving.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }
}
