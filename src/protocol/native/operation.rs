//! The operations that a client asks for.
//!
//! IMPORTANT: the position of a variant and of a field is the wire format. Append only.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::list;
use super::reads::BatchReads;
use super::watched_change::WatchPosition;

/// One operation of a request. Times are Unix time in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub enum RequestOperation<'a> {
    /// Does nothing; answered with `Done`.
    Ping,
    /// Reads one value; answered with `Value`.
    Get {
        /// The key to read.
        key: ByteString<'a>,
    },
    /// Reads many values; answered with `Values` in the order of the keys.
    GetMany {
        /// The keys to read.
        #[serde(with = "list")]
        keys: Vec<ByteString<'a>>,
    },
    /// Writes one value; answered with `Applied`.
    Set {
        /// The key to write.
        key: ByteString<'a>,
        /// The value to write.
        value: ByteString<'a>,
        /// When the value ceases to exist, in Unix milliseconds.
        expires_at: Option<u64>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Removes one key; answered with `Removed`.
    Remove {
        /// The key to remove.
        key: ByteString<'a>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Asks whether a key exists; answered with `Flag`.
    Contains {
        /// The key to look for.
        key: ByteString<'a>,
    },
    /// Does all items or none of them; answered with `Applied`, or fails with `ConditionFailed`.
    Batch {
        /// The items, in the order in which they are done.
        #[serde(with = "list")]
        items: Vec<BatchItem<'a>>,
        /// The reads of a transaction, which must be as they were at the snapshot of the
        /// connection; else the batch fails with `TransactionConflict`.
        reads: Option<BatchReads<'a>>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Reads one value with its version and expiry; answered with `Versioned`.
    GetVersioned {
        /// The key to read.
        key: ByteString<'a>,
    },
    /// Reads keys in order; answered with `Entries`.
    Scan {
        /// The start of the range, in key order.
        start: Bound<ByteString<'a>>,
        /// The end of the range, in key order.
        end: Bound<ByteString<'a>>,
        /// True to go from the end of the range to its start.
        reverse: bool,
        /// Most entries to answer with.
        limit: u32,
        /// True to leave out the values.
        keys_only: bool,
    },
    /// Counts the keys; answered with `Number`.
    Count,
    /// Makes all earlier writes durable; answered with `Done`.
    Sync,
    /// Removes all keys of every keyspace; answered with `Done`.
    Clear,
    /// Asks for a human-readable description of the server; answered with `Text`.
    Info,
    /// Gives a password, which a server with passwords wants before any other operation; answered
    /// with `Done`, or fails with `WrongPassword` after a while.
    Authenticate {
        /// The password.
        password: ByteString<'a>,
    },
    /// Asks for a keyspace to be there; answered with `Done`, or fails with `NoSuchKeyspace`.
    OpenKeyspace {
        /// Its name.
        name: String,
        /// True to make it if it is not there.
        create: bool,
    },
    /// Asks for the names of all keyspaces; answered with `Names`.
    ListKeyspaces,
    /// Gives a keyspace another name; answered with `Done`.
    RenameKeyspace {
        /// The name that it has.
        from: String,
        /// The name that it gets.
        to: String,
    },
    /// Gives each of two keyspaces the name of the other; answered with `Done`.
    SwapKeyspaces {
        /// The name of one of them.
        first: String,
        /// The name of the other one.
        second: String,
    },
    /// Removes a keyspace with all its keys; answered with `Done`.
    DropKeyspace {
        /// Its name.
        name: String,
    },
    /// Adds to the integer of a key, zero where it is absent; answered with `Integer`, the sum.
    Increment {
        /// The key.
        key: ByteString<'a>,
        /// The number to add.
        amount: i64,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Appends to a value, an empty one where the key is absent; answered with `Number`, the new
    /// length.
    Append {
        /// The key.
        key: ByteString<'a>,
        /// The bytes to append.
        suffix: ByteString<'a>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Sets a key, for good; answered with `Value`, the one that it had.
    Swap {
        /// The key.
        key: ByteString<'a>,
        /// Its new value.
        value: ByteString<'a>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Removes a key; answered with `Value`, the one that it had.
    Take {
        /// The key.
        key: ByteString<'a>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Lets a key expire; answered with `Flag`, true if it is there.
    Expire {
        /// The key.
        key: ByteString<'a>,
        /// When it ceases to exist, in Unix milliseconds; a time that has passed removes it.
        expires_at: u64,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Keeps a key for good; answered with `Flag`, true if it had an expiry.
    Persist {
        /// The key.
        key: ByteString<'a>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Removes every key of a range, at one moment; answered with `Applied`.
    RemoveRange {
        /// The start of the range, in key order.
        start: Bound<ByteString<'a>>,
        /// The end of the range, in key order.
        end: Bound<ByteString<'a>>,
        /// True to wait for the disk, false not to; `None` leaves that to the server.
        sync: Option<bool>,
    },
    /// Counts the keys of a range; answered with `Number`.
    CountRange {
        /// The start of the range, in key order.
        start: Bound<ByteString<'a>>,
        /// The end of the range, in key order.
        end: Bound<ByteString<'a>>,
    },
    /// Watches a range of keys until the connection ends; answered with `Watching`, and then, again
    /// and again, with `Changes` or `Missed`.
    Watch {
        /// The start of the range, in key order.
        start: Bound<ByteString<'a>>,
        /// The end of the range, in key order.
        end: Bound<ByteString<'a>>,
        /// The place behind which to begin, instead of now.
        after: Option<WatchPosition>,
    },
    /// Takes a snapshot for the connection, in place of an earlier one; answered with `Number`, its
    /// version.
    OpenSnapshot,
    /// Lets the snapshot of the connection go, if it has one; answered with `Done`.
    CloseSnapshot,
    /// Has a backup of the store begun; answered with `Backup`, its state.
    BeginBackup {
        /// Its name, 1 to 64 letters, digits, `.`, `_` and `-`; else it is the time.
        name: Option<String>,
    },
    /// Asks for the state of the backup that is being made, or else of the last one; answered with
    /// `Backup`.
    BackupState,
}

impl<'a> RequestOperation<'a> {
    /// Returns a batch of these items, as durable as the server makes it.
    pub fn batch(items: Vec<BatchItem<'a>>) -> Self {
        Self::Batch { items, reads: None, sync: None }
    }
}

/// One step of a [`RequestOperation::Batch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub enum BatchItem<'a> {
    /// Writes one value.
    Set {
        /// The key to write.
        key: ByteString<'a>,
        /// The value to write.
        value: ByteString<'a>,
        /// When the value ceases to exist, in Unix milliseconds.
        expires_at: Option<u64>,
    },
    /// Removes one key.
    Remove {
        /// The key to remove.
        key: ByteString<'a>,
    },
    /// Fails the whole batch unless the condition holds.
    Require {
        /// The key the condition is about.
        key: ByteString<'a>,
        /// The condition that has to hold for the key.
        condition: BatchCondition<'a>,
    },
    /// Says which keyspace the items behind it are about.
    On {
        /// Its name; `None` for the place of the request.
        name: Option<String>,
    },
    /// Adds to the integer of a key, or fails the whole batch where that cannot be.
    Increment {
        /// The key.
        key: ByteString<'a>,
        /// The number to add.
        amount: i64,
    },
    /// Appends to a value.
    Append {
        /// The key.
        key: ByteString<'a>,
        /// The bytes to append.
        suffix: ByteString<'a>,
    },
    /// Lets a key expire if it is there.
    Expire {
        /// The key.
        key: ByteString<'a>,
        /// When it ceases to exist, in Unix milliseconds; a time that has passed removes it.
        expires_at: u64,
    },
    /// Keeps a key for good if it is there.
    Persist {
        /// The key.
        key: ByteString<'a>,
    },
    /// Removes every key of a range.
    RemoveRange {
        /// The start of the range, in key order.
        start: Bound<ByteString<'a>>,
        /// The end of the range, in key order.
        end: Bound<ByteString<'a>>,
    },
}

/// A state of a key that an optimistic writer expects to find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub enum BatchCondition<'a> {
    /// The key does not exist.
    Absent,
    /// The key exists.
    Present,
    /// The key has this value.
    Value(ByteString<'a>),
    /// The key was last written in this version.
    Version(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(operation: &RequestOperation<'_>, bytes: &[u8]) {
        assert_eq!(postcard::to_stdvec(operation).unwrap(), bytes, "{operation:?}");
        assert_eq!(&postcard::from_bytes::<RequestOperation<'_>>(bytes).unwrap(), operation);
    }

    fn key() -> ByteString<'static> {
        ByteString::from(b"k")
    }

    #[test]
    fn golden_bytes_of_every_operation() {
        golden(&RequestOperation::Ping, b"\x00");
        golden(&RequestOperation::Get { key: key() }, b"\x01\x01k");
        golden(
            &RequestOperation::GetMany { keys: vec![key(), ByteString::from(b"")] },
            b"\x02\x02\x01k\x00",
        );
        let value = ByteString::from(b"vv");
        let set = |expires_at, sync| RequestOperation::Set {
            key: key(),
            value: value.clone(),
            expires_at,
            sync,
        };
        golden(&set(None, None), b"\x03\x01k\x02vv\x00\x00");
        golden(&set(Some(300), Some(true)), b"\x03\x01k\x02vv\x01\xAC\x02\x01\x01");
        golden(&RequestOperation::Remove { key: key(), sync: Some(false) }, b"\x04\x01k\x01\x00");
        golden(&RequestOperation::Contains { key: key() }, b"\x05\x01k");
        golden(&RequestOperation::batch(Vec::new()), b"\x06\x00\x00\x00");
        golden(&RequestOperation::GetVersioned { key: key() }, b"\x07\x01k");
        golden(&RequestOperation::Count, b"\x09");
        golden(&RequestOperation::Sync, b"\x0A");
        golden(&RequestOperation::Clear, b"\x0B");
        golden(&RequestOperation::Info, b"\x0C");
        golden(&RequestOperation::Authenticate { password: key() }, b"\x0D\x01k");
        let name = || "ks".to_owned();
        golden(&RequestOperation::OpenKeyspace { name: name(), create: true }, b"\x0E\x02ks\x01");
        golden(&RequestOperation::ListKeyspaces, b"\x0F");
        golden(
            &RequestOperation::RenameKeyspace { from: name(), to: "b".into() },
            b"\x10\x02ks\x01b",
        );
        golden(
            &RequestOperation::SwapKeyspaces { first: name(), second: "b".into() },
            b"\x11\x02ks\x01b",
        );
        golden(&RequestOperation::DropKeyspace { name: name() }, b"\x12\x02ks");
        let watch = |after| RequestOperation::Watch {
            start: Bound::Included(key()),
            end: Bound::Unbounded,
            after,
        };
        golden(&watch(None), b"\x1B\x01\x01k\x00\x00");
        let after = WatchPosition { run: 300, version: 7 };
        golden(&watch(Some(after)), b"\x1B\x01\x01k\x00\x01\xAC\x02\x07");
    }

    #[test]
    fn golden_bytes_of_every_update() {
        let (sync, suffix) = (None, ByteString::from(b"v"));
        let (start, end) = (Bound::Included(key()), Bound::Unbounded);
        let increment = |amount| RequestOperation::Increment { key: key(), amount, sync };
        golden(&increment(300), b"\x13\x01k\xD8\x04\x00");
        golden(&increment(i64::MIN), b"\x13\x01k\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x00");
        golden(
            &RequestOperation::Append { key: key(), suffix: suffix.clone(), sync },
            b"\x14\x01k\x01v\x00",
        );
        golden(&RequestOperation::Swap { key: key(), value: suffix, sync }, b"\x15\x01k\x01v\x00");
        golden(&RequestOperation::Take { key: key(), sync }, b"\x16\x01k\x00");
        golden(
            &RequestOperation::Expire { key: key(), expires_at: 300, sync },
            b"\x17\x01k\xAC\x02\x00",
        );
        golden(&RequestOperation::Persist { key: key(), sync }, b"\x18\x01k\x00");
        golden(
            &RequestOperation::RemoveRange { start: start.clone(), end: end.clone(), sync },
            b"\x19\x01\x01k\x00\x00",
        );
        golden(&RequestOperation::CountRange { start, end }, b"\x1A\x01\x01k\x00");
        golden(&RequestOperation::OpenSnapshot, b"\x1C");
        golden(&RequestOperation::CloseSnapshot, b"\x1D");
        golden(&RequestOperation::BeginBackup { name: Some("a".to_owned()) }, b"\x1E\x01\x01a");
        golden(&RequestOperation::BackupState, b"\x1F");
    }

    #[test]
    fn golden_bytes_of_every_bound() {
        let scan = |start, end| RequestOperation::Scan {
            start,
            end,
            reverse: true,
            limit: 128,
            keys_only: false,
        };
        golden(&scan(Bound::Unbounded, Bound::Unbounded), b"\x08\x00\x00\x01\x80\x01\x00");
        golden(
            &scan(Bound::Included(key()), Bound::Excluded(key())),
            b"\x08\x01\x01k\x02\x01k\x01\x80\x01\x00",
        );
    }

    #[test]
    fn golden_bytes_of_every_batch_item_and_condition() {
        let require = |condition| BatchItem::Require { key: key(), condition };
        let items = vec![
            BatchItem::Set { key: key(), value: ByteString::from(b"v"), expires_at: Some(1) },
            BatchItem::Remove { key: key() },
            require(BatchCondition::Absent),
            require(BatchCondition::Present),
            require(BatchCondition::Value(ByteString::from(b"v"))),
            require(BatchCondition::Version(5)),
            BatchItem::On { name: Some("ks".to_owned()) },
            BatchItem::On { name: None },
            BatchItem::Increment { key: key(), amount: -1 },
            BatchItem::Append { key: key(), suffix: ByteString::from(b"v") },
            BatchItem::Expire { key: key(), expires_at: 300 },
            BatchItem::Persist { key: key() },
            BatchItem::RemoveRange { start: Bound::Included(key()), end: Bound::Unbounded },
        ];
        golden(
            &RequestOperation::batch(items),
            b"\x06\x0D\
            \x00\x01k\x01v\x01\x01\
            \x01\x01k\
            \x02\x01k\x00\
            \x02\x01k\x01\
            \x02\x01k\x02\x01v\
            \x02\x01k\x03\x05\
            \x03\x01\x02ks\
            \x03\x00\
            \x04\x01k\x01\
            \x05\x01k\x01v\
            \x06\x01k\xAC\x02\
            \x07\x01k\
            \x08\x01\x01k\x00\
            \x00\x00",
        );
    }

    #[test]
    fn the_variant_behind_the_last_is_refused() {
        assert!(postcard::from_bytes::<RequestOperation<'_>>(b"\x1E").is_err());
    }
}
