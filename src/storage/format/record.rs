//! A record: one change of one batch.

use serde::{Deserialize, Serialize};

/// Bytes of a record before its body.
pub(crate) const RECORD_HEADER_BYTES: usize = 8;

/// A record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// The key has this value.
    Put { key: &'a [u8], value: &'a [u8], expires_at: Option<u64> },
    /// The key is gone.
    Remove { key: &'a [u8] },
    /// Every key that is older is gone.
    Clear,
}

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const CLEAR: u8 = 3;

/// A record's body as it is encoded: the order of the fields is the format.
#[derive(Serialize, Deserialize)]
pub(super) struct RecordBody<'a> {
    kind: u8,
    /// Zero where the record does not expire.
    expires_at: u64,
    #[serde(borrow, with = "serde_bytes")]
    key: &'a [u8],
    #[serde(borrow, with = "serde_bytes")]
    value: &'a [u8],
}

impl<'a> RecordBody<'a> {
    /// Returns the body of a record.
    pub(super) fn new(record: &Record<'a>) -> Self {
        match *record {
            Record::Put { key, value, expires_at } => {
                Self { kind: PUT, expires_at: expires_at.unwrap_or(0), key, value }
            }
            Record::Remove { key } => Self { kind: REMOVE, expires_at: 0, key, value: &[] },
            Record::Clear => Self { kind: CLEAR, expires_at: 0, key: &[], value: &[] },
        }
    }

    /// Returns the record of this body; `None` if no record has such a body.
    pub(super) fn record(&self) -> Option<Record<'a>> {
        let Self { kind, expires_at, key, value } = *self;
        match kind {
            PUT => {
                Some(Record::Put { key, value, expires_at: Some(expires_at).filter(|t| *t > 0) })
            }
            REMOVE if expires_at == 0 && value.is_empty() => Some(Record::Remove { key }),
            CLEAR if expires_at == 0 && key.is_empty() && value.is_empty() => Some(Record::Clear),
            _ => None,
        }
    }

    /// Appends the bytes that postcard would, in a fraction of the time.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let number = |mut number: u64, out: &mut Vec<u8>| {
            while number >= 0x80 {
                out.push((number & 0x7F) as u8 | 0x80);
                number >>= 7;
            }
            out.push((number & 0x7F) as u8);
        };
        out.push(self.kind);
        number(self.expires_at, out);
        for bytes in [self.key, self.value] {
            number(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
    }

    /// Returns the bytes that it takes. Postcard also decodes numbers with redundant bytes, which
    /// are never written: such a body is longer than this.
    pub(super) fn length(&self) -> usize {
        let varint = |number: u64| (64 - (number | 1).leading_zeros() as usize).div_ceil(7);
        let bytes = |bytes: &[u8]| varint(bytes.len() as u64) + bytes.len();
        1 + varint(self.expires_at) + bytes(self.key) + bytes(self.value)
    }
}

impl<'a> Record<'a> {
    /// Returns the key; a clear has none.
    pub(crate) fn key(&self) -> &'a [u8] {
        match self {
            Self::Put { key, .. } | Self::Remove { key } => key,
            Self::Clear => &[],
        }
    }

    /// Returns true if it removes every key.
    pub(crate) fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }

    /// Returns everything but the value: kind, expiry, and key.
    pub(crate) fn head(&self) -> (u8, u64, &'a [u8]) {
        let RecordBody { kind, expires_at, key, .. } = RecordBody::new(self);
        (kind, expires_at, key)
    }

    /// Returns the record with this [`head`](Self::head) and no value; `None` if there is no such
    /// record.
    pub(crate) fn with_head(kind: u8, expires_at: u64, key: &'a [u8]) -> Option<Self> {
        RecordBody { kind, expires_at, key, value: &[] }.record()
    }
}

/// The position of a record in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u32,
    /// The bytes of the record, its header included.
    pub(crate) length: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_postcard_makes_of_it() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384, 70_000] {
            let (key, value) = (vec![b'k'; length], vec![b'v'; length / 2]);
            for expires_at in [0, 1, 127, 128, 1 << 14, (1 << 63) - 1, u64::MAX] {
                let body = RecordBody { kind: PUT, expires_at, key: &key, value: &value };
                let mut bytes = Vec::new();
                body.encode(&mut bytes);
                assert_eq!(bytes.len(), body.length());
                assert!(bytes == postcard::to_stdvec(&body).unwrap(), "{length} {expires_at}");
            }
        }
    }
}
