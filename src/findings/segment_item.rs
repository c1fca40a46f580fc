//! The items of a segment file, as an inspection shows them.

/// An item of a segment file. Items come in the order of the file: the header, then frames, each
/// with its records behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentItem<'a> {
    /// The header of the segment.
    Header(HeaderItem),
    /// A frame: a batch, or a mark.
    Frame(FrameItem),
    /// A record of the batch before it.
    Record(RecordItem<'a>),
    /// Bytes that are not what was written: no header, no frame, or no record.
    Damaged {
        /// The distance from the start of the file in bytes.
        offset: u64,
        /// The number of bytes up to the next item that can be told.
        bytes: u64,
        /// The description in words.
        reason: &'static str,
    },
    /// Zeros up to the end of the file: space that was preallocated.
    Zeros {
        /// The distance from the start of the file in bytes.
        offset: u64,
        /// The number of bytes.
        bytes: u64,
    },
}

/// The header of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderItem {
    /// The segment's id.
    pub id: u64,
    /// `written` by appending, or `compacted`.
    pub origin: &'static str,
    /// The store's id.
    pub store: u128,
    /// The sequence number of the first batch that may be in it; 0 in a compacted segment.
    pub base: u64,
    /// Every batch up to this sequence number had survived when the segment was made.
    pub durable: u64,
    /// The id of the segment that ends where this one begins, 0 if there was none.
    pub previous: u64,
}

/// A frame of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameItem {
    /// The distance from the start of the file in bytes.
    pub offset: u64,
    /// The number of bytes, with its header.
    pub bytes: u64,
    /// `batch`, `seal`, `replaces` or `close`.
    pub kind: &'static str,
    /// The sequence number of a batch; of a mark the next one that is free.
    pub sequence: u64,
    /// Every batch up to this sequence number had survived when the frame was written.
    pub durable: u64,
    /// The number of records that the header of a batch states.
    pub records: u32,
    /// The ids of the segments that a compacted segment takes the place of.
    pub replaces: Vec<u64>,
    /// The damage on account of which the frame does not count, none of its records included.
    pub damage: Option<&'static str>,
}

/// A record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordItem<'a> {
    /// The distance from the start of the file in bytes.
    pub offset: u64,
    /// The number of bytes, with its header.
    pub bytes: u64,
    /// `put`, `remove` or `remove range`.
    pub kind: &'static str,
    /// The number of the keyspace.
    pub keyspace: u32,
    /// The key; of a range the start.
    pub key: &'a [u8],
    /// The number of the value's type.
    pub value_type: u8,
    /// The time at which the key expires, in milliseconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// The value; of a range the end, which is empty where it has none.
    pub value: &'a [u8],
}
