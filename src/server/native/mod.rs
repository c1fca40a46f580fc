//! The operations of the native protocol.
//!
//! | file | contents |
//! |---|---|
//! | [`operation`] | the effect of an operation, and the way into its execution |
//! | [`reads`], [`range`] | operations that read keys, and a range of them |
//! | [`batches`] | operations that write, as batches for the writer |
//! | [`batch_items`] | the items of a batch, as operations of the store |
//! | [`read_set`] | what a transaction has read, as the writer checks it |
//! | [`keyspaces`] | operations on keyspaces as a whole |
//! | [`watches`] | beginning a watch |
//! | [`backups`] | beginning a backup, and its state |
//! | [`places`] | the keys that a request is about |
//! | [`unanswered`] | the reason why there is no answer yet, or none at all |
//!
//! As with the commands of Redis, a read that would block is executed once more on a reader: an
//! operation counts and changes nothing before it has read everything.

mod backups;
mod batch_items;
mod batches;
mod keyspaces;
mod operation;
mod places;
mod range;
mod read_set;
mod reads;
mod unanswered;
mod watches;

pub(super) use operation::{effect, execute, may_write, refuse_undecoded};
