//! The answers of a server to operations that succeeded.
//!
//! IMPORTANT: the position of a variant and of a field is the wire format. Append only.

use serde::{Deserialize, Serialize};

use super::backup_state::BackupState;
use super::byte_string::ByteString;
use super::list;
use super::watched_change::{WatchPosition, WatchedChange};

/// The result of a successful operation. Times are Unix time in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub enum Success<'a> {
    /// The operation is done and has nothing to tell.
    Done,
    /// The value, or nothing if the key does not exist.
    Value(Option<ByteString<'a>>),
    /// One value, or nothing, for each key asked for.
    Values(#[serde(with = "list")] Vec<Option<ByteString<'a>>>),
    /// True if there was a key to remove.
    Removed(bool),
    /// Yes or no.
    Flag(bool),
    /// The value with what the store knows about it, or nothing if the key does not exist.
    Versioned(Option<VersionedValue<'a>>),
    /// The write is applied.
    Applied {
        /// The version that this write created.
        version: u64,
    },
    /// A part of a range, in the order asked for.
    Entries {
        /// The entries.
        #[serde(with = "list")]
        entries: Vec<ScanEntry<'a>>,
        /// True if the range goes on behind the last entry.
        more: bool,
    },
    /// A count.
    Number(u64),
    /// Text for a human reader.
    Text(String),
    /// Names, in the order of their bytes.
    Names(#[serde(with = "list")] Vec<String>),
    /// A number with a sign.
    Integer(i64),
    /// The watch has begun, and tells what is committed behind this place.
    Watching(WatchPosition),
    /// The changes of the next batch to the keys that are watched.
    Changes {
        /// The version of the batch.
        version: u64,
        /// The changes in order; none, if there were none up to this version.
        #[serde(with = "list")]
        changes: Vec<WatchedChange<'a>>,
    },
    /// Changes that are not known any more, so that the watch does not tell them.
    Missed {
        /// The lowest version of them.
        first: u64,
        /// The highest one.
        last: u64,
    },
    /// The state of a backup, or nothing if none was begun yet.
    Backup(Option<BackupState>),
}

/// A value with its version and expiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct VersionedValue<'a> {
    /// The value.
    pub value: ByteString<'a>,
    /// The version that wrote the value.
    pub version: u64,
    /// When the value ceases to exist, in Unix milliseconds.
    pub expires_at: Option<u64>,
}

/// One key of a scan, with its value unless only keys were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct ScanEntry<'a> {
    /// The key.
    pub key: ByteString<'a>,
    /// The value, unless only keys were asked for.
    pub value: Option<ByteString<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(answer: &Success<'_>, bytes: &[u8]) {
        assert_eq!(postcard::to_stdvec(answer).unwrap(), bytes, "{answer:?}");
        assert_eq!(&postcard::from_bytes::<Success<'_>>(bytes).unwrap(), answer);
    }

    #[test]
    fn golden_bytes_of_every_answer() {
        let value = || ByteString::from(b"v");
        golden(&Success::Done, b"\x00");
        golden(&Success::Value(None), b"\x01\x00");
        golden(&Success::Value(Some(value())), b"\x01\x01\x01v");
        golden(&Success::Values(vec![None, Some(value())]), b"\x02\x02\x00\x01\x01v");
        golden(&Success::Removed(true), b"\x03\x01");
        golden(&Success::Flag(false), b"\x04\x00");
        golden(&Success::Versioned(None), b"\x05\x00");
        let versioned = VersionedValue { value: value(), version: 7, expires_at: Some(300) };
        golden(&Success::Versioned(Some(versioned)), b"\x05\x01\x01v\x07\x01\xAC\x02");
        golden(&Success::Applied { version: 300 }, b"\x06\xAC\x02");
        let entries = vec![
            ScanEntry { key: ByteString::from(b"a"), value: Some(value()) },
            ScanEntry { key: ByteString::from(b"b"), value: None },
        ];
        golden(&Success::Entries { entries, more: true }, b"\x07\x02\x01a\x01\x01v\x01b\x00\x01");
        golden(&Success::Number(3), b"\x08\x03");
        golden(&Success::Text("hi".to_owned()), b"\x09\x02hi");
        golden(&Success::Names(vec!["a".to_owned(), "bc".to_owned()]), b"\x0A\x02\x01a\x02bc");
        golden(&Success::Integer(-2), b"\x0B\x03");
        let position = WatchPosition { run: 300, version: 7 };
        golden(&Success::Watching(position), b"\x0C\xAC\x02\x07");
        let changes =
            vec![WatchedChange::Removed { key: ByteString::from(b"k") }, WatchedChange::Cleared];
        golden(&Success::Changes { version: 300, changes }, b"\x0D\xAC\x02\x02\x01\x01k\x04");
        golden(&Success::Missed { first: 3, last: 300 }, b"\x0E\x03\xAC\x02");
        golden(&Success::Backup(None), b"\x0F\x00");
    }

    #[test]
    fn the_variant_behind_the_last_is_refused() {
        assert!(postcard::from_bytes::<Success<'_>>(b"\x10").is_err());
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert!(postcard::from_bytes::<Success<'_>>(b"\x09\x01\xFF").is_err());
    }
}
