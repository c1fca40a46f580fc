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
    /// The bytes that were freed so far in pieces of at least [`SMALL_BYTES`]; wraps around.
    freed_in_large: AtomicUsize,
    /// The value that `freed` reaches when all bytes are freed that were leaving at the last look:
    /// those of connections that were evicted, or that closed while a reader worked for them.
    freed_after_leaving: AtomicUsize,
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
            freed_after_leaving: AtomicUsize::new(0),
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

    /// Returns the bytes that were freed so far in pieces of at least [`SMALL_BYTES`]; wraps
    /// around.
    pub(crate) fn freed_in_large(&self) -> usize {
        self.freed_in_large.load(Ordering::Relaxed)
    }

    /// Begins a look at the charges of all sessions.
    ///
    /// The charges that are read afterwards have at least the bytes that are held now, without
    /// those that are freed from now on.
    pub(super) fn look(&self) -> Look {
        // In this order: bytes that count as freed are no longer held.
        let freed = self.freed.load(Ordering::Acquire);
        Look { freed, held: self.held() }
    }

    /// Ends a look that found so many bytes at connections that stay. The other bytes that were
    /// held when it began are leaving, or were freed meanwhile.
    pub(super) fn note_staying(&self, look: &Look, bytes: usize) {
        let leaving = look.held.saturating_sub(bytes);
        self.freed_after_leaving.store(look.freed.wrapping_add(leaving), Ordering::Relaxed);
    }

    /// Returns the bytes that are leaving. Bytes that a connection frees that stays count as left,
    /// too, which at worst causes one more look.
    fn leaving(&self) -> usize {
        let freed_after = self.freed_after_leaving.load(Ordering::Relaxed);
        let leaving = freed_after.wrapping_sub(self.freed.load(Ordering::Relaxed));
        // More was freed since the look than was leaving.
        if leaving > usize::MAX / 2 { 0 } else { leaving }
    }

    /// Counts freed bytes, unless they are few.
    pub(super) fn note_freed(&self, bytes: usize) {
        if bytes >= SMALL_BYTES {
            self.freed_in_large.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Returns true if so much is held that the allocator should keep little beside it.
    pub(crate) fn is_scarce(&self) -> bool {
        self.held() > self.limit / 2
    }

    /// Returns true if more is held than the limit, without what is leaving.
    pub(crate) fn is_over(&self) -> bool {
        let held = self.held();
        held > self.limit && held > self.limit.saturating_add(self.leaving())
    }

    /// Returns true if a connection that holds so many bytes has to wait before it receives more,
    /// because the bytes that are leaving are too many by themselves.
    pub(crate) fn has_to_wait(&self, bytes: usize) -> bool {
        bytes > SMALL_BYTES && self.held() > self.limit.saturating_add(self.limit / 4)
    }

    /// Changes the bytes that are held, as one charge changes.
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
