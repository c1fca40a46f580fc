//! Lookups of several records at once, whose values are borrowed.
//!
//! A lookup waits for memory twice, for the bucket and for the record. Those of a few keys wait
//! together: all buckets are read before the first record is, and all records before the first
//! value is used, so that the processor fetches them side by side ([group prefetching][group],
//! without the instructions). `benches/engines.rs`, "scan of 100", measures it.
//!
//! [group]: https://doi.org/10.1145/1272743.1272747

use std::array;
use std::hint::black_box;

use super::bucket::Bucket;
use super::cached_record::CachedRecord;
use super::record_cache::{KeyHash, RecordCache};
use crate::storage::format::keyspace::PlacedKey;
use crate::storage::format::sequence::Sequence;
use crate::sync::{GUARDS_AT_ONCE, OptionGuard};

/// The number of lookups at once, each of which holds a guard.
pub(crate) const LOOKUPS: usize = GUARDS_AT_ONCE;

/// A version of a key to look for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) hash: KeyHash,
    pub(crate) key: PlacedKey<'a>,
    pub(crate) version: Sequence,
}

impl Wanted<'_> {
    fn is(&self, cached: &CachedRecord) -> bool {
        cached.version == self.version && cached.value_of(self.key).is_some()
    }
}

/// A record that the cache had. It lives as long as this.
pub(crate) struct Recalled(OptionGuard<CachedRecord>);

impl Recalled {
    /// Returns the value.
    pub(crate) fn value(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |cached| cached.value())
    }
}

impl RecordCache {
    /// Returns the records of these versions, as far as they are cached.
    pub(crate) fn recall_all(
        &self,
        wanted: &[Option<Wanted<'_>>; LOOKUPS],
    ) -> [Option<Recalled>; LOOKUPS] {
        let buckets = wanted.map(|wanted| self.bucket(wanted?.hash));
        // Each step goes through all of them, and no step of one depends on that of another.
        let slots = buckets.map(|found| {
            let (bucket, tag) = found?;
            Some((bucket, bucket.tagged(tag).next()?))
        });
        let mut held = slots.map(|found| found.map(|(bucket, slot)| bucket.load(slot)));
        for cached in held.iter().flatten().filter_map(|held| held.as_ref()) {
            // Nothing needs the byte yet: it makes the processor fetch the record.
            black_box(cached.value().last());
        }
        let is_it: [bool; LOOKUPS] = array::from_fn(|number| {
            let held = held[number].as_ref().and_then(|held| held.as_ref());
            held.zip(wanted[number]).is_some_and(|(cached, wanted)| wanted.is(cached))
        });
        array::from_fn(|number| match slots[number] {
            Some((bucket, slot)) if is_it[number] => {
                bucket.set_referenced(slot);
                held[number].take().map(Recalled)
            }
            Some((bucket, _)) => recall_in(bucket, buckets[number]?.1, &wanted[number]?),
            None => None,
        })
    }
}

/// Returns the record of a version from a bucket, whichever of its slots has it.
fn recall_in(bucket: &Bucket, tag: u8, wanted: &Wanted<'_>) -> Option<Recalled> {
    bucket.tagged(tag).find_map(|slot| {
        let held = bucket.load(slot);
        if !wanted.is(held.as_ref()?) {
            return None;
        }
        bucket.set_referenced(slot);
        Some(Recalled(held))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::cache::RecordRef;
    use crate::storage::format::keyspace::{KeyspaceId, ValueType};

    #[test]
    fn many_lookups_find_what_each_alone_would() {
        let cache = RecordCache::new(1 << 20);
        cache.make_room(10_000);
        let key = |number: u64| number.to_be_bytes();
        let hash = |key: &[u8]| cache.hash_key((KeyspaceId::DEFAULT, key)).unwrap();
        for number in (0..2000).filter(|number| number % 3 > 0) {
            let key = key(number);
            let record = RecordRef {
                keyspace: KeyspaceId::DEFAULT,
                key: &key,
                value: &[number.to_le_bytes()[0]; 9],
                version: Sequence(number),
                value_type: ValueType::STRING,
                expires_at: None,
            };
            cache.insert(hash(&key), record, Sequence(number));
        }
        let mut found = 0;
        for first in 0..2000 {
            let keys: [_; LOOKUPS] = array::from_fn(|other| key(first + other as u64));
            let wanted = array::from_fn(|other| {
                let (number, key) = (first + other as u64, &keys[other]);
                // Some are of another version, and some are not asked for.
                let version = Sequence(number + u64::from(number % 7 == 0));
                let key = (KeyspaceId::DEFAULT, &key[..]);
                (number % 11 > 0).then(|| Wanted { hash: hash(key.1), key, version })
            });
            for (wanted, recalled) in wanted.iter().zip(cache.recall_all(&wanted)) {
                let alone = wanted.and_then(|Wanted { hash, key, version }| {
                    cache.newest(hash, key, version).filter(|hit| hit.version == version)
                });
                let recalled = recalled.map(|recalled| recalled.value().to_vec());
                assert_eq!(recalled, alone.map(|hit| hit.value));
                found += usize::from(recalled.is_some());
            }
        }
        assert!(found > 3000, "{found}");
    }
}
