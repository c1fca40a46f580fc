//! A few slots for what is kept, in one line of the processor's cache.

use super::cached::Cached;
use crate::sync::{Arc, AtomicU64, Ordering, PublishedOption};

/// What one bucket holds: with the word of marks, a line.
pub(super) const SLOTS: usize = 7;

/// The lowest bit of each byte that is a tag.
const LOWEST: u64 = 0x0001_0101_0101_0101;

/// The byte whose bits say which slots were asked for.
const USED: usize = 7;

/// Slots, and for each a byte that says which of them to look at.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// A byte for each slot, zero where it is empty; then a bit for each: it was asked for since the hand
    /// passed.
    marks: AtomicU64,
    slots: [PublishedOption<Cached>; SLOTS],
}

// A checker's atomics are larger.
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
const _: () = assert!(size_of::<Bucket>() == 64, "one bucket is one cache line");

impl Bucket {
    /// What `visit` makes of the first slot with this tag for which it makes something.
    pub(super) fn find<T>(
        &self,
        tag: u8,
        mut visit: impl FnMut(usize, &Cached) -> Option<T>,
    ) -> Option<T> {
        let marks = self.marks.load(Ordering::Relaxed);
        // The highest bit of each byte that is equal, and now and then of one that is not.
        let differences = marks ^ (LOWEST * u64::from(tag));
        let mut equal = differences.wrapping_sub(LOWEST) & !differences & (LOWEST << 7);
        while equal != 0 {
            let slot = equal.trailing_zeros() as usize / 8;
            let cached = self.slots[slot].load();
            if let Some(found) = cached.as_ref().and_then(|cached| visit(slot, cached)) {
                return Some(found);
            }
            equal &= equal - 1;
        }
        None
    }

    /// Remembers that the slot was asked for.
    pub(super) fn mark_used(&self, slot: usize) {
        let bit = used_bit(slot);
        if self.marks.load(Ordering::Relaxed) & bit == 0 {
            self.marks.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Forgets that the slot was asked for; whether it was.
    pub(super) fn take_used(&self, slot: usize) -> bool {
        let bit = used_bit(slot);
        self.marks.load(Ordering::Relaxed) & bit != 0
            && self.marks.fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    /// A slot for something new: an empty one, or else one that was not asked for.
    pub(super) fn vacancy(&self, tag: u8) -> usize {
        let marks = self.marks.load(Ordering::Relaxed);
        let tags = marks.to_le_bytes();
        let empty = (0..SLOTS).find(|slot| tags[*slot] == 0);
        let unused = || (0..SLOTS).find(|slot| marks & used_bit(*slot) == 0);
        empty.or_else(unused).unwrap_or(usize::from(tag) % SLOTS)
    }

    /// Replaces what is in a slot. Another thread may replace it at the same time: a tag that is then
    /// wrong costs a lookup and no wrong answer, since what is found says whose it is.
    pub(super) fn replace(&self, slot: usize, tag: u8, new: Option<Cached>) -> Option<Arc<Cached>> {
        let old = self.slots[slot].swap(new);
        let retag = |marks: u64| {
            let mut bytes = marks.to_le_bytes();
            bytes[slot] = tag;
            Some(u64::from_le_bytes(bytes))
        };
        // The function never says no.
        let _ = self.marks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, retag);
        old
    }
}

fn used_bit(slot: usize) -> u64 {
    1 << (8 * USED + slot)
}
