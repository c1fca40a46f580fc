//! Values that were read from the log, by where they lie in it.
//!
//! What a place in the log says never changes once the index points there, and ids of segments are
//! never given again: so nothing is ever taken back. A value that was overwritten or moved is just not
//! asked for any more and makes room.
//!
//! A lookup takes no lock. Places are spread over buckets of eight; a byte of each place's hash tells
//! which of the eight to look at. The buckets double while they fill up, and what that puts in the wrong
//! bucket is read once more. When the values take more than they may, a hand goes round the buckets
//! and removes what was not asked for since it last passed (the clock algorithm).

use std::mem::size_of;

use super::names::SegmentId;
use crate::sync::{AtomicU8, AtomicU64, AtomicUsize, OnceLock, Ordering, PublishedOption};

/// Values that one bucket holds: the bits of one byte, and the bytes of one word.
const SLOTS: usize = 8;

/// Buckets that are made at once, when the first of them is needed.
const CHUNK: usize = 64;

/// What a short value takes, and a long one beside its bytes: its place, its allocations and its slot.
const OVERHEAD_BYTES: usize = size_of::<Cached>() + 40;

/// Values up to this length are short.
const SHORT_BYTES: usize = 118;

/// Of a cache this part at most is spent on one value, since reading a long one costs little a byte.
const VALUE_SHARE: usize = 1024;

/// A place in the log and the commit that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u32,
    pub(crate) sequence: u64,
}

struct Cached {
    key: CacheKey,
    value: Value,
}

/// A short value lies beside its key, so that a lookup waits for memory once less.
enum Value {
    Short { length: u8, bytes: [u8; SHORT_BYTES] },
    Long(Box<[u8]>),
}

impl Cached {
    fn new(key: CacheKey, value: &[u8]) -> Self {
        let value = match u8::try_from(value.len()) {
            Ok(length) if value.len() <= SHORT_BYTES => {
                let mut bytes = [0; SHORT_BYTES];
                bytes[..value.len()].copy_from_slice(value);
                Value::Short { length, bytes }
            }
            _ => Value::Long(value.into()),
        };
        Self { key, value }
    }

    fn value(&self) -> &[u8] {
        match &self.value {
            Value::Short { length, bytes } => &bytes[..usize::from(*length)],
            Value::Long(bytes) => bytes,
        }
    }

    /// What it takes in memory, its slot included.
    fn bytes(&self) -> usize {
        OVERHEAD_BYTES + if let Value::Long(bytes) = &self.value { bytes.len() } else { 0 }
    }
}

#[derive(Default)]
struct Bucket {
    /// A byte for each slot: zero where it is empty.
    tags: AtomicU64,
    /// A bit for each slot: it was asked for since the hand passed.
    used: AtomicU8,
    slots: [PublishedOption<Cached>; SLOTS],
}

/// A bounded cache of values.
pub(crate) struct ValueCache {
    chunks: Box<[OnceLock<Box<[Bucket]>>]>,
    /// Buckets in use: a power of two, or none.
    buckets: AtomicUsize,
    /// How many values are in it.
    values: AtomicUsize,
    /// What they take.
    bytes: AtomicUsize,
    bytes_max: usize,
    /// The slot that is looked at next when room is needed.
    hand: AtomicUsize,
}

impl ValueCache {
    /// A cache of values that take up to so many bytes; of none if that is less than about 100 KiB.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let buckets = bytes_max / (SLOTS * OVERHEAD_BYTES);
        let chunks = match buckets / CHUNK {
            0 => 0,
            chunks => chunks.next_power_of_two(),
        };
        Self {
            chunks: (0..chunks).map(|_| OnceLock::new()).collect(),
            buckets: AtomicUsize::new(chunks.min(1) * CHUNK),
            values: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            bytes_max,
            hand: AtomicUsize::new(0),
        }
    }

    /// The value that was written there.
    pub(crate) fn get(&self, key: CacheKey) -> Option<Vec<u8>> {
        let (position, tag) = self.place(key)?;
        let bucket = self.bucket(position)?;
        let tags = bucket.tags.load(Ordering::Relaxed).to_le_bytes();
        for slot in (0..SLOTS).filter(|slot| tags[*slot] == tag) {
            let cached = bucket.slots[slot].load();
            if let Some(cached) = cached.as_ref().filter(|cached| cached.key == key) {
                let bit = 1 << slot;
                if bucket.used.load(Ordering::Relaxed) & bit == 0 {
                    bucket.used.fetch_or(bit, Ordering::Relaxed);
                }
                return Some(cached.value().to_vec());
            }
        }
        None
    }

    /// Remembers the value that was read there, unless it is too long.
    pub(crate) fn insert(&self, key: CacheKey, value: &[u8]) {
        if value.len() > self.bytes_max / VALUE_SHARE {
            return;
        }
        let Some((position, tag)) = self.place(key) else { return };
        let chunk = self.chunks[position / CHUNK]
            .get_or_init(|| (0..CHUNK).map(|_| Bucket::default()).collect());
        let bucket = &chunk[position % CHUNK];
        let tags = bucket.tags.load(Ordering::Relaxed).to_le_bytes();
        let used = bucket.used.load(Ordering::Relaxed);
        let empty = tags.iter().position(|tag| *tag == 0);
        let unused = || (0..SLOTS).find(|slot| used & (1 << slot) == 0);
        let slot = empty.or_else(unused).unwrap_or(usize::from(tag) % SLOTS);
        self.set(bucket, slot, Some((tag, Cached::new(key, value))));
        self.grow();
        self.make_room();
    }

    /// Doubles the buckets when three of four slots are taken.
    fn grow(&self) {
        let buckets = self.buckets.load(Ordering::Relaxed);
        let is_full = self.values.load(Ordering::Relaxed) > buckets * SLOTS / 4 * 3;
        if is_full && buckets < self.chunks.len() * CHUNK {
            let (before, after) = (Ordering::Relaxed, Ordering::Relaxed);
            // Where it fails, another thread has just done it.
            let _ = self.buckets.compare_exchange(buckets, 2 * buckets, before, after);
        }
    }

    /// Replaces what is in a slot. Another thread may replace it at the same time: a tag that is then
    /// wrong costs a lookup and no wrong answer, since what is found says where it is from.
    fn set(&self, bucket: &Bucket, slot: usize, new: Option<(u8, Cached)>) {
        let tag = new.as_ref().map_or(0, |(tag, _)| *tag);
        let added = new.as_ref().map_or(0, |(_, cached)| cached.bytes());
        let old = bucket.slots[slot].swap(new.map(|(_, cached)| cached));
        let retag = |tags: u64| {
            let mut tags = tags.to_le_bytes();
            tags[slot] = tag;
            Some(u64::from_le_bytes(tags))
        };
        // The function never says no.
        let _ = bucket.tags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, retag);
        self.values.fetch_add(usize::from(added > 0), Ordering::Relaxed);
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.values.fetch_sub(usize::from(old.is_some()), Ordering::Relaxed);
        let removed = old.map_or(0, |cached| cached.bytes());
        self.bytes.fetch_sub(removed, Ordering::Relaxed);
    }

    fn make_room(&self) {
        let slots = self.buckets.load(Ordering::Relaxed) * SLOTS;
        // Two rounds find something: the first clears the marks of what was used.
        for _ in 0..2 * slots {
            if self.bytes.load(Ordering::Relaxed) <= self.bytes_max {
                return;
            }
            let hand = self.hand.fetch_add(1, Ordering::Relaxed) % slots;
            let (position, slot) = (hand / SLOTS, hand % SLOTS);
            let Some(bucket) = self.bucket(position) else {
                // None of its chunk was made.
                self.hand.fetch_add(CHUNK * SLOTS - 1, Ordering::Relaxed);
                continue;
            };
            let bit = 1 << slot;
            if bucket.used.fetch_and(!bit, Ordering::Relaxed) & bit == 0 {
                self.set(bucket, slot, None);
            }
        }
    }

    fn bucket(&self, position: usize) -> Option<&Bucket> {
        Some(&self.chunks[position / CHUNK].get()?[position % CHUNK])
    }

    /// The bucket of a place and the tag it has there; `None` where nothing is cached.
    fn place(&self, key: CacheKey) -> Option<(usize, u8)> {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let last = self.buckets.load(Ordering::Relaxed).checked_sub(1)?;
        let place = key.segment.0.rotate_left(32) ^ u64::from(key.offset);
        let mixed = (place ^ (place >> 29)).wrapping_mul(ODD);
        let [tag, .., a, b, c, d] = (mixed ^ (mixed >> 32)).wrapping_mul(ODD).to_le_bytes();
        let hash = u32::from_le_bytes([a, b, c, d]) as usize;
        Some((hash & last, tag.max(1)))
    }
}

// A checker's atomics are larger.
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
const _: () = assert!(size_of::<Bucket>() <= 80, "one bucket is one or two cache lines");

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> CacheKey {
        CacheKey { segment: SegmentId(u64::from(number % 7)), offset: number, sequence: 3 }
    }

    #[test]
    fn a_value_is_found_by_its_place_alone() {
        let cache = ValueCache::new(1 << 20);
        for number in 0..1000 {
            cache.insert(key(number), &number.to_le_bytes());
        }
        let kept = (0..1000).filter(|number| cache.get(key(*number)).is_some()).count();
        assert!(kept > 200, "{kept}: growing loses some, not most of what was put there since");
        for number in 0..1000 {
            cache.insert(key(number), &number.to_le_bytes());
            assert_eq!(cache.get(key(number)).unwrap(), number.to_le_bytes());
            assert_eq!(cache.get(CacheKey { sequence: 4, ..key(number) }), None);
            assert_eq!(cache.get(CacheKey { segment: SegmentId(9), ..key(number) }), None);
        }
        assert_eq!(cache.get(key(1000)), None);
    }

    #[test]
    fn no_more_is_kept_than_may_be_and_what_is_asked_for_stays() {
        let cache = ValueCache::new(1 << 20);
        let value = [7; 900];
        for round in 0..20_000 {
            cache.insert(key(round), &value);
            for hot in 0..20 {
                if cache.get(key(hot)).is_none() {
                    cache.insert(key(hot), &value);
                }
            }
            assert!(cache.bytes.load(Ordering::Relaxed) <= 1 << 20);
        }
        assert!((0..20).all(|hot| cache.get(key(hot)).is_some()));
        let kept = (0..20_000).filter(|number| cache.get(key(*number)).is_some()).count();
        assert!(kept > 500, "{kept} of about 1,000 values are there");
        cache.insert(key(50_000), &[7; 1025]);
        assert_eq!(cache.get(key(50_000)), None, "too long for a cache of this size");
    }

    #[test]
    fn a_cache_of_nothing_keeps_nothing() {
        for bytes_max in [0, 100] {
            let cache = ValueCache::new(bytes_max);
            cache.insert(key(1), b"");
            assert_eq!(cache.get(key(1)), None);
        }
    }

    #[test]
    fn threads_that_share_it_get_what_was_put_there() {
        let cache = &ValueCache::new(256 << 10);
        std::thread::scope(|scope| {
            for start in 0..4_u32 {
                scope.spawn(move || {
                    for number in 0..50_000 {
                        let number = (number * 7 + start * 3) % 2000;
                        match cache.get(key(number)) {
                            Some(value) => assert_eq!(value, number.to_le_bytes()),
                            None => cache.insert(key(number), &number.to_le_bytes()),
                        }
                    }
                });
            }
        });
        let kept = (0..2000).filter(|number| cache.get(key(*number)).is_some()).count();
        assert!(cache.bytes.load(Ordering::Relaxed) <= (256 << 10) && kept > 200, "{kept}");
    }
}
