//! The bytes on disk, without the files; `docs/format.md` is their text.
//!
//! ```text
//!   records ──► codec ──► frames ──► a segment: its header, then frame after frame
//!                 │
//!              checksum, seeded by the header of the segment and bound to the offset
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`segment_header`] | the header of a segment, and what it was made by |
//! | [`frame`] | the header of a frame: a batch, or a mark |
//! | [`record`] | a put, the removal of a key or of a range, and its extent in a segment |
//! | [`keyspace`] | the numbers of keyspaces, and of types of values |
//! | [`codec`] | frames and records to bytes, and back |
//! | [`checksum`] | CRC-32 that is bound to one segment and to an offset in it |
//! | [`hint`], [`hint_entry`] | the layout of a hint, and its entries |
//! | [`clean_shutdown`] | the clean-shutdown marker |
//! | [`store_id`], [`segment_id`] | the ids of a store and of a segment |
//! | [`sequence`], [`unix_millis`] | the sequence number of a commit, and a time of day |
//! | [`file_name`] | the names of files |
//! | [`little_endian`] | numbers at an offset |
//!
//! Invariants:
//!
//! - Decoding never panics and never allocates from a length before its checksum matched.
//! - Zeros are neither a frame nor a record, so that preallocated space is told from both.
//! - A format that was released is never changed in place: tests hold its bytes.

mod checksum;
pub(crate) mod clean_shutdown;
pub(crate) mod codec;
pub(crate) mod file_name;
pub(crate) mod frame;
pub(crate) mod hint;
pub(crate) mod hint_entry;
pub(crate) mod keyspace;
pub(crate) mod little_endian;
pub(crate) mod record;
pub(crate) mod segment_header;
pub(crate) mod segment_id;
pub(crate) mod sequence;
pub(crate) mod store_id;
pub(crate) mod unix_millis;
