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
    /// The bytes that were freed so far; wraps around.
    freed: AtomicUsize,
    /// Those of them that were not freed in small pieces.
    freed_in_large: AtomicUsize,
    /// What `freed` is at least, once everything is freed that was on its way out when last looked
    /// at: of connections that were evicted, or that closed while a reader worked for them.
    freed_then: AtomicUsize,
}

/// The figures with which a look at the charges of all sessions begins.
pub(super) struct Look {
    freed: usize,
    held: usize,
}

impl ClientMemory {
    /// Returns an account that holds nothing.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: AtomicUsize::new(0),
            freed: AtomicUsize::new(0),
            freed_in_large: AtomicUsize::new(0),
            freed_then: AtomicUsize::new(0),
        }
    }

    /// Returns the most bytes that are held for long.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    /// Returns the bytes that were freed so far, without small ones; wraps around.
    pub(crate) fn freed(&self) -> usize {
        self.freed_in_large.load(Ordering::Relaxed)
    }

    /// Begins a look at the charges of all sessions.
    ///
    /// Whoever reads them afterwards finds at least the bytes there that are held now, but for what
    /// is freed from now on.
    pub(super) fn look(&self) -> Look {
        // In this order: what counts as freed already is held no longer.
        let freed = self.freed.load(Ordering::Acquire);
        Look { freed, held: self.held() }
    }

    /// Ends a look, which found so many bytes at connections that stay: the others are on their way
    /// out. What was freed since it began is not any longer.
    pub(super) fn note_staying(&self, look: &Look, bytes: usize) {
        let leaving = look.held.saturating_sub(bytes);
        self.freed_then.store(look.freed.wrapping_add(leaving), Ordering::Relaxed);
    }

    /// Returns the bytes that are on their way out. Whoever frees memory may be one of those that
    /// leave: to think so at worst makes somebody look once more.
    fn leaving(&self) -> usize {
        let freed_then = self.freed_then.load(Ordering::Relaxed);
        let leaving = freed_then.wrapping_sub(self.freed.load(Ordering::Relaxed));
        // More was freed since than was to be.
        if leaving > usize::MAX / 2 { 0 } else { leaving }
    }

    /// Records that bytes were freed that others took the place of.
    pub(super) fn note_freed(&self, bytes: usize) {
        if bytes >= SMALL_BYTES {
            self.freed_in_large.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Returns true if so much is held that the allocator should keep little beside it.
    pub(crate) fn is_scarce(&self) -> bool {
        self.held() > self.limit / 2
    }

    /// Returns true if more is held than the limit, without what is on its way out.
    pub(crate) fn is_over(&self) -> bool {
        let held = self.held();
        held > self.limit && held > self.limit.saturating_add(self.leaving())
    }

    /// Returns true if a connection that holds so many bytes has to wait before it receives more,
    /// because what is on its way out is too much by itself.
    pub(crate) fn has_to_wait(&self, bytes: usize) -> bool {
        bytes > SMALL_BYTES && self.held() > self.limit.saturating_add(self.limit / 4)
    }

    /// Records that bytes became others, for one charge.
    pub(super) fn change(&self, from: usize, to: usize) {
        if to >= from {
            self.held.fetch_add(to - from, Ordering::AcqRel);
            return;
        }
        let bytes = from - to;
        self.held.fetch_sub(bytes, Ordering::AcqRel);
        self.freed.fetch_add(bytes, Ordering::Release);
        self.note_freed(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_freed_during_a_look_is_not_on_its_way_out_any_longer() {
        let memory = ClientMemory::new(100);
        memory.change(0, 150);
        let look = memory.look();
        memory.change(80, 0);
        memory.note_staying(&look, 70);
        memory.change(0, 50);
        assert!(memory.is_over(), "all of it stays: {}", memory.held());
        memory.note_staying(&memory.look(), 90);
        assert!(!memory.is_over());
        memory.change(30, 0);
        assert!(!memory.is_over());
        memory.change(0, 30);
        assert!(memory.is_over());
    }
}
