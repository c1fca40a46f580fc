//! The operations of the native protocol.
//!
//! | file | contents |
//! |---|---|
//! | [`operation`] | the effect of an operation, and the way into its execution |
//! | [`reads`], [`range`] | operations that read keys, and a range of them |
//! | [`batches`] | operations that write, as batches for the writer |
//!
//! As with the commands of Redis, a read that would block is executed once more on a reader: an
//! operation counts and changes nothing before it has read everything.

mod batches;
mod operation;
mod range;
mod reads;

pub(super) use operation::{effect, execute, refuse_undecoded};
