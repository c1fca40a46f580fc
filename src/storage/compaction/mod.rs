//! Compaction: rewriting the live records of some sealed segments into one new segment.
//!
//! ```text
//!   index ──dead records──► accounting, dead_bitmap
//!                                │ choice
//!                                ▼
//!   writer ──────plan──────────► job ──copies what retention keeps──► output
//!     ▲                           │
//!     └── delivery: the output, the moves, the removed inputs
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`accounting`], [`segment_usage`] | the live and dead bytes of every segment |
//! | [`keyspace_bytes`] | the bytes of the records of a segment by their keyspaces |
//! | [`dead_bitmap`] | the dead values of a segment, one bit each |
//! | [`key_set`] | the keys that a segment may hold values of |
//! | [`choice`] | which segments are worth compacting |
//! | [`pass`] | compactions of everything that holds dead records, when a caller asks for it |
//! | [`plan`] | the inputs of a compaction, and the state of the log that it depends on |
//! | [`job`] | the compaction itself, in steps beside the writer |
//! | [`retention`] | which records are kept, tombstones above all |
//! | [`output`] | the segment that is written |
//! | [`delivery`] | the results, as the writer gets them |
//! | [`state`] | the state of the compaction that the writer handed out |
//!
//! Invariants:
//!
//! - At every moment either the inputs count or the output, and recovery knows which.
//! - A removed key never comes back, and versions that a snapshot sees stay.
//! - Only the writer changes the index: it repoints a version only if that is still where it was
//!   copied from.

pub(crate) mod accounting;
mod choice;
pub(crate) mod dead_bitmap;
mod delivery;
mod job;
pub(crate) mod key_set;
pub(crate) mod keyspace_bytes;
mod output;
mod pass;
mod plan;
mod retention;
mod segment_usage;
mod state;

pub(crate) use delivery::CompactionDelivery;
pub(crate) use job::Compaction;
pub(crate) use output::CompactionOutput;
pub(crate) use pass::CompactionPass;
pub(crate) use plan::{CompactionInput, CompactionPlan};
pub(crate) use state::CompactionState;
#[cfg(test)]
pub(crate) use state::Replacement;
