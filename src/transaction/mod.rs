//! The reads and writes of a transaction, wherever the keys are: in a store of this process, or in
//! one behind a server.
//!
//! | file | contents |
//! |---|---|
//! | [`accesses`] | what a transaction has read and written of one keyspace |
//! | [`merged_range`] | a range of keys as a transaction sees it: what is stored, and its own writes |

mod accesses;
mod merged_range;

pub(crate) use accesses::{KeyAccesses, KeyWrite};
pub(crate) use merged_range::{KeyValue, MergedRange, NextKey};

/// The times that a transaction is run before a conflict is an error.
pub(crate) const ATTEMPTS: usize = 100;
