//! The files of the `kvs` engine, and its index. No thread, socket or clock is known here.

pub(crate) mod accounting;
pub(crate) mod cache;
mod cleanup;
mod closed;
pub(crate) mod compaction;
pub(crate) mod fs;
pub(crate) mod index;
mod inventory;
mod key_set;
pub(crate) mod log;
pub(crate) mod mutation;
pub(crate) mod names;
pub(crate) mod range;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod scan;
pub(crate) mod segment;
