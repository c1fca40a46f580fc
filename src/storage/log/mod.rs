//! The log: the end that the writer appends to.
//!
//! ```text
//!   group ──► log_writer ──► active_segment ──full──► rotation ──► sealed segments
//!                 │    │                                 ▲
//!                 │    └─failed─► rollback            standby, made ahead
//!                 └──► sync_state ──► durable
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`group`] | mutations, and batches of them that are committed together |
//! | [`log_writer`] | appending a group with one write |
//! | [`active_segment`] | the segment that is appended to, and its preallocated space |
//! | [`rotation`], [`standby`] | sealing segments, and the file of the next one, made ahead |
//! | [`sync_state`] | how far the log is durable, and which segments hold the rest |
//! | [`rollback`] | undoing a failed append |
//! | [`clean_close`], [`clean_shutdown_file`] | closing the log, and the marker of it |
//! | [`file_check`] | noticing that the files were removed |
//! | [`log_end`] | the end of the log, as recovery found it |
//! | [`reserve`], [`reserve_allocation`] | space that is kept for a full disk |
//!
//! Invariants:
//!
//! - A group is appended as a whole or not at all; after a failed append the next group begins a
//!   new segment.
//! - The header of a segment is durable before any frame follows it, and its name before any group
//!   in it is acknowledged.
//! - Segments are sealed in order; the ids and sequence numbers of written segments grow.
//! - After a failed sync nothing more is taken for durable.

pub(crate) mod active_segment;
mod clean_close;
pub(crate) mod clean_shutdown_file;
mod file_check;
pub(crate) mod group;
mod log_end;
mod log_writer;
pub(crate) mod reserve;
pub(crate) mod reserve_allocation;
mod rollback;
mod rotation;
pub(crate) mod standby;
mod sync_state;

pub(crate) use log_end::{LogEnd, UnsealedSegment};
pub(crate) use log_writer::LogWriter;

#[cfg(test)]
mod tests;
