//! What is kept of one key.

use std::mem::size_of;

use super::Fresh;
use crate::bugs::{Bug, planted};
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey, ValueType};
use crate::sync::{AtomicU64, Ordering};

/// A key and a value that together have up to this many bytes are short.
const SHORT_BYTES: usize = 117;

/// What a short one takes, and a long one beside its bytes: its allocations, its slot and an epoch.
pub(super) const OVERHEAD_BYTES: usize = size_of::<Cached>() + 48;

/// A version of a key with its value.
pub(super) struct Cached {
    /// The version was the key's newest at this point in time or at a later one.
    stamp: AtomicU64,
    pub(super) version: u64,
    /// Zero where it does not expire.
    expires_at: u64,
    keyspace: KeyspaceId,
    pub(super) value_type: ValueType,
    bytes: Bytes,
}

/// The key, and the value behind it. What is short lies beside the rest, so that a lookup waits for memory
/// once less.
enum Bytes {
    Short { key: u8, end: u8, bytes: [u8; SHORT_BYTES] },
    Long { key: usize, bytes: Box<[u8]> },
}

impl Cached {
    /// A version that was its key's newest at this point in time or at a later one.
    pub(super) fn new(fresh: Fresh<'_>, stamp: u64) -> Self {
        let Fresh { keyspace, key, value, version, value_type, expires_at } = fresh;
        let end = key.len() + value.len();
        let bytes = match (u8::try_from(key.len()), u8::try_from(end)) {
            (Ok(length), Ok(short_end)) if end <= SHORT_BYTES => {
                let mut bytes = [0; SHORT_BYTES];
                bytes[..key.len()].copy_from_slice(key);
                bytes[key.len()..end].copy_from_slice(value);
                Bytes::Short { key: length, end: short_end, bytes }
            }
            _ => Bytes::Long { key: key.len(), bytes: [key, value].concat().into() },
        };
        let stamp = AtomicU64::new(stamp);
        let expires_at = expires_at.unwrap_or(0);
        Self { stamp, version, expires_at, keyspace, value_type, bytes }
    }

    /// Returns the value if this is the key.
    pub(super) fn value_of(&self, (keyspace, key): PlacedKey<'_>) -> Option<&[u8]> {
        let (found, value) = self.parts();
        let is_it = found == key && (self.keyspace == keyspace || planted(Bug::ConfuseKeyspaces));
        is_it.then_some(value)
    }

    /// The key and the value.
    fn parts(&self) -> (&[u8], &[u8]) {
        match &self.bytes {
            Bytes::Short { key, end, bytes } => {
                bytes[..usize::from(*end)].split_at(usize::from(*key))
            }
            Bytes::Long { key, bytes } => bytes.split_at(*key),
        }
    }

    pub(super) fn expires_at(&self) -> Option<u64> {
        Some(self.expires_at).filter(|time| *time > 0)
    }

    /// When the version was its key's newest, or before that.
    pub(super) fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// Says that the version was its key's newest at this point in time or at a later one.
    pub(super) fn raise_stamp(&self, stamp: u64) {
        // Where two threads do this at once either one is true.
        if self.stamp.load(Ordering::Relaxed) < stamp {
            self.stamp.store(stamp, Ordering::Release);
        }
    }

    /// What it takes in memory, its slot included.
    pub(super) fn cost(&self) -> usize {
        OVERHEAD_BYTES + if let Bytes::Long { bytes, .. } = &self.bytes { bytes.len() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_ones_are_what_they_were_made_of() {
        for (key, value) in [(0, 0), (1, 116), (117, 0), (100, 18), (0, 118), (300, 0), (7, 9000)] {
            let (key, value) = (vec![1; key], vec![2; value]);
            for expires_at in [None, Some(9)] {
                let (keyspace, value_type) = (KeyspaceId(6), ValueType(7));
                let (key, value, version) = (&key[..], &value[..], 5);
                let fresh = Fresh { keyspace, key, value, version, value_type, expires_at };
                let cached = Cached::new(fresh, 3);
                assert_eq!(cached.parts(), (key, value));
                assert_eq!(cached.value_of((keyspace, key)), Some(value));
                assert_eq!(cached.value_of((KeyspaceId(5), key)), None);
                assert_eq!((cached.version, cached.expires_at()), (5, expires_at));
                let long = if key.len() + value.len() > SHORT_BYTES { 1 } else { 0 };
                let bytes = long * (key.len() + value.len());
                assert_eq!(cached.cost(), OVERHEAD_BYTES + bytes);
            }
        }
    }
}
