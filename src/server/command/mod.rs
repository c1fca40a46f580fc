//! Redis commands: one row of the [`table`] each, one file per family.
//!
//! ```text
//! arguments ─► dispatch ─► table: arity, subcommand ─► function(&Call) ─► reply, or a batch
//! ```
//!
//! **The rule for authors: a call may be executed twice.** On a connection worker no read may wait
//! for the disk. One that would ends the call with [`Unfinished::WouldBlock`](call::Unfinished),
//! and a reader parses and executes the request once more, from its beginning. So:
//!
//! - Read with `?` through the methods of [`read`], which end the call by themselves. What they
//!   found is counted by [`dispatch`] when the call is done, and no sooner.
//! - Read everything before you change anything: the session, cursors, counters.
//! - Do not read what you are going to write. A change is one batch for the writer, and whatever
//!   depends on the stored value is an [`Update`](crate::store::Update) or a condition, which the
//!   writer decides. So every command is atomic.
//!
//! A call of a transaction is executed when `EXEC` comes, up to its operations: its reads, too, are
//! operations of the batch ([`read`]), so whatever replies with what it read does so in a function.
//!
//! A command knows neither the socket nor the version of the protocol. Its errors have the texts of
//! Redis 7.0, because clients compare them.
//!
//! | files | contents |
//! |---|---|
//! | [`dispatch`], [`call`] | the way into a command, and the ways out of it |
//! | [`table`], [`command_table`], [`command_row`] | the commands there are, and how they are found |
//! | [`read`], [`mod@write`], [`lifetime`], [`word`], [`reply_value`], [`command_error`] | tools |
//! | [`string`], [`substring`], [`counter`], [`common_subsequence`], [`sorting`] | families about values |
//! | [`bit`], [`bit_operation`], [`bit_field`] | families about bits of values |
//! | [`key`], [`copying`], [`object`], [`expiry`], [`iteration`] | families about keys |
//! | [`dumping`], with [`dump_payload`], [`lzf`], [`crc64`] | dumps of keys, as Redis writes and reads them |
//! | [`connection`], [`client`], [`client_control`], [`introspection`], [`transaction`], [`database`], [`channel`] | families about connections and commands |
//! | [`server`], [`config`], [`info`], [`memory_usage`], [`persistence`], [`slowlog`], [`latency`], [`acl`], [`debug`], [`monitor`], [`cluster`], [`replication`] | families about the server |
//! | [`command_document`], [`command_category`], [`call_keys`] | descriptions of commands |
//! | [`timed_call`], [`setting_change`], [`latency_graph`], [`info_calls`], [`info_fields`], [`info_process`] | parts of these |
//!
//! Left out: other types than strings, scripts, users.

mod acl;
mod bit;
mod bit_field;
mod bit_operation;
mod call;
mod call_keys;
mod channel;
mod client;
mod client_control;
mod cluster;
mod command_category;
mod command_document;
mod command_error;
mod command_row;
mod command_table;
mod common_subsequence;
mod config;
mod connection;
mod copying;
mod counter;
mod crc64;
mod database;
mod debug;
mod dispatch;
mod dump_payload;
mod dumping;
mod expiry;
mod info;
mod info_calls;
mod info_fields;
mod info_process;
mod introspection;
mod iteration;
mod key;
mod latency;
mod latency_graph;
mod lifetime;
mod lzf;
mod memory_usage;
mod monitor;
mod object;
mod persistence;
mod read;
mod replication;
mod reply_value;
mod server;
mod setting_change;
mod slowlog;
mod sorting;
mod string;
mod substring;
mod table;
#[cfg(test)]
mod tests;
mod timed_call;
mod transaction;
mod word;
mod write;

pub(crate) use dispatch::{counted, effect, execute, find, is_refused, may_write};

/// The parsers of bytes that clients choose, for the fuzz targets.
#[cfg(any(test, fuzzing))]
pub(crate) mod parsers {
    pub(crate) use super::dump_payload::{dump, restored};
    pub(crate) use super::iteration::cursor;
    pub(crate) use super::lzf::expand;
    pub(crate) use crate::server::execute::glob::{Case, matches as glob_matches};
}
