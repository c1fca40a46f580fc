//! Recovery: from the files of a log to an index, when a store is opened.
//!
//! ```text
//!   inventory ──► segment_contents ──► judgement ──► index_loader ──► index
//!   (segments,    (a hint, or every    (whole, torn   (merges sorted
//!    leftovers)    frame: a sorted run) or damaged)    runs by key)
//!                                          │
//!                                          └──► cleanup, resync:  the changes to the disk
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`recover`](mod@recover) | the order of it all, and its result |
//! | [`inventory`] | the segments of the directory, and leftovers of a crash |
//! | [`segment_contents`] | reading one segment, from its hint or frame by frame |
//! | [`judgement`] | torn or damaged: where the log ends, and whether that is refused |
//! | [`log_tail`], [`report`] | the end of the log, and the facts that were found |
//! | [`sorted_run`] | the entries of a segment by key |
//! | [`merge`], [`part_entries`] | several runs as one, in parts |
//! | [`index_loader`] | merged runs into the index |
//! | [`cleanup`], [`resync`] | cuts and removals; making durable what may not have been synced |
//! | [`hint_reader`], [`hint_writer`] | the hint of a segment, for the next open |
//! | [`progress`] | what was done so far, for those who want to be told |
//! | [`verification`] | a recovery of everything, that damage does not end |
//! | [`damage_policy`], [`behind_damage`] | what a recovery does about damage: it ends, or goes on |
//! | [`store_identity`] | the id of a store whose `ENGINE` is gone |
//! | [`tasks`] | parts of the work that may run beside each other |
//!
//! Invariants:
//!
//! - A torn tail was never promised to survive power loss, and is cut off. Damage to anything that
//!   was durable is refused, with file and offset.
//! - Nothing on the disk changes before the whole log was judged: a store that is refused stays as
//!   it is.
//! - A compacted segment was synced before it got its name, so anything wrong in it is damage. The
//!   segments that it replaces are removed, should a crash have left them.
//! - The result does not depend on how many threads read.

mod behind_damage;
mod cleanup;
mod damage_policy;
mod hint_reader;
pub(crate) mod hint_writer;
mod index_loader;
mod inventory;
mod judgement;
mod log_tail;
mod merge;
mod part_entries;
pub(crate) mod progress;
mod recover;
mod report;
mod resync;
mod segment_contents;
mod sorted_run;
mod store_identity;
pub(crate) mod tasks;
mod verification;

pub(crate) use damage_policy::DamagePolicy;
pub(crate) use inventory::open_segments;
pub(crate) use recover::{Recovered, recover};
pub(crate) use report::RecoveryReport;
pub(crate) use segment_contents::{HintUse, SegmentContents, WantedContents};
pub(crate) use store_identity::find_store_id;
pub(crate) use verification::verify;
