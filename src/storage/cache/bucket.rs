//! A bucket: seven slots and a control word, in one line of the processor's cache.
//!
//! A lookup compares the tags of all slots at once, as a word, and follows the pointers of equal
//! ones only. The trick is that of [MemC3][memc3] and of [SwissTable][swiss], without vector
//! instructions.
//!
//! [memc3]: https://www.usenix.org/conference/nsdi13/technical-sessions/presentation/fan
//! [swiss]: https://abseil.io/about/design/swisstables

use super::cached_record::CachedRecord;
use crate::sync::{Arc, AtomicU64, OptionGuard, Ordering, PublishedOption};

/// The number of slots of a bucket: with the control word, a cache line.
pub(super) const SLOTS: usize = 7;

/// The lowest bit of each tag.
const LOWEST: u64 = 0x0001_0101_0101_0101;

/// The position of the byte of reference bits.
const REFERENCED: usize = 7;

/// The slots of a bucket that may have a tag, as the highest bit of each one's byte.
pub(super) struct TaggedSlots(u64);

impl Iterator for TaggedSlots {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0.wrapping_sub(1);
        (slot < SLOTS).then_some(slot)
    }
}

/// Slots with a tag each.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// The tag of each slot, a byte that is zero if the slot is empty; then the reference bit of
    /// each slot, which says that it was hit since the hand passed.
    control: AtomicU64,
    slots: [PublishedOption<CachedRecord>; SLOTS],
}

// A checker's atomics are larger.
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
const _: () = assert!(size_of::<Bucket>() == 64, "one bucket is one cache line");

impl Bucket {
    /// Returns the slots that have this tag.
    pub(super) fn tagged(&self, tag: u8) -> TaggedSlots {
        let control = self.control.load(Ordering::Relaxed);
        // The highest bit of each equal byte, and now and then of one that is not.
        let differences = control ^ (LOWEST * u64::from(tag));
        TaggedSlots(differences.wrapping_sub(LOWEST) & !differences & (LOWEST << 7))
    }

    /// Returns true if every slot has a record.
    pub(super) fn is_full(&self) -> bool {
        self.count() == SLOTS
    }

    /// Returns the number of slots that have a record.
    pub(super) fn count(&self) -> usize {
        let control = self.control.load(Ordering::Relaxed);
        control.to_le_bytes()[..SLOTS].iter().filter(|tag| **tag != 0).count()
    }

    /// Returns the record in a slot, for a short while.
    pub(super) fn load(&self, slot: usize) -> OptionGuard<CachedRecord> {
        self.slots[slot].load()
    }

    /// Calls `visit` with the slots that have this tag. Returns its first result.
    pub(super) fn find<T>(
        &self,
        tag: u8,
        mut visit: impl FnMut(usize, &CachedRecord) -> Option<T>,
    ) -> Option<T> {
        self.tagged(tag).find_map(|slot| visit(slot, self.load(slot).as_ref()?))
    }

    /// Sets the reference bit of a slot.
    pub(super) fn set_referenced(&self, slot: usize) {
        let bit = reference_bit(slot);
        if self.control.load(Ordering::Relaxed) & bit == 0 {
            self.control.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Clears the reference bit of a slot. Returns true if it was set.
    pub(super) fn take_referenced(&self, slot: usize) -> bool {
        let bit = reference_bit(slot);
        self.control.load(Ordering::Relaxed) & bit != 0
            && self.control.fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    /// Returns a slot for a new record: an empty one, else one without a reference bit.
    pub(super) fn slot_for(&self, tag: u8) -> usize {
        let control = self.control.load(Ordering::Relaxed);
        let tags = control.to_le_bytes();
        let empty = (0..SLOTS).find(|slot| tags[*slot] == 0);
        let unused = || (0..SLOTS).find(|slot| control & reference_bit(*slot) == 0);
        empty.or_else(unused).unwrap_or(usize::from(tag) % SLOTS)
    }

    /// Replaces the record in a slot. Another thread may do so at the same time. A tag that is
    /// wrong then costs a miss and no wrong answer, since a record holds its key.
    pub(super) fn replace(
        &self,
        slot: usize,
        tag: u8,
        new: Option<CachedRecord>,
    ) -> Option<Arc<CachedRecord>> {
        let old = self.slots[slot].swap(new);
        let retag = |control: u64| {
            let mut bytes = control.to_le_bytes();
            bytes[slot] = tag;
            Some(u64::from_le_bytes(bytes))
        };
        // `retag` never refuses.
        let _ = self.control.fetch_update(Ordering::Relaxed, Ordering::Relaxed, retag);
        old
    }
}

fn reference_bit(slot: usize) -> u64 {
    1 << (8 * REFERENCED + slot)
}
