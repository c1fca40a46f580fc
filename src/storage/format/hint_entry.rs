//! An entry of a hint: a record without its value.

use serde::{Deserialize, Serialize};

use crate::storage::format::keyspace::{KeyspaceId, PlacedKey, ValueType};
use crate::storage::format::record::{Extent, REMOVE_RANGE, Record, RecordBody};
use crate::storage::format::sequence::Sequence;

/// An entry as it is encoded: the order of the fields is the format. Behind it is the end of a
/// range that its record removes.
#[derive(Serialize, Deserialize)]
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
#[derive(Serialize, Deserialize)]
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

    /// Appends the entry of a record; `None` if it cannot be encoded.
    pub(crate) fn encode(
        record: &Record<'_>,
        sequence: Sequence,
        extent: Extent,
        out: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let RecordBody { kind, keyspace, value_type, expires_at, key, value } = record.head();
        let Extent { offset, length } = extent;
        let encoded =
            EncodedEntry { keyspace, key, kind, value_type, expires_at, sequence, offset, length };
        let out = postcard::to_extend(&encoded, out).ok()?;
        if kind != REMOVE_RANGE {
            return Some(out);
        }
        postcard::to_extend(&EncodedEnd(value), out).ok()
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
