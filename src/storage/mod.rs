//! The files of the `kvs` engine, and its index. No thread, socket or clock is known here.

pub(crate) mod accounting;
pub(crate) mod cache;
mod cleanup;
mod closed;
pub(crate) mod compaction;
mod filling;
pub(crate) mod fs;
mod hint;
pub(crate) mod hinting;
pub(crate) mod index;
mod inventory;
mod key_set;
pub(crate) mod log;
mod marks;
mod merge;
pub(crate) mod mutation;
pub(crate) mod names;
mod place;
pub(crate) mod prepared;
pub(crate) mod range;
mod reading;
pub(crate) mod record;
pub(crate) mod recovery;
mod run;
pub(crate) mod scan;
pub(crate) mod segment;
pub(crate) mod tasks;
