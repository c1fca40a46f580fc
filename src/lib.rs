//! A key-value store made of message-passing actors: one writer owns the log, reads take no lock.
//!
//! The same store comes as a library ([`Store`]; [`KvStore`] and `SledKvsEngine` for text), as a
//! server with its own protocol and Redis' on one port ([`KvsServer`], `kvs-server`), with a client
//! ([`KvsClient`], `kvs-client`), and as a command-line tool on a local directory (`kvs`).
//!
//! # The promise
//!
//! [`Durability`] says when an acknowledged write survives power loss; a killed process loses none.
//! README.md has the promise in full, and the [`mod@format`] says how it is kept.
//!
//! # How it works
//!
//! ```text
//!             TCP                 mailbox                        mailbox
//!  clients ────────► acceptor ──► connection worker ×W ─────────────────────► writer ×1: owns the
//!                                 │  owns sockets              ◄─ replies ─┘   │  ▲  log and index
//!                                 │  reads what is in memory                   │  │ finished jobs
//!                                 └─ blocking reads, scans ──► reader ×R       ▼  │
//!                                    ◄── replies ────────────┘     maintenance ×1: sync, compact
//! ```
//!
//! | actor | owns | never |
//! |---|---|---|
//! | acceptor | the listener, the connection limit | reads a socket |
//! | connection worker ×W | its sockets, their buffers, replies in order | waits for the disk or for a full mailbox |
//! | writer ×1 | the end of the log, sequence numbers, every change of the index | waits for a reply |
//! | reader ×R | the read it does | writes anything |
//! | maintenance ×1 | the job it runs | changes the index: it hands what it made to the writer |
//!
//! A write travels as a message to the writer, which takes all that wait, appends them to the log
//! with one write, syncs if the mode says so, puts them into the index, makes them visible with one
//! store, and answers. A read takes its key's record from the cache, or looks the key up in the
//! index and reads the record from the file that holds it, with no lock and no message. An embedded
//! [`Store`] has the writer and maintenance; its callers read by themselves.
//!
//! # Cargo features
//!
//! Without any of them (`default-features = false`) the crate is the embedded store alone.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `cli` | yes | the programs `kvs`, `kvs-server` and `kvs-client`; brings `client`, `server` and `transfer` |
//! | `client` | yes | [`KvsClient`], and the [`protocol`]s |
//! | `server` | yes | [`KvsServer`], and the [`protocol`]s |
//! | `transfer` | yes | exports and imports, as [`Store::export`]; brings `client` |
//! | `sled` | yes | the `sled` engine: `EngineKind::Sled` and `SledKvsEngine` |
//! | `rayon` | no | `thread_pool::RayonThreadPool` |
//!
//! # Where things are
//!
//! Each folder is a layer that uses only what is listed before it: `sync` (the only door to
//! threads, locks and channels), `actor` (mailbox, reply, thread), `protocol` (bytes to requests),
//! `storage` (the files of the `kvs` engine), `engine` (one write half, many read halves: `kvs`,
//! `sled`, `memory`), `store` (the handle, and the writer, reader and maintenance actors), `server`
//! and `client`, `transfer` (exports and imports), `bin`. Beside them is [`thread_pool`], the
//! classic alternative that the server is measured against.

// Models use a part of what tests need, and the embedded store a part of what the server needs.
#![cfg_attr(
    any(kvs_loom, kvs_shuttle, not(all(feature = "client", feature = "server"))),
    allow(dead_code, unused_imports)
)]
// The text above links to what such a build leaves out.
#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod actor;
mod bugs;
#[cfg(all(feature = "client", not(any(kvs_loom, kvs_shuttle))))]
mod client;
mod endpoint;
mod engine;
mod engine_kind;
mod error;
mod expiry;
mod findings;
#[cfg(test)]
#[path = "../tests/common/form.rs"]
#[allow(dead_code, reason = "the models have forms of their own")]
mod form;
#[cfg(all(
    any(test, fuzzing),
    feature = "server",
    feature = "transfer",
    not(any(kvs_loom, kvs_shuttle))
))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod key_bounds;
#[cfg(test)]
#[path = "../tests/common/linearizability/mod.rs"]
#[allow(dead_code, reason = "the tests of the outside use the other part")]
mod linearizability;
#[cfg(all(test, kvs_loom))]
#[path = "../loom-tests/mod.rs"]
mod loom_tests;
mod options;
mod precondition;
#[cfg(any(feature = "client", feature = "server"))]
pub mod protocol;
#[cfg(feature = "server")]
mod server;
mod stats;
mod storage;
mod store;
mod sync;
#[cfg(not(any(kvs_loom, kvs_shuttle)))]
pub mod thread_pool;
mod transaction;
#[cfg(all(feature = "transfer", not(any(kvs_loom, kvs_shuttle))))]
mod transfer;

#[doc = include_str!("../docs/format.md")]
pub mod format {}

/// The program in the README, which is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// The programs in the guide, which are compiled and run as tests.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../docs/guide/durability.md")]
    mod durability {}
    #[doc = include_str!("../docs/guide/embed.md")]
    mod embed {}
    #[doc = include_str!("../docs/guide/expiry.md")]
    mod expiry {}
    #[doc = include_str!("../docs/guide/keyspaces.md")]
    mod keyspaces {}
    #[doc = include_str!("../docs/guide/scans.md")]
    mod scans {}
    #[doc = include_str!("../docs/guide/transactions.md")]
    mod transactions {}
    #[doc = include_str!("../docs/guide/tuning.md")]
    mod tuning {}
    #[doc = include_str!("../docs/guide/watch.md")]
    mod watch {}
}

#[cfg(all(feature = "client", not(any(kvs_loom, kvs_shuttle))))]
pub use client::{
    ClientBatch, ClientEntry, ClientError, ClientKeyspaceTransaction, ClientOptions, ClientPool,
    ClientResult, ClientScan, ClientSnapshot, ClientSnapshotKeyspace, ClientTransaction,
    ClientWatch, KeyspaceClient, KeyspaceClientBatch, KvsClient, Pipeline, PipelineReply,
    PooledClient,
};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use engine::{Entry, Metadata};
pub use engine_kind::EngineKind;
pub use error::{Error, Result};
pub use expiry::Expiry;
pub use findings::{
    Finding, FrameItem, HeaderItem, RecordItem, RepairReport, RepairedFile, SegmentItem,
    VerifyReport,
};
pub use key_bounds::{KeyBounds, KeyPrefix};
pub use options::{
    BackupOptions, BackupPhase, BackupProgress, BackupReport, CompactProgress, CompactReport,
    Durability, EvictionPolicy, OpenPhase, OpenProgress, Options, PlannedData, StoragePlan,
    table as option_table,
};
pub use precondition::Precondition;
#[cfg(feature = "server")]
pub use server::{
    DebugCommand, KeyEventClasses, KvsServer, Listener, Passwords, ServerOptions, StatsHandle,
    StopHandle, memory_limit,
};
pub use stats::{
    CacheStats, CompactionStats, GroupStats, Histogram, IndexStats, KeyspaceStats, LastCompaction,
    MailboxStats, SegmentStats, SnapshotStats, Statistic, StatisticKind, StatisticUnit, StoreStats,
    SyncStats, WatchStats,
};
#[cfg(feature = "sled")]
pub use store::SledKvsEngine;
pub use store::{
    Change, CommittedBatch, Keys, Keyspace, KeyspaceBatch, KeyspaceTransaction, KeyspaceView,
    KvStore, KvsEngine, Scan, Snapshot, Store, Transaction, TransactionKeys, TransactionScan,
    Watch, WatchEvent, WriteBatch, WriteTicket,
};
#[cfg(all(feature = "transfer", not(any(kvs_loom, kvs_shuttle))))]
pub use transfer::{
    ExportOptions, Exported, ImportError, ImportOptions, Imported, RedisServer, TransferError,
    TransferFormat,
};
