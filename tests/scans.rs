//! Scans of the embedded store: what a visitor sees, and what it may do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Bound, ControlFlow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use kvs::{Durability, EngineKind, Error, Options, Store, WriteBatch};
use random::Random;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn options(directory: &Path) -> Options {
    Options::new(directory).durability(Durability::Never)
}

fn key(number: usize) -> Vec<u8> {
    format!("key{number:05}").into_bytes()
}

fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.below(limit as u64)).unwrap()
}

/// Writes keys in their order, so that their records lie one behind the other.
fn fill(store: &Store, keys: usize, value: impl Fn(usize) -> Vec<u8>) {
    let mut batch = WriteBatch::new();
    (0..keys).for_each(|number| batch.set(key(number), value(number)));
    store.write(batch).unwrap();
}

/// Returns what an iterator has, none of which is an error.
fn all(scan: impl Iterator<Item = kvs::Result<(Vec<u8>, Vec<u8>)>>) -> Entries {
    scan.map(Result::unwrap).collect()
}

/// Returns what a visitor sees that takes everything.
fn visited(store: &Store, start: Bound<Vec<u8>>, limit: usize) -> Entries {
    let mut entries = Entries::new();
    let ended = store.scan_each((start, Bound::Unbounded), limit, |key, value| {
        entries.push((key.to_vec(), value.to_vec()));
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(ended.unwrap(), ControlFlow::Continue(()));
    entries
}

#[test]
fn a_visitor_sees_what_a_scan_returns_and_ends_it_when_it_likes() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let path = directory.path().join(engine.to_string());
        let store = Store::open(options(&path).engine(engine)).unwrap();
        fill(&store, 1000, |number| vec![b'v'; number % 300]);
        assert_eq!(visited(&store, Bound::Unbounded, usize::MAX), all(store.scan(..)));
        assert_eq!(
            visited(&store, Bound::Included(key(990)), 5),
            all(store.scan(key(990)..).take(5))
        );
        assert_eq!(visited(&store, Bound::Excluded(key(999)), 5), []);
        assert_eq!(visited(&store, Bound::Unbounded, 0), []);
        let few = Store::open(options(&path.with_extension("few")).engine(engine)).unwrap();
        assert_eq!(visited(&few, Bound::Unbounded, 5), []);
        fill(&few, 3, |_| b"v".to_vec());
        assert_eq!(visited(&few, Bound::Unbounded, 9).len(), 3, "{engine}");
        for last in [0, 1, 63, 64, 65, 500, 999] {
            let mut seen = 0;
            let ended = store.scan_each(.., usize::MAX, |found, _| {
                assert_eq!(found, key(seen), "{engine}");
                seen += 1;
                if found == key(last) {
                    ControlFlow::Break(last)
                } else {
                    ControlFlow::Continue(())
                }
            });
            assert_eq!((ended.unwrap(), seen), (ControlFlow::Break(last), last + 1), "{engine}");
        }
    }
}

#[test]
fn a_panic_in_a_visitor_leaves_the_store_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let path = directory.path().join(engine.to_string());
        let store = Store::open(options(&path).engine(engine)).unwrap();
        fill(&store, 500, |number| vec![b'v'; number % 900]);
        let before = all(store.scan(..));
        for last in [0, 7, 250] {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let mut left = last;
                store.scan_each(.., usize::MAX, |_, _| {
                    assert!(left > 0, "the visitor has had enough");
                    left -= 1;
                    ControlFlow::<()>::Continue(())
                })
            }));
            assert!(panicked.is_err());
            assert_eq!(all(store.scan(..)), before, "{engine}");
        }
        store.set(key(3), "new").unwrap();
        assert_eq!(store.get(key(3)).unwrap().unwrap(), b"new", "{engine}");
    }
}

#[test]
fn a_visitor_may_write_and_read_and_does_not_see_what_it_writes() {
    let directory = tempfile::tempdir().unwrap();
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        let path = directory.path().join(engine.to_string());
        let store = Store::open(options(&path).engine(engine)).unwrap();
        fill(&store, 300, |number| number.to_string().into_bytes());
        let mut seen = 0;
        let ended = store.scan_each(.., usize::MAX, |found, value| {
            assert_eq!((found, value), (&key(seen)[..], seen.to_string().as_bytes()), "{engine}");
            if seen < 150 {
                assert_eq!(store.get(found).unwrap().unwrap(), value, "{engine}");
            }
            // To keys that lie ahead, and to keys between those that are there.
            store.set(key(299 - seen), "later").unwrap();
            store.set([found, b"+"].concat(), "later").unwrap();
            if seen % 3 == 0 {
                store.remove(key(seen + 1)).unwrap();
                store.set(key(seen + 1), (seen + 1).to_string()).unwrap();
            }
            store.set(found, "seen").unwrap();
            let inner = all(store.scan(found..).take(1));
            assert_eq!(inner, [(found.to_vec(), b"seen".to_vec())], "{engine}");
            seen += 1;
            ControlFlow::<()>::Continue(())
        });
        assert_eq!((ended.unwrap(), seen), (ControlFlow::Continue(()), 300), "{engine}");
        assert_eq!(store.get(key(0)).unwrap().unwrap(), b"later", "{engine}");
        assert_eq!(store.get(key(299)).unwrap().unwrap(), b"seen", "{engine}");
    }
}

/// Makes writes of which some lie near each other and others do not, with values of all lengths;
/// returns what the store has then.
fn write_at_random(store: &Store, random: &mut Random) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut model = BTreeMap::new();
    for round in 0..40 {
        let start = below(random, 2000);
        let mut batch = WriteBatch::new();
        for number in 0..100 {
            let number = match round % 2 {
                0 => start + number,
                _ => below(random, 2100),
            };
            let length = [0, 20, 100, 117, 480, 700, 5000][below(random, 7)];
            let value: Vec<u8> = std::iter::repeat_n([round, number], length / 2)
                .flatten()
                .map(|number| u8::try_from(number % 256).unwrap())
                .collect();
            if below(random, 10) == 0 {
                batch.remove(key(number));
                model.remove(&key(number));
            } else {
                batch.set(key(number), value.clone());
                model.insert(key(number), value);
            }
        }
        store.write(batch).unwrap();
    }
    model
}

#[test]
fn wherever_the_records_lie_a_scan_reads_the_right_ones() {
    for seed in 0..4 {
        let mut random = Random(seed);
        let directory = tempfile::tempdir().unwrap();
        // Segments of a few records, which are compacted meanwhile.
        let small = || options(directory.path()).segment_bytes_max(1 << 18).compaction_bytes_min(1);
        let model = write_at_random(&Store::open(small()).unwrap(), &mut random);
        for cache_bytes in [0, 1 << 17, 64 << 20] {
            // What was read lies in no cache after an open.
            let store = Store::open(small().cache_bytes(cache_bytes)).unwrap();
            for _ in 0..200 {
                let (start, limit) = (key(below(&mut random, 2200)), below(&mut random, 200));
                let expected = model.range(start.clone()..).take(limit);
                let expected: Entries = expected.map(|(k, v)| (k.clone(), v.clone())).collect();
                let found = visited(&store, Bound::Included(start), limit);
                assert!(found == expected, "seed {seed}, {cache_bytes} bytes of cache");
            }
        }
    }
}

#[test]
fn damage_among_neighbours_is_reported_at_its_key_and_hides_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(options(directory.path()).cache_bytes(0)).unwrap();
    fill(&store, 200, |number| vec![b'v'; 50 + number % 50]);
    let log = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let log = log.into_iter().find(|path| path.extension().is_some_and(|end| end == "log"));
    let log = log.unwrap();
    let bytes = fs::read(&log).unwrap();
    let place = bytes.windows(8).position(|window| window == &key(100)[..]).unwrap();
    let mut damaged = bytes.clone();
    damaged[place + 20] ^= 1;
    fs::write(&log, &damaged).unwrap();
    let mut seen = 0;
    let error = store.scan_each(.., usize::MAX, |found, _| {
        assert_eq!(found, key(seen));
        seen += 1;
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(error, Err(Error::Corrupt { offset: Some(_), .. })), "{error:?}");
    assert_eq!(seen, 100);
    assert_eq!(all(store.scan(key(101)..)).len(), 99);
    assert_eq!(all(store.scan(..key(100))).len(), 100);
}
