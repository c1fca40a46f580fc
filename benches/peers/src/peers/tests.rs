//! Every store does what the trait says, or the figures compare nothing.

use std::collections::BTreeMap;
use std::thread;

use tempfile::TempDir;

use super::{PROFILES, Peer, Profile, Settings};
use crate::data::{Key, key};

const KEYS: u64 = 500;

#[test]
fn every_store_keeps_what_it_was_given() {
    for profile in PROFILES {
        for synced in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let settings = Settings {
                directory: directory.path(),
                synced,
                cache_bytes: 16 << 20,
                exceeds_memory: false,
            };
            let peer = (profile.open)(&settings).unwrap();
            let mut model: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
            let entries: Vec<_> = (0..KEYS).map(|number| (key(number), vec![1; 20])).collect();
            peer.set_many(&entries).unwrap();
            model.extend(entries);
            peer.set(&key(3), b"changed").unwrap();
            model.insert(key(3), b"changed".to_vec());
            peer.sync().unwrap();
            peer.close().unwrap();

            let peer = (profile.open)(&settings).unwrap();
            for (key, value) in &model {
                let mut seen = None;
                assert!(peer.get(key, &mut |bytes| seen = Some(bytes.to_vec())).unwrap());
                assert_eq!(seen.as_ref(), Some(value), "{}", profile.name);
            }
            assert!(!peer.get(&key(KEYS), &mut |_| ()).unwrap(), "{}", profile.name);
            let keys: Vec<Key> = (0..2 * KEYS).map(key).collect();
            let mut positions = Vec::new();
            let found = peer.get_many(&keys, &mut |position, value| {
                assert_eq!(value, model[&keys[position]]);
                positions.push(position);
            });
            assert_eq!(found.unwrap(), model.len(), "{}", profile.name);
            assert_eq!(positions.len(), model.len(), "{}", profile.name);
            let from = key(17);
            let mut seen = Vec::new();
            let scanned = peer.scan(&from, 100, &mut |key, value| {
                seen.push((key.to_vec(), value.to_vec()));
            });
            let expected: Vec<_> =
                model.range(from..).take(100).map(|(k, v)| (k.to_vec(), v.clone())).collect();
            assert_eq!(seen, expected, "{}", profile.name);
            assert_eq!(scanned.unwrap(), expected.len(), "{}", profile.name);
            let mut seen = Vec::new();
            let scanned = peer.scan_prefix(&from[..1], &mut |key, _| seen.push(key.to_vec()));
            let expected: Vec<_> = model.keys().filter(|key| key[0] == from[0]).collect();
            assert!(seen.iter().eq(expected.iter().copied()), "{}", profile.name);
            assert_eq!(scanned.unwrap(), expected.len(), "{}", profile.name);
            peer.close().unwrap();
        }
    }
}

/// Returns an open store of 10 keys with the value 0 as text.
fn open<'a>(profile: &Profile, settings: &Settings<'a>) -> Box<dyn Peer> {
    let peer = (profile.open)(settings).unwrap();
    let entries: Vec<_> = (0..10).map(|number| (key(number), b"0".to_vec())).collect();
    peer.set_many(&entries).unwrap();
    peer
}

fn settings(directory: &TempDir) -> Settings<'_> {
    let directory = directory.path();
    Settings { directory, synced: false, cache_bytes: 16 << 20, exceeds_memory: false }
}

fn integer(value: &[u8]) -> u64 {
    str::from_utf8(value).unwrap().parse().unwrap()
}

#[test]
fn no_store_loses_a_change_of_its_transactions() {
    const THREADS: u64 = 4;
    const CHANGES: u64 = 50;
    for profile in PROFILES {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&directory);
        open(profile, &settings).close().unwrap();
        let peer = (profile.open_transactional)(&settings).unwrap();
        let change = |values: [&[u8]; 2]| values.map(|it| (integer(it) + 1).to_string().into());
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let peer = &peer;
                scope.spawn(move || {
                    for number in 0..CHANGES {
                        let keys = [number % 10, (number + 1 + thread) % 10].map(key);
                        peer.exchange([&keys[0], &keys[1]], &change).unwrap();
                    }
                });
            }
        });
        drop(peer);
        let peer = (profile.open)(&settings).unwrap();
        let mut sum = 0;
        for number in 0..10 {
            assert!(peer.get(&key(number), &mut |value| sum += integer(value)).unwrap());
        }
        assert_eq!(sum, 2 * THREADS * CHANGES, "{}", profile.name);
    }
}

#[test]
fn a_snapshot_stays_and_a_watch_is_told() {
    for profile in PROFILES {
        let directory = tempfile::tempdir().unwrap();
        let peer = open(profile, &settings(&directory));
        if profile.has_snapshots {
            let mut values = Vec::new();
            let read = peer.with_snapshot(&mut |get| {
                // By another thread: LMDB has one transaction for each.
                thread::scope(|scope| scope.spawn(|| peer.set(&key(1), b"1")).join()).unwrap()?;
                get(&key(1), &mut |value| values.push(value.to_vec()))?;
                Ok(())
            });
            read.unwrap();
            peer.get(&key(1), &mut |value| values.push(value.to_vec())).unwrap();
            assert_eq!(values, [b"0", b"1"], "{}", profile.name);
        }
        if profile.has_watches {
            let mut watch = peer.watch().unwrap();
            peer.set(&key(2), b"2").unwrap();
            let mut told = Vec::new();
            watch(&mut |key| told.push(key.to_vec())).unwrap();
            assert_eq!(told, [key(2)], "{}", profile.name);
        }
        peer.set_deferred(&[(key(3), b"3".to_vec())]).unwrap();
        assert!(peer.get(&key(3), &mut |value| assert_eq!(value, b"3")).unwrap());
    }
}
