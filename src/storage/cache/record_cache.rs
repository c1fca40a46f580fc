//! The cache: buckets of records, the epochs of keys, and the hand that evicts.

use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

use super::bucket::{Bucket, SLOTS};
use super::cached_record::{CachedRecord, OVERHEAD_BYTES, RecordRef};
use super::epochs::Epochs;
use super::lazy_array::LazyArray;
use crate::bugs::{Bug, planted};
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey, ValueType};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::sync::{AtomicUsize, Ordering, StripedCounters, UnscheduledNumber, random_seed};

#[cfg(test)]
mod tests;

/// The least number of buckets that are allocated at once. The model checkers have few keys.
const PART_MIN: usize = if cfg!(any(kvs_loom, kvs_shuttle)) { 1 } else { 64 };

/// The number of epoch cells for each bucket: with more, a write invalidates fewer other keys.
const EPOCHS_PER_BUCKET: usize = 4;

/// The share of the cache that one record may take: one in so many. Reading a long record costs
/// little per byte, so short ones gain more.
const RECORD_SHARE: usize = 1024;

/// Of the records that would evict others, one in so many is cached.
const ADDED_SHARE: usize = 8;

/// The factor that spreads the numbers of keyspaces over all bits: digits of pi, and odd.
const KEYSPACE_FACTOR: u64 = 0xA409_3822_299F_31D1;

/// The hash of a key, which chooses its bucket, its tag and its epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyHash(u64);

/// A record that the cache had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) value: Vec<u8>,
    pub(crate) version: Sequence,
    pub(crate) value_type: ValueType,
    pub(crate) expires_at: Option<UnixMillis>,
}

impl Hit {
    fn of(record: RecordRef<'_>) -> Self {
        let RecordRef { value, version, value_type, expires_at, .. } = record;
        Self { value: value.to_vec(), version, value_type, expires_at }
    }
}

/// A bounded cache of records.
pub(crate) struct RecordCache {
    /// The secret seed of the hash, so that no client can choose keys whose hashes collide.
    secrets: RapidSecrets,
    buckets: LazyArray<Bucket>,
    epochs: Epochs,
    /// The number of buckets in use: a power of two, or zero.
    used: AtomicUsize,
    bytes_max: usize,
    /// The bytes that it may take at present, if that is less.
    limit: UnscheduledNumber,
    /// The bytes that the records in the cache take.
    bytes: AtomicUsize,
    /// The slot that is considered next for eviction.
    hand: AtomicUsize,
    /// The number of records that were offered.
    offered: AtomicUsize,
    /// The values that gets found here, and those that they had to read.
    lookups: StripedCounters<2>,
}

/// The positions of the counters.
const HITS: usize = 0;
const MISSES: usize = 1;

/// The figures of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheUsage {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// The number of records.
    pub(crate) entries: usize,
    /// The bytes that they take.
    pub(crate) bytes: usize,
    /// The most bytes that they may take.
    pub(crate) bytes_max: usize,
}

impl RecordCache {
    /// Returns a cache that takes up to `bytes_max` bytes, with buckets for few keys. With less
    /// than about 100 KiB it caches nothing.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let buckets = match bytes_max / (SLOTS * OVERHEAD_BYTES) {
            buckets if buckets < PART_MIN => 0,
            buckets => buckets.next_power_of_two(),
        };
        let buckets = LazyArray::new(buckets, PART_MIN);
        Self {
            secrets: RapidSecrets::seed(random_seed()),
            used: AtomicUsize::new(buckets.part_length().min(buckets.len())),
            epochs: Epochs::new(buckets.len() * EPOCHS_PER_BUCKET),
            buckets,
            bytes_max,
            limit: UnscheduledNumber::new(bytes_max as u64),
            bytes: AtomicUsize::new(0),
            hand: AtomicUsize::new(0),
            offered: AtomicUsize::new(0),
            lookups: StripedCounters::new(),
        }
    }

    /// Counts a value that a get found here.
    pub(crate) fn note_hit(&self) {
        self.lookups.add(HITS);
    }

    /// Counts a value that a get had to read.
    pub(crate) fn note_miss(&self) {
        self.lookups.add(MISSES);
    }

    /// Returns the figures. The records are counted, a line of the processor's cache for seven.
    pub(crate) fn usage(&self) -> CacheUsage {
        CacheUsage {
            hits: self.lookups.get(HITS),
            misses: self.lookups.get(MISSES),
            entries: self.buckets.allocated().map(Bucket::count).sum(),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_max: self.bytes_max,
        }
    }

    /// Returns the bytes that the records take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the most bytes that the records may take at present.
    fn limit(&self) -> usize {
        usize::try_from(self.limit.get()).unwrap_or(usize::MAX)
    }

    /// Sets the most bytes that the records may take, if that is less than what the cache was made
    /// for, and evicts what is over it.
    pub(crate) fn set_limit(&self, bytes: usize) {
        self.limit.set(bytes.min(self.bytes_max) as u64);
        self.evict();
    }

    /// Makes the number of buckets that of so many keys, if there are fewer. Called by the writer,
    /// which writes keys before they are read.
    ///
    /// Records stay where they are: when the number doubles, one in two is then in the wrong
    /// bucket, is read once more, and is evicted some time.
    pub(crate) fn make_room(&self, keys: usize) {
        // Three of four slots are taken then.
        let wanted = keys / SLOTS / 3 * 4;
        if wanted > self.used.load(Ordering::Relaxed) {
            let wanted = wanted.next_power_of_two().min(self.buckets.len());
            self.used.fetch_max(wanted, Ordering::Relaxed);
        }
    }

    /// Returns the hash of the key; `None` if this cache caches nothing.
    pub(crate) fn hash_key(&self, key: PlacedKey<'_>) -> Option<KeyHash> {
        let keyspace = if planted(Bug::ConfuseKeyspaces) { KeyspaceId::DEFAULT } else { key.0 };
        (self.buckets.len() > 0).then(|| {
            // The hash of a key of the default keyspace stays as it is.
            let spread = u64::from(keyspace.0).wrapping_mul(KEYSPACE_FACTOR);
            KeyHash(rapidhash_v3_seeded(key.1, &self.secrets) ^ spread)
        })
    }

    /// Returns the newest version of the key, if it is cached, known to be the newest, and not
    /// after `latest`.
    pub(crate) fn newest(
        &self,
        hash: KeyHash,
        key: PlacedKey<'_>,
        latest: Sequence,
    ) -> Option<Hit> {
        self.show_newest(hash, key, latest, Hit::of)
    }

    /// Returns the result of `show`, called with the newest version of the key if there is one as
    /// for [`newest`](Self::newest).
    pub(crate) fn show_newest<T>(
        &self,
        hash: KeyHash,
        key: PlacedKey<'_>,
        latest: Sequence,
        show: impl FnMut(RecordRef<'_>) -> T,
    ) -> Option<T> {
        // First, so that the processor fetches the epoch and the bucket at once.
        let epoch = self.epochs.of(key.0, hash.0);
        let is_newest =
            |cached: &CachedRecord| cached.validated_at() == epoch && cached.version <= latest;
        self.find(hash, key, is_newest, show)
    }

    /// Returns the value of this version of the key, if it is cached, for a reader that found the
    /// version to be the newest at `seen` or later, and notes that it is valid as of then.
    pub(crate) fn confirm(
        &self,
        hash: KeyHash,
        key: PlacedKey<'_>,
        version: Sequence,
        seen: Sequence,
    ) -> Option<Vec<u8>> {
        let is_it = |cached: &CachedRecord| {
            let is_it = cached.version == version;
            if is_it {
                cached.raise_validated_at(self.validated_at(key.0, hash, seen));
            }
            is_it
        };
        self.find(hash, key, is_it, |record| record.value.to_vec())
    }

    /// Caches a record that was found to be the newest of its key at `seen` or later, unless it is
    /// too long. Of those that would evict another one it takes only a part.
    ///
    /// Most records of a set that is larger than the cache would be evicted before they are read
    /// again, and a long scan would evict what others read. A record that is read often gets its
    /// turn soon.
    pub(crate) fn offer(&self, hash: KeyHash, record: RecordRef<'_>, seen: Sequence) {
        self.insert_if(hash, record, seen, || {
            let offered = self.offered.fetch_add(1, Ordering::Relaxed);
            offered.is_multiple_of(ADDED_SHARE) || !self.is_full(hash)
        });
    }

    /// Caches a record as [`offer`](Self::offer) does, whatever it evicts.
    #[cfg(test)]
    pub(super) fn insert(&self, hash: KeyHash, record: RecordRef<'_>, seen: Sequence) {
        self.insert_if(hash, record, seen, || true);
    }

    /// Caches a record if an older one of its key is cached, or `is_taken` returns true.
    fn insert_if(
        &self,
        hash: KeyHash,
        record: RecordRef<'_>,
        seen: Sequence,
        is_taken: impl FnOnce() -> bool,
    ) {
        let RecordRef { keyspace, key, value, version, .. } = record;
        if key.len() + value.len() > self.bytes_max / RECORD_SHARE {
            return;
        }
        let validated_at = self.validated_at(keyspace, hash, seen);
        let (position, tag) = self.position(hash);
        let bucket = self.buckets.get_or_make(position);
        let of_this_key = |slot, cached: &CachedRecord| {
            cached.value_of((keyspace, key)).map(|_| (slot, cached.version))
        };
        let slot = match bucket.find(tag, of_this_key) {
            // The version of an old snapshot must not evict the newest one.
            Some((_, newer)) if newer > version => return,
            Some((slot, _)) => slot,
            None if is_taken() => bucket.slot_for(tag),
            None => return,
        };
        self.set(bucket, slot, Some((tag, CachedRecord::new(record, validated_at))));
        self.evict();
    }

    /// Returns true if the record of a key that is not cached would evict another one.
    fn is_full(&self, hash: KeyHash) -> bool {
        let bytes = self.bytes.load(Ordering::Relaxed);
        bytes + self.bytes_max / RECORD_SHARE > self.limit()
            || self.bucket(hash).is_some_and(|(bucket, _)| bucket.is_full())
    }

    /// Raises the epoch of a key to a write, which must not be visible yet. Writes come in order.
    pub(crate) fn raise(&self, key: PlacedKey<'_>, version: Sequence) {
        if let Some(KeyHash(hash)) = self.hash_key(key) {
            self.epochs.raise(hash, version);
        }
    }

    /// Raises the epochs of all keys of the keyspace.
    pub(crate) fn raise_all(&self, keyspace: KeyspaceId, version: Sequence) {
        self.epochs.raise_all(keyspace, version);
    }

    /// Returns the point that a version found to be the newest at `seen` or later is valid as of.
    fn validated_at(&self, keyspace: KeyspaceId, hash: KeyHash, seen: Sequence) -> Sequence {
        let epoch = self.epochs.of(keyspace, hash.0);
        if planted(Bug::StampUnseen) { epoch } else { epoch.min(seen) }
    }

    /// Returns the result of `show`, called with the record of the key if it is cached and `accept`
    /// returns true for it.
    fn find<T>(
        &self,
        hash: KeyHash,
        key: PlacedKey<'_>,
        mut accept: impl FnMut(&CachedRecord) -> bool,
        mut show: impl FnMut(RecordRef<'_>) -> T,
    ) -> Option<T> {
        let (bucket, tag) = self.bucket(hash)?;
        bucket.find(tag, |slot, cached| {
            let value = cached.value_of(key)?;
            if !accept(cached) {
                return None;
            }
            bucket.set_referenced(slot);
            let CachedRecord { version, value_type, .. } = *cached;
            let (expires_at, (keyspace, key)) = (cached.expires_at(), key);
            Some(show(RecordRef { keyspace, key, value, version, value_type, expires_at }))
        })
    }

    /// Replaces the record in a slot, and counts it.
    fn set(&self, bucket: &Bucket, slot: usize, new: Option<(u8, CachedRecord)>) {
        let (tag, new) = new.map_or((0, None), |(tag, cached)| (tag, Some(cached)));
        let added = new.as_ref().map_or(0, CachedRecord::cost);
        let removed = bucket.replace(slot, tag, new).map_or(0, |cached| cached.cost());
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.bytes.fetch_sub(removed, Ordering::Relaxed);
    }

    /// Evicts records until the cache is within its bound: the hand goes round the slots, clears
    /// the reference bit of each, and evicts those that had none (CLOCK).
    fn evict(&self) {
        let slots = self.used.load(Ordering::Relaxed) * SLOTS;
        // The first round clears reference bits, so two rounds find something.
        for _ in 0..2 * slots {
            if self.bytes.load(Ordering::Relaxed) <= self.limit() {
                return;
            }
            let hand = self.hand.fetch_add(1, Ordering::Relaxed) % slots;
            let (position, slot) = (hand / SLOTS, hand % SLOTS);
            let Some(bucket) = self.buckets.get(position) else {
                // No bucket of its part was allocated.
                self.hand.fetch_add(self.buckets.part_length() * SLOTS - 1, Ordering::Relaxed);
                continue;
            };
            if !bucket.take_referenced(slot) {
                self.set(bucket, slot, None);
            }
        }
    }

    /// Returns the bucket of a key, if its part is allocated, and its tag there.
    pub(super) fn bucket(&self, hash: KeyHash) -> Option<(&Bucket, u8)> {
        let (position, tag) = self.position(hash);
        Some((self.buckets.get(position)?, tag))
    }

    /// Returns the position of a key's bucket and its tag there.
    fn position(&self, KeyHash(hash): KeyHash) -> (usize, u8) {
        let [a, b, c, d, .., tag] = hash.to_le_bytes();
        let last = self.used.load(Ordering::Relaxed) - 1;
        (u32::from_le_bytes([a, b, c, d]) as usize & last, tag.max(1))
    }
}
