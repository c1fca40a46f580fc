//! An entry of a hint: a record without its value.

use serde::{Deserialize, Serialize};

use crate::storage::format::record::{Extent, Record};

/// An entry as it is encoded: the order of the fields is the format.
#[derive(Serialize, Deserialize)]
struct EncodedEntry<'a> {
    #[serde(borrow, with = "serde_bytes")]
    key: &'a [u8],
    kind: u8,
    expires_at: u64,
    sequence: u64,
    offset: u32,
    length: u32,
}

/// A record without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HintEntry<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) sequence: u64,
    pub(crate) extent: Extent,
}

impl<'a> HintEntry<'a> {
    /// Decodes the entry that the bytes begin with; returns it with the bytes behind it.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (encoded, rest) = postcard::take_from_bytes::<EncodedEntry<'a>>(bytes).ok()?;
        let EncodedEntry { key, kind, expires_at, sequence, offset, length } = encoded;
        let record = Record::with_head(kind, expires_at, key)?;
        Some((Self { record, sequence, extent: Extent { offset, length } }, rest))
    }

    /// Appends the entry of a record; `None` if it cannot be encoded.
    pub(crate) fn encode(
        record: &Record<'_>,
        sequence: u64,
        extent: Extent,
        out: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let (kind, expires_at, key) = record.head();
        let Extent { offset, length } = extent;
        let encoded = EncodedEntry { key, kind, expires_at, sequence, offset, length };
        postcard::to_extend(&encoded, out).ok()
    }

    /// Compares by key, then by age; records of one batch for one key stay in the order of the log.
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        let environment = |entry: &Self| (entry.sequence, entry.extent.offset);
        self.record
            .key()
            .cmp(other.record.key())
            .then_with(|| environment(self).cmp(&environment(other)))
    }
}
