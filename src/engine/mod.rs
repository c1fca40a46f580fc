//! Engines: one write half, many read halves.
//!
//! An engine is two trait objects over the same data. The [`WriteHalf`] is owned by the writer
//! actor and is plain single-threaded code: it applies groups of batches, makes them durable, and
//! hands out background [`BackgroundJob`]s whose results it takes back. The [`ReadHalf`] is shared
//! by readers, connection workers and embedding programs.
//!
//! The contract every engine keeps:
//! - Each batch of a group gets the next sequence number; that number is the version of every key
//!   it writes. A batch is applied whole or not at all, to readers and on disk.
//! - When [`WriteHalf::commit`] returns, every read sees the group; if it returned an error, none
//!   does, and none will unless the error is
//!   [`Error::UnknownOutcome`](crate::Error::UnknownOutcome).
//! - A group survives a crash once `commit` with `durable`, a later [`WriteHalf::sync`], or a later
//!   job of the kind [`JobKind::Sync`] succeeded.
//! - A read error is an error, never an absence.
//! - Engines know no clock: they return entries whose expiry has passed, and list those that are
//!   due.
//!
//! `sled` keeps less of it: nothing survives power loss for sure, though a group survives the
//! process once `commit` returned; a group is visible before that; a clear, and the group it is in,
//! may be applied in part; and a read of several keys may see a part of a batch, as there are no
//! snapshots.
//!
//! | engine | on disk | snapshots | opening costs |
//! |---|---|---|---|
//! | [`kvs`] | the log of [`crate::storage`] | yes | a scan of the keys |
//! | `sled` (feature `sled`) | sled's own files | no | a scan of all keys |
//! | [`memory`] | nothing | yes | nothing |

mod backup;
mod capabilities;
#[cfg(any(test, fuzzing))]
mod collected_page;
mod data_directory;
mod engine_stats;
mod entry;
mod halves;
mod inspect;
mod job;
pub(crate) mod kvs;
mod marker;
mod memory;
mod open;
mod page;
mod read_half;
mod read_only;
mod repair;
mod scan;
#[cfg(feature = "sled")]
mod sled;
mod snapshot;
#[cfg(test)]
mod tests;
mod threads;
mod verify;
mod write_half;

pub use entry::{Entry, Metadata};

pub(crate) use self::kvs::plan;
#[cfg(all(feature = "sled", feature = "transfer"))]
pub(crate) use self::sled::open_unlocked;
pub(crate) use crate::storage::backup::BackupPoint;
pub(crate) use crate::storage::format::keyspace::{KeyspaceId, ValueType};
pub(crate) use crate::storage::format::segment_id::SegmentId;
pub(crate) use crate::storage::format::sequence::Sequence;
pub(crate) use crate::storage::format::unix_millis::UnixMillis;
pub(crate) use crate::storage::index::IndexUsage;
pub(crate) use crate::storage::key_range::{KeyInterval, KeyRange};
pub(crate) use crate::storage::log::group::{Group, Mutation, MutationKind, MutationLabel};
#[cfg(test)]
pub(crate) use crate::storage::segment::SHORT_READ_BYTES;
pub(crate) use crate::storage::segment::{Access, ReadError};
#[cfg(feature = "server")]
pub(crate) use backup::newest_backup;
pub(crate) use backup::{back_up, back_up_directory, unsupported};
pub(crate) use capabilities::Capabilities;
#[cfg(any(test, fuzzing))]
pub(crate) use collected_page::Page;
#[cfg(test)]
pub(crate) use collected_page::Scanned;
pub(crate) use data_directory::DirectoryLock;
pub(crate) use engine_stats::{CountedSegment, KeyspaceUsage, SharedStats, WriteHalfStats};
pub(crate) use entry::EntryMeta;
pub(crate) use halves::Engine;
pub(crate) use inspect::{inspect_segment, segment_file_name};
pub(crate) use job::{BackgroundJob, Delivery, JobKind, JobStep};
pub(crate) use open::open;
#[cfg(any(test, fuzzing))]
pub(crate) use open::open_in;
pub(crate) use page::{EntryVisitor, ScanPage, ScanVisitor, ScannedEntry};
pub(crate) use read_half::ReadHalf;
#[cfg(test)]
pub(crate) use repair::repair_in;
pub(crate) use repair::{plan_repair, repair};
pub(crate) use snapshot::EngineSnapshot;
pub(crate) use verify::verify;
#[cfg(test)]
pub(crate) use verify::verify_in;
pub(crate) use write_half::WriteHalf;
