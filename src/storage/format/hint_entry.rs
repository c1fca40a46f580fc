//! An entry of a hint: a record without its value.

use serde::Deserialize;

use crate::storage::format::keyspace::{KeyspaceId, PlacedKey, ValueType};
use crate::storage::format::record::{
    Extent, REMOVE_RANGE, Record, RecordBody, RecordKind, encode_bytes, encode_number,
    encoded_bytes,
};
use crate::storage::format::sequence::Sequence;

/// An entry as it is encoded: the order of the fields is the format. Behind it is the end of a
/// range that its record removes.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct EncodedEntry<'a> {
    keyspace: KeyspaceId,
    #[serde(borrow, with = "serde_bytes")]
    key: &'a [u8],
    kind: u8,
    value_type: ValueType,
    expires_at: u64,
    sequence: Sequence,
    offset: u32,
    length: u32,
}

/// The end of a range.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct EncodedEnd<'a>(#[serde(borrow, with = "serde_bytes")] &'a [u8]);

/// A record without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HintEntry<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) sequence: Sequence,
    pub(crate) extent: Extent,
}

impl<'a> HintEntry<'a> {
    /// Decodes the entry that the bytes begin with; returns it with the bytes behind it.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (encoded, mut rest) = postcard::take_from_bytes::<EncodedEntry<'a>>(bytes).ok()?;
        let EncodedEntry { keyspace, key, kind, value_type, expires_at, sequence, offset, length } =
            encoded;
        let mut value = &[][..];
        if kind == REMOVE_RANGE {
            let end: EncodedEnd<'a>;
            (end, rest) = postcard::take_from_bytes(rest).ok()?;
            value = end.0;
        }
        let record = RecordBody { kind, keyspace, value_type, expires_at, key, value }.record()?;
        Some((Self { record, sequence, extent: Extent { offset, length } }, rest))
    }

    /// Appends the entry of a record: the bytes that postcard would, in a fraction of the time.
    pub(crate) fn encode(
        record: &Record<'_>,
        sequence: Sequence,
        extent: Extent,
        out: &mut Vec<u8>,
    ) {
        let RecordBody { kind, keyspace, value_type, expires_at, key, value } = record.head();
        encode_number(keyspace.0.into(), out);
        encode_bytes(key, out);
        out.extend([kind, value_type.0]);
        for number in [expires_at, sequence.0, extent.offset.into(), extent.length.into()] {
            encode_number(number, out);
        }
        if kind == REMOVE_RANGE {
            encode_bytes(value, out);
        }
    }

    /// Returns the bytes of the entry of a put without expiry in the default keyspace.
    pub(crate) fn put_bytes(key_bytes: u64, sequence: Sequence, extent: Extent) -> u64 {
        let kind = RecordKind::Put {
            key: &[],
            value: &[],
            value_type: ValueType::STRING,
            expires_at: None,
        };
        let mut entry = Vec::new();
        Self::encode(&Record { keyspace: KeyspaceId::DEFAULT, kind }, sequence, extent, &mut entry);
        // Without the length of the key, one byte.
        encoded_bytes(key_bytes).saturating_add(entry.len() as u64 - 1)
    }

    /// Returns its key with the keyspace.
    pub(crate) fn placed_key(&self) -> PlacedKey<'a> {
        (self.record.keyspace, self.record.key())
    }

    /// Compares by keyspace and key, then by age; records of one batch for one key stay in the
    /// order of the log.
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        let age = |entry: &Self| (entry.sequence, entry.extent.offset);
        self.placed_key().cmp(&other.placed_key()).then_with(|| age(self).cmp(&age(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::unix_millis::UnixMillis;
    use crate::storage::key_range::KeyInterval;

    #[test]
    fn an_entry_is_what_postcard_makes_of_it() {
        let key = vec![b'k'; 300];
        let numbers = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX];
        for (position, number) in numbers.into_iter().enumerate() {
            let (key, value_type) = (&key[..position * 40], ValueType(9));
            let expires_at = UnixMillis::unless_zero(number);
            let short = u32::try_from(number).unwrap_or(u32::MAX);
            for kind in [
                RecordKind::Put { key, value: &[], value_type, expires_at },
                RecordKind::Remove { key },
                RecordKind::RemoveRange(KeyInterval { start: key, end: b"l" }),
            ] {
                let (keyspace, extent) = (KeyspaceId(short), Extent { offset: short, length: 7 });
                let (record, sequence) = (Record { keyspace, kind }, Sequence(number));
                let mut bytes = Vec::new();
                HintEntry::encode(&record, sequence, extent, &mut bytes);
                let RecordBody { kind, value_type, expires_at, value, .. } = record.head();
                let Extent { offset, length } = extent;
                let encoded = EncodedEntry {
                    keyspace,
                    key,
                    kind,
                    value_type,
                    expires_at,
                    sequence,
                    offset,
                    length,
                };
                let mut expected = postcard::to_stdvec(&encoded).unwrap();
                if kind == REMOVE_RANGE {
                    expected.extend(postcard::to_stdvec(&EncodedEnd(value)).unwrap());
                }
                assert_eq!(bytes, expected);
                let entry = HintEntry { record, sequence, extent };
                assert_eq!(HintEntry::decode(&bytes), Some((entry, &[][..])));
            }
        }
    }
}
