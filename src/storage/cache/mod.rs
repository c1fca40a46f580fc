//! Records that were read, by their keys: what is found here needs neither the index nor a segment.
//!
//! A lookup takes no lock and waits for memory twice: for the [`bucket`] that the key's hash chooses,
//! and for what is [`cached`] there. The buckets double while they fill up, and what that puts in the wrong
//! bucket is read once more. When all of it takes more than it may, a hand goes round the buckets and
//! removes what was not asked for since it last passed (the clock algorithm).
//!
//! # Why what is found is true
//!
//! Something that is cached may be overwritten at any time, and the writer does not look for it. Two numbers
//! tell: the *epoch* of a key, which is the newest write to any key that shares the cell ([`epochs`]), and
//! the *stamp* of what is cached. Both are points in time, which are the sequence numbers that the index
//! made visible one after the other.
//!
//! 1. The writer raises the epochs of all keys of a group after it appended (and synced) the group and
//!    before it publishes it. So whoever knows that a write is published, from the index or from anybody who
//!    knew it, finds its key's epoch at that write or at a later one.
//! 2. The version of something cached was its key's newest at a point at or after its stamp. A reader takes
//!    what is visible (*seen*), then looks the key up, at `seen` or later; the stamp is `seen`, or the
//!    epoch if that is lower. What a snapshot sees was the newest at the snapshot's point, which is then
//!    `seen`. A stamp is raised only by a reader that found in the same way that the version is still it.
//! 3. A lookup counts only if the stamp is equal to the epoch.
//!
//! Let everything up to the point `n` be known to be published by whoever begins a get, let it find a
//! version with stamp and epoch `s`, and let `t` be the point at or after `s` of which (2) speaks. Where
//! `t >= n`, the version is what the key has at a point that is not before the get. Where `t < n`, a write
//! to the key after `t` and up to `n` would be known, so by (1) the epoch would be above `t` and
//! could not be `s`: the version is what the key has at `n`. Either way the get sees every write that was
//! acknowledged before it. Nor does a later read go back: what was put into a slot is read with `Acquire`
//! by whoever finds it there, who then knows that its version is published, as if the index had told.
//!
//! It does not matter when the epoch is read: one that is read late is higher, and then the stamp is `seen`.
//! A stamp below the epoch is of use too, since the version and the key say what the value is, whatever was
//! written since: who learns the version from the index needs no segment ([`RecordCache::recall`]).
//!
//! A snapshot at `p` may take what is found by (3) if its version is not after `p`: the version is the
//! newest at a point `n >= p`, so it is the newest of those up to `p`.
//!
//! Segments play no part in this, so that a compaction changes nothing here. Cells of epochs do not move when
//! buckets double.

mod bucket;
mod cached;
mod chunks;
mod epochs;
#[cfg(test)]
mod tests;

use crate::bugs::{Bug, planted};
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey, ValueType};
use crate::sync::{AtomicUsize, Ordering, random};
use bucket::{Bucket, SLOTS};
use cached::{Cached, OVERHEAD_BYTES};
use chunks::Chunks;
use epochs::Epochs;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// Buckets that are made at once, at least. A checker has few keys.
const PART_MIN: usize = if cfg!(any(kvs_loom, kvs_shuttle)) { 1 } else { 64 };

/// Cells of epochs for each bucket, so that a write spoils little but its own key.
const EPOCHS: usize = 4;

/// Of a cache this part at most is spent on one key and value, since reading a long one costs little a byte.
const RECORD_SHARE: usize = 1024;

/// Spreads the numbers of keyspaces over all bits: digits of pi, and odd.
const KEYSPACE_FACTOR: u64 = 0xA409_3822_299F_31D1;

/// Where a key is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyHash(u64);

/// What the cache gives of a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) value: Vec<u8>,
    pub(crate) version: u64,
    pub(crate) value_type: ValueType,
    pub(crate) expires_at: Option<u64>,
}

/// What was read from the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh<'a> {
    pub(crate) keyspace: KeyspaceId,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) version: u64,
    pub(crate) value_type: ValueType,
    pub(crate) expires_at: Option<u64>,
}

/// A bounded cache of records.
pub(crate) struct RecordCache {
    /// Numbers that nobody outside knows, so that no client can choose keys whose hashes meet.
    secrets: RapidSecrets,
    buckets: Chunks<Bucket>,
    epochs: Epochs,
    /// Buckets in use: a power of two, or none.
    used: AtomicUsize,
    bytes_max: usize,
    /// How many records are in it.
    records: AtomicUsize,
    /// What they take.
    bytes: AtomicUsize,
    /// The slot that is looked at next when room is needed.
    hand: AtomicUsize,
}

impl RecordCache {
    /// A cache of records that take up to so many bytes, of none if that is less than about 100 KiB; it is
    /// ready for so many keys.
    pub(crate) fn new(bytes_max: usize, keys: usize) -> Self {
        let buckets = match bytes_max / (SLOTS * OVERHEAD_BYTES) {
            buckets if buckets < PART_MIN => 0,
            buckets => buckets.next_power_of_two(),
        };
        let buckets = Chunks::new(buckets, PART_MIN);
        let wanted = (keys / SLOTS / 3 * 4).next_power_of_two().max(buckets.part_len());
        Self {
            secrets: RapidSecrets::seed(u64::try_from(random() >> 64).unwrap_or_default()),
            used: AtomicUsize::new(wanted.min(buckets.len())),
            epochs: Epochs::new(buckets.len() * EPOCHS),
            buckets,
            bytes_max,
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            hand: AtomicUsize::new(0),
        }
    }

    /// Where the key is looked for; `None` if nothing is ever cached.
    pub(crate) fn place(&self, key: PlacedKey<'_>) -> Option<KeyHash> {
        let keyspace = if planted(Bug::ConfuseKeyspaces) { KeyspaceId::DEFAULT } else { key.0 };
        (self.buckets.len() > 0).then(|| {
            // The hash of a key of the default keyspace stays as it is.
            let spread = u64::from(keyspace.0).wrapping_mul(KEYSPACE_FACTOR);
            KeyHash(rapidhash_v3_seeded(key.1, &self.secrets) ^ spread)
        })
    }

    /// What the key has now, if its version is not after `latest`.
    pub(crate) fn newest(&self, hash: KeyHash, key: PlacedKey<'_>, latest: u64) -> Option<Hit> {
        // First, so that the memory of both is waited for together.
        let epoch = self.epochs.of(key.0, hash.0);
        self.find(hash, key, |cached| cached.stamp() == epoch && cached.version <= latest)
    }

    /// The value that this version gave the key.
    pub(crate) fn recall(
        &self,
        hash: KeyHash,
        key: PlacedKey<'_>,
        version: u64,
    ) -> Option<Vec<u8>> {
        let hit = self.find(hash, key, |cached| cached.version == version)?;
        Some(hit.value)
    }

    /// As [`recall`](Self::recall) by a reader that found the version to be the newest at `seen` or later.
    pub(crate) fn confirm(
        &self,
        hash: KeyHash,
        key: PlacedKey<'_>,
        version: u64,
        seen: u64,
    ) -> Option<Vec<u8>> {
        let hit = self.find(hash, key, |cached| {
            let is_it = cached.version == version;
            if is_it {
                cached.raise_stamp(self.stamp(key.0, hash, seen));
            }
            is_it
        })?;
        Some(hit.value)
    }

    /// Remembers what was found to be the newest at `seen` or later, unless it is too long.
    pub(crate) fn insert(&self, hash: KeyHash, fresh: Fresh<'_>, seen: u64) {
        let Fresh { keyspace, key, value, version, .. } = fresh;
        if key.len() + value.len() > self.bytes_max / RECORD_SHARE {
            return;
        }
        let stamp = self.stamp(keyspace, hash, seen);
        let (position, tag) = self.position(hash);
        let bucket = self.buckets.get_or_make(position);
        let of_this_key = |slot, cached: &Cached| {
            cached.value_of((keyspace, key)).map(|_| (slot, cached.version))
        };
        let slot = match bucket.find(tag, of_this_key) {
            // A snapshot's version makes no room by taking the newest one's.
            Some((_, newer)) if newer > version => return,
            Some((slot, _)) => slot,
            None => bucket.vacancy(tag),
        };
        self.set(bucket, slot, Some((tag, Cached::new(fresh, stamp))));
        self.grow();
        self.make_room();
    }

    /// Says that a write changes the key: before the write is visible, and after every earlier write.
    pub(crate) fn raise(&self, key: PlacedKey<'_>, version: u64) {
        if let Some(KeyHash(hash)) = self.place(key) {
            self.epochs.raise(hash, version);
        }
    }

    /// As [`raise`](Self::raise), of every key of the keyspace.
    pub(crate) fn raise_all(&self, keyspace: KeyspaceId, version: u64) {
        self.epochs.raise_all(keyspace, version);
    }

    /// The stamp of what is known to be the newest at `seen` or later.
    fn stamp(&self, keyspace: KeyspaceId, hash: KeyHash, seen: u64) -> u64 {
        let epoch = self.epochs.of(keyspace, hash.0);
        if planted(Bug::StampUnseen) { epoch } else { epoch.min(seen) }
    }

    fn find(
        &self,
        hash: KeyHash,
        key: PlacedKey<'_>,
        mut accept: impl FnMut(&Cached) -> bool,
    ) -> Option<Hit> {
        let (position, tag) = self.position(hash);
        let bucket = self.buckets.get(position)?;
        bucket.find(tag, |slot, cached| {
            let value = cached.value_of(key)?;
            if !accept(cached) {
                return None;
            }
            bucket.mark_used(slot);
            let Cached { version, value_type, .. } = *cached;
            let expires_at = cached.expires_at();
            Some(Hit { value: value.to_vec(), version, value_type, expires_at })
        })
    }

    /// Doubles the buckets when three of four slots are taken.
    fn grow(&self) {
        let used = self.used.load(Ordering::Relaxed);
        let is_full = self.records.load(Ordering::Relaxed) > used * SLOTS / 4 * 3;
        if is_full && used < self.buckets.len() {
            let (before, after) = (Ordering::Relaxed, Ordering::Relaxed);
            // Where it fails, another thread has just done it.
            let _ = self.used.compare_exchange(used, 2 * used, before, after);
        }
    }

    fn set(&self, bucket: &Bucket, slot: usize, new: Option<(u8, Cached)>) {
        let (tag, new) = new.map_or((0, None), |(tag, cached)| (tag, Some(cached)));
        let (is_new, added) = (usize::from(new.is_some()), new.as_ref().map_or(0, Cached::cost));
        let old = bucket.replace(slot, tag, new);
        let (was_there, removed) =
            (usize::from(old.is_some()), old.map_or(0, |cached| cached.cost()));
        self.records.fetch_add(is_new, Ordering::Relaxed);
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.records.fetch_sub(was_there, Ordering::Relaxed);
        self.bytes.fetch_sub(removed, Ordering::Relaxed);
    }

    fn make_room(&self) {
        let slots = self.used.load(Ordering::Relaxed) * SLOTS;
        // Two rounds find something: the first clears the marks of what was used.
        for _ in 0..2 * slots {
            if self.bytes.load(Ordering::Relaxed) <= self.bytes_max {
                return;
            }
            let hand = self.hand.fetch_add(1, Ordering::Relaxed) % slots;
            let (position, slot) = (hand / SLOTS, hand % SLOTS);
            let Some(bucket) = self.buckets.get(position) else {
                // None of its part was made.
                self.hand.fetch_add(self.buckets.part_len() * SLOTS - 1, Ordering::Relaxed);
                continue;
            };
            if !bucket.take_used(slot) {
                self.set(bucket, slot, None);
            }
        }
    }

    /// The bucket of a key and the tag it has there.
    fn position(&self, KeyHash(hash): KeyHash) -> (usize, u8) {
        let [a, b, c, d, .., tag] = hash.to_le_bytes();
        let last = self.used.load(Ordering::Relaxed) - 1;
        (u32::from_le_bytes([a, b, c, d]) as usize & last, tag.max(1))
    }
}
