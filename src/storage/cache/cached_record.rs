//! A record in the cache.

use std::mem::size_of;

use crate::bugs::{Bug, planted};
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey, ValueType};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::sync::{AtomicU64, Ordering};

/// The most bytes of key and value that are stored inline.
const SHORT_BYTES: usize = 117;

/// The bytes that a record takes beside those that are not inline: its allocation, its slot and its
/// share of the epochs.
pub(super) const OVERHEAD_BYTES: usize = size_of::<CachedRecord>() + 48;

/// A record that was read from the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordRef<'a> {
    pub(crate) keyspace: KeyspaceId,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) version: Sequence,
    pub(crate) value_type: ValueType,
    pub(crate) expires_at: Option<UnixMillis>,
}

/// A version of a key with its value, and the point in time that it is valid as of.
pub(super) struct CachedRecord {
    /// The version was the key's newest at this sequence number or at a later one.
    validated_at: AtomicU64,
    pub(super) version: Sequence,
    /// Zero if it does not expire.
    expires_at: u64,
    keyspace: KeyspaceId,
    pub(super) value_type: ValueType,
    bytes: RecordBytes,
}

/// Returns the bytes of memory that a record takes in the cache, its slot included.
pub(crate) fn cached_bytes(key_bytes: u64, value_bytes: u64) -> u64 {
    let bytes = key_bytes.saturating_add(value_bytes);
    let long = if bytes > SHORT_BYTES as u64 { bytes } else { 0 };
    long.saturating_add(OVERHEAD_BYTES as u64)
}

/// The key and the value after it. Short ones are inline, which saves a lookup one wait for memory.
enum RecordBytes {
    Short { key: u8, end: u8, bytes: [u8; SHORT_BYTES] },
    Long { key: usize, bytes: Box<[u8]> },
}

impl CachedRecord {
    /// Returns a record whose version was its key's newest at `validated_at` or later.
    pub(super) fn new(record: RecordRef<'_>, validated_at: Sequence) -> Self {
        let RecordRef { keyspace, key, value, version, value_type, expires_at } = record;
        let end = key.len() + value.len();
        let bytes = match (u8::try_from(key.len()), u8::try_from(end)) {
            (Ok(length), Ok(short_end)) if end <= SHORT_BYTES => {
                let mut bytes = [0; SHORT_BYTES];
                bytes[..key.len()].copy_from_slice(key);
                bytes[key.len()..end].copy_from_slice(value);
                RecordBytes::Short { key: length, end: short_end, bytes }
            }
            _ => RecordBytes::Long { key: key.len(), bytes: [key, value].concat().into() },
        };
        let validated_at = AtomicU64::new(validated_at.0);
        let expires_at = UnixMillis::or_zero(expires_at);
        Self { validated_at, version, expires_at, keyspace, value_type, bytes }
    }

    /// Returns the value if this is the key.
    pub(super) fn value_of(&self, (keyspace, key): PlacedKey<'_>) -> Option<&[u8]> {
        let (found, value) = self.parts();
        let is_it = found == key && (self.keyspace == keyspace || planted(Bug::ConfuseKeyspaces));
        is_it.then_some(value)
    }

    /// Returns the value, whatever the key is.
    pub(super) fn value(&self) -> &[u8] {
        self.parts().1
    }

    /// Returns the key and the value.
    fn parts(&self) -> (&[u8], &[u8]) {
        match &self.bytes {
            RecordBytes::Short { key, end, bytes } => {
                bytes[..usize::from(*end)].split_at(usize::from(*key))
            }
            RecordBytes::Long { key, bytes } => bytes.split_at(*key),
        }
    }

    pub(super) fn expires_at(&self) -> Option<UnixMillis> {
        UnixMillis::unless_zero(self.expires_at)
    }

    /// Returns a sequence number at which, or later, the version was its key's newest.
    pub(super) fn validated_at(&self) -> Sequence {
        Sequence(self.validated_at.load(Ordering::Acquire))
    }

    /// Notes that the version was its key's newest at this sequence number or later.
    pub(super) fn raise_validated_at(&self, validated_at: Sequence) {
        // If two threads do this at once, either value is true.
        if self.validated_at.load(Ordering::Relaxed) < validated_at.0 {
            self.validated_at.store(validated_at.0, Ordering::Release);
        }
    }

    /// Returns the bytes of memory that it takes, its slot included.
    pub(super) fn cost(&self) -> usize {
        OVERHEAD_BYTES
            + if let RecordBytes::Long { bytes, .. } = &self.bytes { bytes.len() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_records_read_back_as_they_were_made() {
        for (key, value) in [(0, 0), (1, 116), (117, 0), (100, 18), (0, 118), (300, 0), (7, 9000)] {
            let (key, value) = (vec![1; key], vec![2; value]);
            for expires_at in [None, Some(UnixMillis(9))] {
                let (keyspace, value_type) = (KeyspaceId(6), ValueType(7));
                let (key, value, version) = (&key[..], &value[..], Sequence(5));
                let record = RecordRef { keyspace, key, value, version, value_type, expires_at };
                let cached = CachedRecord::new(record, Sequence(3));
                assert_eq!(cached.parts(), (key, value));
                assert_eq!(cached.value_of((keyspace, key)), Some(value));
                assert_eq!(cached.value_of((KeyspaceId(5), key)), None);
                assert_eq!((cached.version, cached.expires_at()), (version, expires_at));
                let long = if key.len() + value.len() > SHORT_BYTES { 1 } else { 0 };
                let bytes = long * (key.len() + value.len());
                assert_eq!(cached.cost(), OVERHEAD_BYTES + bytes);
            }
        }
    }
}
