//! The read set of a transaction, as its batch carries it.
//!
//! IMPORTANT: the position of a field is the wire format.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::list;

/// The keys and ranges that a transaction has read at the snapshot of its connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct BatchReads<'a> {
    /// The version of the snapshot.
    pub version: u64,
    /// The names that keyspaces had at the snapshot, each of which must still be that of the same
    /// keyspace.
    #[serde(with = "list::reads")]
    pub names: Vec<String>,
    /// The keys.
    #[serde(with = "list::reads")]
    pub keys: Vec<KeyRead<'a>>,
    /// The ranges.
    #[serde(with = "list::reads")]
    pub ranges: Vec<KeyRangeRead<'a>>,
}

/// A key that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct KeyRead<'a> {
    /// The keyspace: 0 for the default one, and the place of its name among the names, from 1 on.
    pub keyspace: u32,
    /// The key.
    pub key: ByteString<'a>,
    /// True if it was there.
    pub was_there: bool,
}

/// A range of keys that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct KeyRangeRead<'a> {
    /// The keyspace, as that of a [`KeyRead`].
    pub keyspace: u32,
    /// The lowest key of the range.
    pub start: ByteString<'a>,
    /// The key behind the range; empty if the range has no end.
    pub end: ByteString<'a>,
    /// The number of keys that were there.
    pub keys: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::native::READS_MAX;

    fn key(key: &'static [u8; 1]) -> ByteString<'static> {
        ByteString::from(key)
    }

    #[test]
    fn golden_bytes_of_reads() {
        let end = ByteString::default();
        let reads = BatchReads {
            version: 7,
            names: vec!["ks".to_owned()],
            keys: vec![KeyRead { keyspace: 0, key: key(b"k"), was_there: true }],
            ranges: vec![KeyRangeRead { keyspace: 1, start: key(b"a"), end, keys: 300 }],
        };
        let bytes = b"\x07\x01\x02ks\x01\x00\x01k\x01\x01\x01\x01a\x00\xAC\x02";
        assert_eq!(postcard::to_stdvec(&reads).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<BatchReads<'_>>(bytes).unwrap(), reads);
    }

    #[test]
    fn more_reads_than_a_frame_may_have_are_refused_both_ways() {
        let reads = |count| BatchReads {
            keys: vec![KeyRead { keyspace: 0, key: key(b"k"), was_there: true }; count],
            ..BatchReads::default()
        };
        let most = postcard::to_stdvec(&reads(READS_MAX)).unwrap();
        assert!(postcard::from_bytes::<BatchReads<'_>>(&most).is_ok());
        assert!(postcard::to_stdvec(&reads(READS_MAX + 1)).is_err());
        // The version, no names, and one key more than may be: 65,537.
        let item = b"\x00\x01k\x01";
        let more = [&b"\x00\x00\x81\x80\x04"[..], &item.repeat(READS_MAX + 1), b"\x00"].concat();
        assert!(postcard::from_bytes::<BatchReads<'_>>(&more).is_err());
    }
}
