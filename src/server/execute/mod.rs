//! The surroundings and the result of executing one request, of either dialect.
//!
//! ```text
//! scope: context, session, access ─► command or operation ─► execution: reply, batch, sync,
//!                                                             or "would block"
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`scope`] | the surroundings of one execution |
//! | [`context`] | the state that all connections share: store, options, counters, clients, cursors |
//! | [`session`] | the state of one connection, and the list of all |
//! | [`held_snapshot`] | the snapshot that is kept for a connection |
//! | [`queued_transaction`] | the transaction of a client of Redis, and the keys that it watches |
//! | [`databases`] | the keyspaces that the databases of Redis stand for |
//! | [`reply_mode`], [`client_pause`] | the replies that a client wants, and a pause of all clients |
//! | [`monitors`] | the clients that are shown every command |
//! | [`channels`], [`subscriptions`], [`glob`] | the channels to which clients subscribe, and those of one client |
//! | [`push_feed`] | the lines and messages that wait for a client |
//! | [`keyspace_cache`] | the keyspaces that a connection named lately |
//! | [`client_memory`], [`charge`] | the memory that is held for all connections, and for each |
//! | [`scan_cursors`] | the numbers that stand for places in unfinished iterations |
//! | [`statistic`] | the registry of the figures that a server reports |
//! | [`authentication`] | the check of a password |
//! | [`execution`] | the result of an execution, and the effect of a request |
//! | [`sliced_removal`] | a removal of many keys in several batches |
//! | [`connection_watch`] | the watch of a connection: changes on their way into the output |
//! | [`client_reply`] | a reply in the dialect of its connection |
//! | [`failure`], [`error_report`] | errors as clients and the log get them |
//!
//! Invariants:
//! - Executing neither waits nor touches a socket.
//! - A message to a client names no path.

pub(crate) mod authentication;
pub(crate) mod channels;
pub(crate) mod charge;
pub(crate) mod client_memory;
pub(crate) mod client_pause;
pub(crate) mod client_reply;
pub(crate) mod connection_watch;
pub(crate) mod context;
pub(crate) mod databases;
pub(crate) mod error_report;
pub(crate) mod execution;
pub(crate) mod failure;
pub(crate) mod glob;
pub(crate) mod held_snapshot;
pub(crate) mod keyspace_cache;
pub(crate) mod monitors;
pub(crate) mod push_feed;
pub(crate) mod queued_transaction;
pub(crate) mod reply_mode;
pub(crate) mod scan_cursors;
pub(crate) mod scope;
pub(crate) mod session;
pub(crate) mod sliced_removal;
pub(crate) mod statistic;
pub(crate) mod subscriptions;
