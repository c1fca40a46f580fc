use super::*;
use crate::storage::cache::{LOOKUPS, Wanted};
use crate::storage::format::sequence::Sequence;

fn key(number: u32) -> Vec<u8> {
    format!("key {number}").into_bytes()
}

/// Returns a key of the default keyspace.
fn at(key: &[u8]) -> PlacedKey<'_> {
    (KeyspaceId::DEFAULT, key)
}

fn record<'a>(key: &'a [u8], value: &'a [u8], version: u64) -> RecordRef<'a> {
    let (keyspace, value_type) = (KeyspaceId::DEFAULT, ValueType::STRING);
    RecordRef { keyspace, key, value, version: Sequence(version), value_type, expires_at: None }
}

/// Reads a key as an engine does, where the newest version of every key has the value of its
/// number.
fn read(cache: &RecordCache, number: u32, version: u64, seen: u64) -> Option<Vec<u8>> {
    let (key, value) = (key(number), number.to_le_bytes());
    let hash = cache.hash_key(at(&key))?;
    if let Some(hit) = cache.newest(hash, at(&key), Sequence::MAX) {
        return Some(hit.value);
    }
    let record = record(&key, &value, version);
    cache.insert(hash, record, Sequence(seen));
    None
}

fn put(cache: &RecordCache, key: &[u8], value: &[u8], version: u64, seen: u64) {
    let record = record(key, value, version);
    cache.insert(cache.hash_key(at(key)).unwrap(), record, Sequence(seen));
}

fn newest(cache: &RecordCache, key: &[u8]) -> Option<(Vec<u8>, u64)> {
    cache
        .newest(cache.hash_key(at(key))?, at(key), Sequence::MAX)
        .map(|hit| (hit.value, hit.version.0))
}

#[test]
fn a_cached_record_is_found_until_its_key_is_written() {
    let cache = RecordCache::new(1 << 20);
    put(&cache, b"a", b"1", 1, 1);
    put(&cache, b"b", b"1", 1, 1);
    assert_eq!(newest(&cache, b"a"), Some((b"1".to_vec(), 1)));
    cache.raise(at(b"a"), Sequence(2));
    assert_eq!(newest(&cache, b"a"), None);
    // Read before the write was visible, and then after it.
    put(&cache, b"a", b"1", 1, 1);
    assert_eq!(newest(&cache, b"a"), None);
    put(&cache, b"a", b"2", 2, 2);
    assert_eq!(newest(&cache, b"a"), Some((b"2".to_vec(), 2)));
    assert_eq!(newest(&cache, b"b"), Some((b"1".to_vec(), 1)));
    cache.raise_all(KeyspaceId::DEFAULT, Sequence(3));
    assert_eq!(newest(&cache, b"a"), None);
    assert_eq!(newest(&cache, b"b"), None);
}

#[test]
fn a_version_is_recalled_after_its_key_was_written_and_counts_again_once_it_is_confirmed() {
    let cache = RecordCache::new(1 << 20);
    put(&cache, b"a", b"1", 1, 1);
    let hash = cache.hash_key(at(b"a")).unwrap();
    // As if a key were written that shares the epoch.
    cache.raise(at(b"a"), Sequence(5));
    assert_eq!(newest(&cache, b"a"), None);
    let recall = |version| {
        let wanted = Wanted { hash, key: at(b"a"), version: Sequence(version) };
        let [.., recalled] = cache.recall_all(&[Some(wanted); LOOKUPS]);
        recalled.map(|recalled| recalled.value().to_vec())
    };
    assert_eq!((recall(1).as_deref(), recall(2)), (Some(&b"1"[..]), None));
    assert_eq!(cache.confirm(hash, at(b"a"), Sequence(1), Sequence(4)).as_deref(), Some(&b"1"[..]));
    assert_eq!(newest(&cache, b"a"), None, "at 4 it was, at 5 nobody looked");
    assert_eq!(cache.confirm(hash, at(b"a"), Sequence(1), Sequence(7)).as_deref(), Some(&b"1"[..]));
    assert_eq!(newest(&cache, b"a"), Some((b"1".to_vec(), 1)));
}

#[test]
fn a_snapshot_finds_no_version_that_is_newer_and_takes_no_newer_ones_place() {
    let cache = RecordCache::new(1 << 20);
    cache.raise(at(b"a"), Sequence(5));
    put(&cache, b"a", b"new", 5, 6);
    let hash = cache.hash_key(at(b"a")).unwrap();
    assert_eq!(cache.newest(hash, at(b"a"), Sequence(4)), None);
    assert!(cache.newest(hash, at(b"a"), Sequence(5)).is_some());
    put(&cache, b"a", b"old", 3, 4);
    assert_eq!(newest(&cache, b"a"), Some((b"new".to_vec(), 5)));
}

#[test]
fn a_growing_cache_loses_some_records_and_confuses_none() {
    let cache = RecordCache::new(1 << 20);
    for number in 0..1000 {
        cache.make_room(number as usize + 1);
        read(&cache, number, 3, 3);
    }
    let kept = (0..1000).filter(|number| read(&cache, *number, 3, 3).is_some()).count();
    assert!(kept > 200, "{kept}: growing loses some, not most of what was put there since");
    for number in 0..1000 {
        if let Some(value) = read(&cache, number, 3, 3) {
            assert_eq!(value, number.to_le_bytes());
        }
        cache.raise(at(&key(number)), Sequence(4));
        assert_eq!(newest(&cache, &key(number)), None);
    }
    assert_eq!(newest(&cache, &key(1000)), None);
}

#[test]
fn a_cache_that_is_ready_for_the_keys_keeps_nearly_all() {
    let cache = RecordCache::new(1 << 20);
    cache.make_room(1000);
    // Fewer keys make it no smaller.
    cache.make_room(10);
    for _ in 0..2 {
        for number in 0..1000 {
            read(&cache, number, 3, 3);
        }
    }
    let kept = (0..1000).filter(|number| newest(&cache, &key(*number)).is_some()).count();
    assert!(kept > 900, "{kept}");
}

#[test]
fn no_more_is_kept_than_may_be_and_what_is_asked_for_stays() {
    let cache = RecordCache::new(1 << 20);
    cache.make_room(20_000);
    let value = [7; 900];
    for round in 0..20_000 {
        put(&cache, &key(round), &value, 1, 1);
        for hot in 0..20 {
            if newest(&cache, &key(hot)).is_none() {
                put(&cache, &key(hot), &value, 1, 1);
            }
        }
        assert!(cache.bytes.load(Ordering::Relaxed) <= 1 << 20);
    }
    assert!((0..20).all(|hot| newest(&cache, &key(hot)).is_some()));
    let kept = (0..20_000).filter(|number| newest(&cache, &key(*number)).is_some()).count();
    assert!(kept > 500, "{kept} of about 900 values are there");
}

#[test]
fn a_record_that_takes_much_of_the_cache_is_not_kept() {
    let cache = RecordCache::new(1 << 20);
    for (key, value, is_kept) in [(4, 1020, true), (5, 1020, false), (1021, 4, false)] {
        let (key, value) = (vec![7; key], vec![7; value]);
        put(&cache, &key, &value, 1, 1);
        assert_eq!(newest(&cache, &key).is_some(), is_kept, "{}", value.len());
    }
}

#[test]
fn a_key_overwritten_again_and_again_takes_the_space_of_one() {
    let cache = RecordCache::new(1 << 20);
    for version in 1..1000 {
        cache.raise(at(b"a"), Sequence(version));
        assert_eq!(newest(&cache, b"a"), None);
        put(&cache, b"a", &[7; 500], version, version);
        assert_eq!(newest(&cache, b"a").map(|(_, version)| version), Some(version));
    }
    assert_eq!(cache.bytes.load(Ordering::Relaxed), OVERHEAD_BYTES + 501);
}

#[test]
fn a_cache_of_nothing_keeps_nothing() {
    for bytes_max in [0, 100] {
        let cache = RecordCache::new(bytes_max);
        cache.make_room(1000);
        assert!(cache.hash_key(at(b"a")).is_none());
        cache.raise(at(b"a"), Sequence(1));
        cache.raise_all(KeyspaceId::DEFAULT, Sequence(2));
    }
}

#[test]
fn threads_that_share_a_cache_read_what_was_inserted() {
    let cache = &RecordCache::new(256 << 10);
    cache.make_room(2000);
    std::thread::scope(|scope| {
        for start in 0..4_u32 {
            scope.spawn(move || {
                for number in 0..50_000 {
                    let number = (number * 7 + start * 3) % 2000;
                    if let Some(value) = read(cache, number, 1, 1) {
                        assert_eq!(value, number.to_le_bytes());
                    }
                }
            });
        }
    });
    let kept = (0..2000).filter(|number| newest(cache, &key(*number)).is_some()).count();
    assert!(cache.bytes.load(Ordering::Relaxed) <= (256 << 10) && kept > 200, "{kept}");
}

#[test]
fn a_full_cache_takes_a_part_of_what_it_is_offered_and_every_newer_version() {
    let cache = RecordCache::new(256 << 10);
    let offer = |number: u32, version: u64| {
        let (key, value) = (key(number), version.to_le_bytes());
        let hash = cache.hash_key(at(&key)).unwrap();
        cache.offer(hash, record(&key, &value, version), Sequence(version));
    };
    let is_cached = |number: &u32| newest(&cache, &key(*number)).is_some();
    let mut number = 0;
    while !cache.is_full(cache.hash_key(at(&key(number))).unwrap()) {
        offer(number, 1);
        number += 1;
        assert!(number < 10_000, "it is full some time");
    }
    let cached: Vec<_> = (0..number).filter(is_cached).collect();
    assert!(cached.len() > 100, "records are taken as long as there is room");
    (0..number).filter(|number| !is_cached(number)).for_each(|number| offer(number, 1));
    let more = (10_000..18_000).inspect(|number| offer(*number, 1)).filter(is_cached).count();
    assert!((1000..=1500).contains(&more), "{more} of 8,000, one in eight if all buckets are full");

    let number = (0..18_000).find(is_cached).unwrap();
    cache.raise(at(&key(number)), Sequence(2));
    offer(number, 2);
    assert_eq!(newest(&cache, &key(number)).unwrap().1, 2, "its old version takes no room");
}
