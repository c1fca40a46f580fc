//! The record cache: records that were read, by key, in front of the index and the segments.
//!
//! | file | holds |
//! |---|---|
//! | [`record_cache`] | lookup, insertion, growth, eviction |
//! | [`recalled`] | lookups of several records at once, for scans |
//! | [`bucket`] | seven slots in one line of the processor's cache |
//! | [`cached_record`] | a record, with the point in time that it is valid as of |
//! | [`epochs`] | the newest write to each set of keys |
//! | [`lazy_array`] | an array that is allocated in parts |
//!
//! A lookup takes no lock and waits for memory twice: for the bucket and for the record. Tags in
//! the bucket and CLOCK eviction are those of [MemC3][memc3]. The buckets double while they fill
//! up. `benches/engines.rs`, "random get", shows what it buys: with a lookup in the index first, a
//! get takes three times as long.
//!
//! # Why a hit is valid
//!
//! A cached record may be overwritten at any time, and the writer does not look for it. Two numbers
//! tell: the *epoch* of a key, which is the newest write to any key that shares its cell
//! ([`epochs`]), and the point that the record was *validated at*. Both are points in time: the
//! sequence numbers that the index made visible one after the other.
//!
//! 1. The writer raises the epochs of all keys of a group after it appended (and synced) the group
//!    and before it publishes it. So a reader that knows of a published write, from the index or
//!    from anybody who knew it, finds the epoch of its key at that write or a later one.
//! 2. The version of a cached record was its key's newest at a point at or after `validated_at`. A
//!    reader takes what is visible (`seen`), then looks the key up, at `seen` or later;
//!    `validated_at` is `seen`, or the epoch if that is lower. What a snapshot sees was the newest
//!    at the snapshot's point, which is then `seen`. `validated_at` is raised only by a reader that
//!    found in the same way that the version is still the newest.
//! 3. A lookup is a hit only if `validated_at` is equal to the epoch.
//!
//! Let everything up to the point `n` be known to be published by the reader that begins a get. Let
//! it find a version with `validated_at` and epoch `s`, and let `t` be the point at or after `s` of
//! which (2) speaks. If `t >= n`, the version is what the key has at a point that is not before the
//! get. If `t < n`, a write to the key after `t` and up to `n` would be known, so by (1) the epoch
//! would be above `t` and could not be `s`: the version is what the key has at `n`. Either way the
//! get sees every write that was acknowledged before it. Nor does a later read go back: a record is
//! read from its slot with `Acquire`, so its reader knows that its version is published, as if the
//! index had told.
//!
//! It does not matter when the epoch is read: one that is read late is higher, and then
//! `validated_at` is `seen`. A record that is not a hit is of use too, since its version and key
//! say what the value is, whatever was written since: a reader that learns the version from the
//! index needs no segment ([`RecordCache::recall_all`]).
//!
//! A snapshot at `p` may take a hit if its version is not after `p`: the version is the newest at a
//! point `n >= p`, so it is the newest of those up to `p`.
//!
//! Segments play no part in this, so a compaction changes nothing here. Epoch cells do not move
//! when the buckets double. The loom models `cached` and `peeked` check all of it.
//!
//! [memc3]: https://www.usenix.org/conference/nsdi13/technical-sessions/presentation/fan

mod bucket;
mod cached_record;
mod epochs;
mod lazy_array;
mod recalled;
mod record_cache;

pub(crate) use cached_record::{RecordRef, cached_bytes};
pub(crate) use recalled::{LOOKUPS, Recalled, Wanted};
pub(crate) use record_cache::{CacheUsage, Hit, KeyHash, RecordCache};
