//! The changes of keys that a watch tells, and the place in their order.
//!
//! IMPORTANT: the position of a variant and of a field is the wire format. Append only.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;

/// A place in the order of all changes, behind those of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchPosition {
    /// A number of this run of the server: another run may give the versions behind it again.
    pub run: u64,
    /// The version.
    pub version: u64,
}

/// A change of keys by a batch that was committed. Times are Unix time in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub enum WatchedChange<'a> {
    /// The key has this value from then on.
    Set {
        /// The key.
        key: ByteString<'a>,
        /// The value.
        value: ByteString<'a>,
        /// When the value ceases to exist, in Unix milliseconds.
        expires_at: Option<u64>,
    },
    /// A write removed the key.
    Removed {
        /// The key.
        key: ByteString<'a>,
    },
    /// The key was removed because its time had passed.
    Expired {
        /// The key.
        key: ByteString<'a>,
    },
    /// Every key of the range is gone.
    RangeRemoved {
        /// The lowest key of the range.
        start: ByteString<'a>,
        /// The key behind the range, unless it has no end.
        end: Option<ByteString<'a>>,
    },
    /// Every key of the keyspace is gone.
    Cleared,
    /// The keyspace is gone with all its keys.
    Dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_every_change_and_of_a_position() {
        let key = || ByteString::from(b"k");
        let range = |end| WatchedChange::RangeRemoved { start: key(), end };
        let value = ByteString::from(b"v");
        let cases = [
            (
                WatchedChange::Set { key: key(), value, expires_at: Some(300) },
                &b"\x00\x01k\x01v\x01\xAC\x02"[..],
            ),
            (WatchedChange::Removed { key: key() }, b"\x01\x01k"),
            (WatchedChange::Expired { key: key() }, b"\x02\x01k"),
            (range(None), b"\x03\x01k\x00"),
            (range(Some(ByteString::from(b"l"))), b"\x03\x01k\x01\x01l"),
            (WatchedChange::Cleared, b"\x04"),
            (WatchedChange::Dropped, b"\x05"),
        ];
        for (change, bytes) in cases {
            assert_eq!(postcard::to_stdvec(&change).unwrap(), bytes, "{change:?}");
            assert_eq!(postcard::from_bytes::<WatchedChange<'_>>(bytes).unwrap(), change);
        }
        let position = WatchPosition { run: 300, version: 7 };
        assert_eq!(postcard::to_stdvec(&position).unwrap(), b"\xAC\x02\x07");
        assert_eq!(postcard::from_bytes::<WatchPosition>(b"\xAC\x02\x07").unwrap(), position);
    }
}
