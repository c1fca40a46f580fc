//! Every store does what the trait says, or the figures compare nothing.

use std::collections::BTreeMap;

use super::{PROFILES, Settings};
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
            peer.close().unwrap();
        }
    }
}
