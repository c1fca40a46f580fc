//! The store: a cheap, clonable handle on an engine, and the actors behind it.
//!
//! ```text
//! Store ── batches ──► WritePath ── messages ──► Writer ── groups ──► WriteHalf (engine)
//!   │               (WriteActors)                 ▲  │ jobs
//!   └── reads ──► ReadHalf (engine)        results │  ▼
//!                                             Maintenance
//! ```
//!
//! A write is a [`Batch`] of [`WriteOperation`]s, all of it data; [`resolve`] decides on the writer
//! what it changes. A read is done by the calling thread, without a lock, through [`read`] and
//! [`scan`]. The actors end, and the directory is let go, when the last handle is dropped.

mod access_table;
mod attempt;
mod backup;
mod batch;
mod batch_bytes;
mod big_natural;
mod bit_combination;
mod bit_field;
mod catalogue;
mod catalogue_version;
pub(crate) mod change;
pub(crate) mod change_alarm;
pub(crate) mod change_cursor;
pub(crate) mod change_origin;
pub(crate) mod change_recorder;
pub(crate) mod change_ring;
pub(crate) mod change_wait;
pub(crate) mod clock;
mod compact;
mod compaction_calls;
mod conditions;
mod database;
mod databases;
mod direct_turn;
mod drain_schedule;
mod entry_scan;
mod eviction;
mod eviction_state;
mod expired_keys;
mod expiry_schedule;
mod extended_float;
mod handle;
pub(crate) mod health;
mod inspect;
mod integer;
mod key_copy;
mod keyspace;
mod keyspace_transaction;
mod keyspace_view;
mod keyspaces;
mod limits;
mod maintenance;
mod maintenance_message;
pub(crate) mod memory_limit;
mod named_keyspaces;
mod open_store;
mod operation;
mod outcome;
mod overlay;
mod own_removals;
mod placing;
mod plan;
mod queued_request;
mod ranges;
pub(crate) mod read;
mod read_moment;
mod read_set;
pub(crate) mod reader;
pub(crate) mod removal_counts;
mod removed_ranges;
mod repair;
mod request;
pub(crate) mod resolve;
pub(crate) mod scan;
mod several_keys;
mod snapshot;
mod stats;
#[cfg(test)]
mod tests;
mod text;
mod ticket;
mod transaction;
mod transaction_scan;
mod transaction_state;
mod update;
mod verify;
pub(crate) mod wake_list;
pub(crate) mod watch;
mod watch_event;
mod watch_filter;
mod write_actors;
mod write_batch;
mod write_path;
mod writer;
mod writer_jobs;
mod writer_message;
mod writer_stats;
mod writer_thread;
mod writes;

pub use change::Change;
pub use entry_scan::{Keys, Scan};
pub use handle::Store;
pub use keyspace::Keyspace;
pub use keyspace_transaction::KeyspaceTransaction;
pub use keyspace_view::KeyspaceView;
pub use snapshot::Snapshot;
#[cfg(feature = "sled")]
pub use text::SledKvsEngine;
pub use text::{KvStore, KvsEngine};
pub use ticket::WriteTicket;
pub use transaction::Transaction;
pub use transaction_scan::{TransactionKeys, TransactionScan};
pub use watch::Watch;
pub use watch_event::{CommittedBatch, WatchEvent};
pub use write_batch::{KeyspaceBatch, WriteBatch};

#[cfg(all(feature = "sled", feature = "transfer"))]
pub(crate) use crate::engine::open_unlocked;
pub(crate) use crate::engine::{KeyspaceId, UnixMillis};
pub(crate) use batch::{Batch, KeyspaceOperations, WriteOperations};
pub(crate) use batch_bytes::ANSWER_BYTES_MAX;
pub(crate) use bit_combination::{BitCombination, BitOperator};
pub(crate) use bit_field::{BitField, FieldOperation, FieldOperations, FieldOverflow, FieldType};
pub(crate) use catalogue::CatalogueOperation;
pub(crate) use database::{DATABASES_MAX, database_keyspace};
pub(crate) use extended_float::ExtendedFloat;
pub(crate) use integer::parse_integer;
pub(crate) use key_copy::KeyCopy;
#[cfg(any(test, fuzzing))]
pub(crate) use limits::SizeLimits;
pub(crate) use operation::{KeyspaceOperation, WriteOperation};
pub(crate) use outcome::{Applied, BatchOutcome, WriteAnswer, WriteAnswers};
#[cfg(any(test, fuzzing))]
pub(crate) use update::KeyChange;
#[cfg(test)]
pub(crate) use update::Probe;
pub(crate) use update::{ExpiryConditions, NewExpiry, Update};
pub(crate) use write_path::Submission;
