//! The files of the `kvs` engine.

pub(crate) mod index;
pub(crate) mod segment;
