//! The files of the `kvs` engine, and its index. No thread, socket or clock is known here.
//!
//! ```text
//!   a group ──► log ──► segments ◄── compaction
//!                │          ▲            │ moves
//!                └─► index ─┴─ reads     ▼
//!                     ▲    cache       index
//!                     └── recovery, when the store is opened
//! ```
//!
//! | room | contents |
//! |---|---|
//! | [`format`] | the bytes: frames, records, headers, hints, names; `docs/format.md` is their text |
//! | [`segment`] | an open segment, the table of segments, the way to read their frames |
//! | [`log`] | the end that the writer appends to: rotation, syncs, rollback of a failed append |
//! | [`index`] | the ordered map from keys to locations, in memory |
//! | [`cache`] | records that were read, in front of the index |
//! | [`compaction`] | garbage accounting, and the job that gives space back |
//! | [`recovery`] | the way from files to an index: what is torn, and what is damaged |
//! | [`repair`] | looking into files that are damaged |
//! | [`backup`] | the segments at one point in time, brought into another directory |
//! | [`fs`] | the door to the disk, real and simulated |
//!
//! Beside the rooms are the [`environment`] of a log, its directory and its settings, the
//! [`key_range`] of a scan, and the [`range_removals`] that cover a key. A room uses only those
//! that stand below it: backup and repair, then recovery, then log, then compaction, then segment,
//! then index and format, then the environment and the disk.

pub(crate) mod backup;
pub(crate) mod cache;
pub(crate) mod compaction;
pub(crate) mod environment;
pub(crate) mod format;
pub(crate) mod fs;
pub(crate) mod index;
pub(crate) mod key_range;
pub(crate) mod log;
pub(crate) mod range_removals;
pub(crate) mod recovery;
pub(crate) mod repair;
pub(crate) mod segment;
