//! The index: an ordered map from keys to versions, changed by one thread, read by many without a
//! lock.
//!
//! ```text
//!   IndexWriter                   shared                        IndexReader ×N
//!                   ┌──────────────────────────────────┐
//!   1 publish ────► │ UndoLog   versions before the    │ ◄──── 3 else: the version before it
//!     pre-images    │           group, by key          │
//!                   │ Tree      root ► inner ► leaf    │
//!   2 replace ────► │           leaf: key, tag, cell,  │ ◄──── 2 cell: newest version, if it is
//!     in place      │                 older versions   │         at or below what it saw in 1
//!   3 store   ────► │ Visibility    newest sequence    │ ◄──── 1 load: sees groups whole or not
//!     the sequence  │               snapshots          │
//!                   └──────────────────────────────────┘
//! ```
//!
//! A version is the sequence number of the commit that wrote it. A group is inserted first and
//! published then, by one store. A [`IndexSnapshot`] is a registered sequence number and keeps the
//! versions it sees. A version that a newer visible one replaced, and no snapshot sees, is reported
//! by [`IndexWriter::prune`], so that the log can count it as garbage.
//!
//! | file | holds |
//! |---|---|
//! | [`slot`], [`change`] | the contract of what is stored per version; what enters and leaves |
//! | [`writer`], [`reader`] | the two halves |
//! | [`index_scan`], [`scan_batch`], [`leaf_walk`] | scans, leaf by leaf |
//! | [`random_key`] | a key at random |
//! | [`keyspaces`] | the indexes of a store, one for each keyspace |
//! | [`generation`], [`generations`] | what an index holds from one clear to the next |
//! | [`earlier`], [`drain`] | what was there before a clear: for readers that see it, and its end |
//! | [`visibility`], [`snapshot`] | the published sequence number; snapshots and what they can see |
//! | [`undo_log`] | pre-images of what is replaced in place |
//! | [`obsolete`], [`counts`] | versions that await pruning; the number of keys, and deadlines |
//! | [`tree`], [`node`], [`separators`] | the B+tree |
//! | [`bulk_load`] | the leaves of an empty index, made in parts |
//! | [`cursors`] | the places of keys that are to be changed, looked up side by side |
//! | [`rewrite`], [`edits`] | changes that need new leaves, and their kinds |
//! | [`leaf`], [`leaf_builder`], [`leaf_keys`] | a leaf, its making, its keys |
//! | [`usage`] | the memory of an index, counted |
//! | [`seqlock_cell`], [`pointer_cell`] | a version that is replaced while others read it |
//!
//! A store has an index for each of its keyspaces. They share one visibility, so a batch of several
//! keyspaces appears in all of them at once, and a snapshot is one point in time for all.
//!
//! A clear of a keyspace costs the same however many keys there are: it moves all of them into an
//! earlier generation, for whoever sees them. Once nobody does, that is taken apart in steps. So a
//! version has one generation, which its number tells, and whoever looks for a version either finds
//! it there or learns that the clear is visible.
//!
//! Invariants, which the loom models `in_place`, `snapshots` and `overtaken` check:
//!
//! - A version is replaced only after an undo log with it was published. So a reader never waits.
//! - A version that a registered snapshot sees stays in its leaf. One that registered while a group
//!   was being inserted is noticed before the group is published, and its versions are put back.
//! - A removed key is a tombstone ([`Slot::is_tombstone`]) while a snapshot sees an older version
//!   of it.
//!
//! Sources: B+trees ([Comer 1979](https://doi.org/10.1145/356770.356776)), multiversion concurrency
//! control ([Bernstein and Goodman 1983](https://doi.org/10.1145/319996.319998)), newest version in
//! place and older ones aside ([HyPer 2015](https://doi.org/10.1145/2723372.2749436)); seqlocks:
//! [`seqlock_cell`].

mod bulk_load;
mod change;
mod counts;
mod cursors;
mod drain;
mod earlier;
mod edits;
mod generation;
mod generations;
mod index_scan;
mod keyspaces;
mod leaf;
mod leaf_builder;
mod leaf_keys;
mod leaf_walk;
mod node;
mod obsolete;
mod pointer_cell;
mod random_key;
mod reader;
mod rewrite;
mod scan_batch;
mod separators;
mod seqlock_cell;
mod slot;
mod snapshot;
#[cfg(test)]
mod tests;
mod tree;
mod undo_log;
mod usage;
mod visibility;
mod writer;

pub(crate) use bulk_load::{LoadedPart, PartLoader};
pub(crate) use change::{KeyVersion, Move};
pub(crate) use index_scan::IndexScan;
pub(crate) use keyspaces::{IndexReaders, KeyspaceChanges, KeyspaceIndexes};
pub(crate) use obsolete::HeldVersions;
pub(crate) use pointer_cell::PointerCell;
pub(crate) use reader::IndexReader;
pub(crate) use scan_batch::ScanBatch;
pub(crate) use seqlock_cell::{PackedSlot, SLOT_WORDS, SeqlockCell};
pub(crate) use slot::Slot;
pub(crate) use snapshot::{Horizon, IndexSnapshot, RegisteredSnapshots};
pub(crate) use usage::{IndexUsage, packed_bytes};
#[cfg(test)]
pub(crate) use writer::IndexWriter;
