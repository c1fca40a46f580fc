//! Backups: the files of a log at one point in time, brought into another directory.
//!
//! ```text
//!   open log ──── seals ────► point ──► copy ──────────► no marker yet ──► verified, marked
//!   closed log ── inventory ──┘         (links, copies)
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`point`] | the segments of a log at one point in time |
//! | [`copy`](mod@copy) | linking or copying them |
//!
//! Invariants:
//!
//! - A file of a segment has its name only once it is whole and durable, so an attempt that was
//!   interrupted goes on with what it finds.
//! - Nobody opens the directory as a store before every byte of it was verified: until then it has
//!   no `ENGINE`.
//! - The files of the log are only read. A segment that a compaction removes meanwhile is copied
//!   from its open handle.

mod copy;
mod point;

pub(crate) use copy::{BackupTarget, copy, copy_bytes};
pub(crate) use point::BackupPoint;
