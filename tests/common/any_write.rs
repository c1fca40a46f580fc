//! One random write on a keyspace and on a map, which have to agree.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};
use std::time::{Duration, UNIX_EPOCH};

use kvs::{Error, Expiry, Keyspace, Precondition};

use super::random::Random;

/// Values, each with true if it has an expiry.
pub type Model = BTreeMap<Vec<u8>, (Vec<u8>, bool)>;

pub const FUTURE: Expiry = Expiry::After(Duration::from_secs(1 << 30));
pub const PAST: Expiry = Expiry::At(UNIX_EPOCH);

pub fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.below(limit as u64)).unwrap()
}

pub fn key(random: &mut Random) -> Vec<u8> {
    format!("{:02}", below(random, 12)).into_bytes()
}

pub fn value(random: &mut Random) -> Vec<u8> {
    match below(random, 3) {
        0 => below(random, 100).to_string().into_bytes(),
        1 => b"text".to_vec(),
        _ => vec![b'.'; 300],
    }
}

pub fn bound(random: &mut Random) -> Bound<Vec<u8>> {
    match below(random, 4) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(key(random)),
        _ => Bound::Included(key(random)),
    }
}

/// Draws a condition on a key; returns it with whether it holds.
fn condition(
    random: &mut Random,
    store: &Keyspace,
    model: &Model,
    key: &[u8],
) -> (Precondition, bool) {
    let stored = model.get(key);
    let version = store.metadata(key).unwrap().map(|it| it.version);
    match below(random, 5) {
        0 => (Precondition::Absent, stored.is_none()),
        1 => (Precondition::Present, stored.is_some()),
        2 => {
            let value = value(random);
            let holds = stored.is_some_and(|(stored, _)| *stored == value);
            (Precondition::Value(value), holds)
        }
        3 => (Precondition::Version(version.unwrap_or(0)), stored.is_some()),
        _ => (Precondition::Version(version.unwrap_or(0) + 1), false),
    }
}

pub fn integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Does one random write on both sides and compares what they answer.
pub fn any_write(random: &mut Random, store: &Keyspace, model: &mut Model) {
    let (key, value) = (key(random), value(random));
    match below(random, 13) {
        0 => {
            store.set(&key[..], &value[..]).unwrap();
            model.insert(key, (value, false));
        }
        1 => {
            store.set_expiring(&key[..], &value[..], FUTURE).unwrap();
            model.insert(key, (value, true));
        }
        2 => {
            store.set_expiring(&key[..], &value[..], PAST).unwrap();
            model.remove(&key);
        }
        3 => {
            let (condition, holds) = condition(random, store, model, &key);
            assert_eq!(store.set_if(&key[..], &value[..], condition).unwrap(), holds);
            if holds {
                model.insert(key, (value, false));
            }
        }
        4 => assert_eq!(store.remove(&key[..]).unwrap(), model.remove(&key).is_some()),
        5 => {
            let (condition, holds) = condition(random, store, model, &key);
            assert_eq!(store.remove_if(&key[..], condition).unwrap(), holds);
            if holds {
                model.remove(&key);
            }
        }
        6 => {
            let old = store.swap(&key[..], &value[..]).unwrap();
            assert_eq!(old, model.insert(key, (value, false)).map(|(old, _)| old));
        }
        7 => {
            let taken = store.take(&key[..]).unwrap();
            assert_eq!(taken, model.remove(&key).map(|(value, _)| value));
        }
        _ => update(random, store, model, (key, value)),
    }
}

/// Does one random write that depends on the entry of its key, or of a range.
fn update(
    random: &mut Random,
    store: &Keyspace,
    model: &mut Model,
    (key, value): (Vec<u8>, Vec<u8>),
) {
    let stored = model.get(&key).cloned();
    let expires = stored.as_ref().is_some_and(|(_, expires)| *expires);
    match below(random, 5) {
        0 => {
            let old = stored.as_ref().map_or(Some(0), |(value, _)| integer(value));
            match store.increment(&key[..], -7) {
                Ok(sum) => {
                    assert_eq!(Some(sum), old.map(|old| old - 7));
                    model.insert(key, (sum.to_string().into_bytes(), expires));
                }
                Err(error) => assert!(old.is_none() && matches!(error, Error::NotAnInteger { .. })),
            }
        }
        1 => {
            let appended = [stored.map_or_else(Vec::new, |(value, _)| value), value.clone()];
            let appended = appended.concat();
            assert_eq!(store.append(&key[..], &value[..]).unwrap(), appended.len() as u64);
            model.insert(key, (appended, expires));
        }
        2 => {
            let expiry = if below(random, 2) == 0 { FUTURE } else { PAST };
            assert_eq!(store.expire(&key[..], expiry).unwrap(), stored.is_some());
            if expiry == PAST {
                model.remove(&key);
            } else if let Some((_, expires)) = model.get_mut(&key) {
                *expires = true;
            }
        }
        3 => {
            assert_eq!(store.persist(&key[..]).unwrap(), expires);
            if let Some((_, expires)) = model.get_mut(&key) {
                *expires = false;
            }
        }
        _ => {
            let range = (bound(random), bound(random));
            store.remove_range(range.clone()).unwrap();
            let is_inside = |key: &Vec<u8>| range.contains(key);
            model.retain(|key, _| !is_inside(key));
        }
    }
}
