//! Segments that are open for reading.
//!
//! ```text
//!   location ──► segment_table ──► open_segment ──► fetch ──► a value
//!                                       │
//! └──► frame_scan ──► every frame, for recovery and compaction
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`location`] | the position of a record in the log, as the index holds it |
//! | [`open_segment`] | a segment and its open file; the sync that fails for good |
//! | [`segment_table`] | the segments that readers find records in |
//! | [`fetch`] | reading one record, with or without waiting for the disk |
//! | [`record_blocks`] | reading records that lie near each other at once |
//! | [`frame_scan`] | reading a segment from its first frame to its last |
//! | [`segment_walk`] | reading a segment that is damaged, and telling what is not |
//!
//! Invariants:
//!
//! - Bytes that were written to a segment never change, so that readers need no lock.
//! - The index is repointed before a segment leaves the table, so that a reader which finds its
//!   segment gone looks the key up again and finds it elsewhere.
//! - Once a sync of a segment failed, every later one fails.

mod fetch;
pub(crate) mod frame_scan;
mod location;
mod open_segment;
mod record_blocks;
mod segment_table;
pub(crate) mod segment_walk;

#[cfg(test)]
pub(crate) use fetch::SHORT_READ_BYTES;
pub(crate) use fetch::{Access, ReadError, ReadFailure};
pub(crate) use location::Location;
pub(crate) use open_segment::{Segment, sync_segments};
pub(crate) use record_blocks::RecordBlocks;
pub(crate) use segment_table::SegmentTable;
