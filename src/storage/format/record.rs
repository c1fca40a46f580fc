//! A record: one change of one batch.

use serde::{Deserialize, Serialize};

use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::keyspace::{KeyspaceId, ValueType};
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::key_range::KeyInterval;

/// Bytes of a record before its body.
pub(crate) const RECORD_HEADER_BYTES: usize = 8;

/// A statement about keys of one keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) keyspace: KeyspaceId,
    pub(crate) kind: RecordKind<'a>,
}

/// The contents of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind<'a> {
    /// The key has this value.
    Put { key: &'a [u8], value: &'a [u8], value_type: ValueType, expires_at: Option<UnixMillis> },
    /// The key is gone.
    Remove { key: &'a [u8] },
    /// Every key in the range is gone if its version is lower.
    RemoveRange(KeyInterval<'a>),
}

const PUT: u8 = 1;
const REMOVE: u8 = 2;
/// The kind of a record that removes a range.
pub(crate) const REMOVE_RANGE: u8 = 3;

/// A record's body as it is encoded: the order of the fields is the format.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RecordBody<'a> {
    pub(crate) kind: u8,
    pub(crate) keyspace: KeyspaceId,
    pub(crate) value_type: ValueType,
    /// Zero where the record does not expire.
    pub(crate) expires_at: u64,
    #[serde(borrow, with = "serde_bytes")]
    pub(crate) key: &'a [u8],
    /// The end of the range where the record removes one.
    #[serde(borrow, with = "serde_bytes")]
    pub(crate) value: &'a [u8],
}

impl<'a> RecordBody<'a> {
    /// Returns the body of a record.
    pub(super) fn new(record: &Record<'a>) -> Self {
        let keyspace = record.keyspace;
        let (value_type, expires_at) = (ValueType::default(), 0);
        match record.kind {
            RecordKind::Put { key, value, value_type, expires_at } => {
                let expires_at = UnixMillis::or_zero(expires_at);
                Self { kind: PUT, keyspace, value_type, expires_at, key, value }
            }
            RecordKind::Remove { key } => {
                Self { kind: REMOVE, keyspace, value_type, expires_at, key, value: &[] }
            }
            RecordKind::RemoveRange(KeyInterval { start: key, end: value }) => {
                Self { kind: REMOVE_RANGE, keyspace, value_type, expires_at, key, value }
            }
        }
    }

    /// Returns the record with this body; `None` if no record has such a one.
    pub(crate) fn record(&self) -> Option<Record<'a>> {
        let Self { kind, keyspace, value_type, expires_at, key, value } = *self;
        let is_plain = expires_at == 0 && value_type == ValueType::default();
        let kind = match kind {
            PUT => {
                let expires_at = UnixMillis::unless_zero(expires_at);
                RecordKind::Put { key, value, value_type, expires_at }
            }
            REMOVE if is_plain && value.is_empty() => RecordKind::Remove { key },
            REMOVE_RANGE if is_plain && (value.is_empty() || key < value) => {
                RecordKind::RemoveRange(KeyInterval { start: key, end: value })
            }
            _ => return None,
        };
        Some(Record { keyspace, kind })
    }

    /// Appends the bytes that postcard would, in an eighth of the time: 12 ns instead of 92 for 100
    /// bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind);
        encode_number(self.keyspace.0.into(), out);
        out.push(self.value_type.0);
        encode_number(self.expires_at, out);
        encode_bytes(self.key, out);
        encode_bytes(self.value, out);
    }

    /// Returns the bytes that it takes. Postcard also decodes numbers with redundant bytes, which
    /// are never written: such a body is longer than this.
    pub(super) fn length(&self) -> usize {
        let bytes = |bytes: &[u8]| number_bytes(bytes.len() as u64) + bytes.len();
        let numbers = number_bytes(self.keyspace.0.into()) + number_bytes(self.expires_at);
        2 + numbers + bytes(self.key) + bytes(self.value)
    }
}

/// Returns the bytes that a number takes.
fn number_bytes(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

/// Returns the bytes that so many bytes take with their length, behind which they stand.
pub(super) fn encoded_bytes(bytes: u64) -> u64 {
    bytes.saturating_add(number_bytes(bytes) as u64)
}

/// Returns the bytes of the record of a put without expiry in the default keyspace, its header
/// included.
pub(crate) fn put_bytes(key_bytes: u64, value_bytes: u64) -> u64 {
    let empty =
        RecordKind::Put { key: &[], value: &[], value_type: ValueType::STRING, expires_at: None };
    let empty = RecordBody::new(&Record { keyspace: KeyspaceId::DEFAULT, kind: empty });
    // Without the lengths of key and value, one byte each.
    let rest = (RECORD_HEADER_BYTES + empty.length() - 2) as u64;
    rest.saturating_add(encoded_bytes(key_bytes)).saturating_add(encoded_bytes(value_bytes))
}

/// Appends a number as postcard would.
pub(super) fn encode_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7F) as u8);
}

/// Appends bytes as postcard would.
pub(super) fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    encode_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

impl<'a> Record<'a> {
    /// Returns the key that it is about; of a range the start.
    pub(crate) fn key(&self) -> &'a [u8] {
        match self.kind {
            RecordKind::Put { key, .. } | RecordKind::Remove { key } => key,
            RecordKind::RemoveRange(KeyInterval { start, .. }) => start,
        }
    }

    /// Returns its body but for a value.
    pub(crate) fn head(&self) -> RecordBody<'a> {
        let body = RecordBody::new(self);
        match self.kind {
            RecordKind::Put { .. } => RecordBody { value: &[], ..body },
            RecordKind::Remove { .. } | RecordKind::RemoveRange { .. } => body,
        }
    }

    /// Returns the put of a string in the default keyspace.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) const fn put(
        key: &'a [u8],
        value: &'a [u8],
        expires_at: Option<UnixMillis>,
    ) -> Self {
        let kind = RecordKind::Put { key, value, value_type: ValueType::STRING, expires_at };
        Self { keyspace: KeyspaceId::DEFAULT, kind }
    }

    /// Returns the removal of a key of the default keyspace.
    #[cfg(test)]
    pub(crate) const fn remove(key: &'a [u8]) -> Self {
        Self { keyspace: KeyspaceId::DEFAULT, kind: RecordKind::Remove { key } }
    }
}

/// The position of a record in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u32,
    /// The bytes of the record, its header included.
    pub(crate) length: u32,
}

impl Extent {
    /// Returns the bytes of the record in a frame of its own; none of one without bytes.
    pub(crate) fn cost(self) -> u64 {
        match self.length {
            0 => 0,
            length => u64::from(length) + FRAME_HEADER_BYTES as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_postcard_makes_of_it() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384, 70_000] {
            let (key, value) = (vec![b'k'; length], vec![b'v'; length / 2]);
            for expires_at in [0, 1, 127, 128, 1 << 14, (1 << 63) - 1, u64::MAX] {
                let keyspace = KeyspaceId(u32::try_from(length).unwrap());
                let (key, value, value_type) = (&key[..], &value[..], ValueType(7));
                let body = RecordBody { kind: PUT, keyspace, value_type, expires_at, key, value };
                let mut bytes = Vec::new();
                body.encode(&mut bytes);
                assert_eq!(bytes.len(), body.length());
                assert!(bytes == postcard::to_stdvec(&body).unwrap(), "{length} {expires_at}");
            }
        }
    }
}
