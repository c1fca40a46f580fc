//! Models: small programs over the source that ships, which a checker runs under every schedule
//! (loom) or many (shuttle). `docs/models.md` says what they cover, what they assume and how to run
//! them.

#![allow(clippy::unwrap_used, reason = "a model fails by panicking")]

mod disk;
pub(crate) mod model;

mod acknowledged;
mod batches;
mod cached;
mod cleared;
mod compaction;
mod failed_sync;
mod full_mailbox;
mod in_place;
mod increments;
mod keyspaces;
mod overtaken;
mod overwrite;
mod panic;
mod peeked;
mod planted;
mod rotation;
mod shutdown;
mod snapshots;
mod synced;
mod tickets;
mod transactions;
mod turn_order;
mod turn_panic;
mod turn_shutdown;
mod turns;
mod watch;
pub(crate) mod watchers;

use crate::server::{alarm, event_classes, evictions, pushes, wake_up};
use crate::store::{Batch, WriteOperation};
use crate::sync::{JoinHandle, ThreadBuilder};

/// Starts a thread of a model.
pub(crate) fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    ThreadBuilder::new().spawn(run).unwrap()
}

/// Sets these keys to the same value at once.
fn put(keys: &[&str], value: &str) -> Batch {
    let put = |key: &&str| WriteOperation::Put {
        key: (*key).into(),
        value: value.into(),
        expires_at: None,
    };
    keys.iter().map(put).collect()
}

/// One test in short form and one in long form for each model.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        /// The name of each model.
        const MODELS: &[(&str, &model::Model)] = &[$((stringify!($name), &$name::MODEL)),*];

        mod quick {
            $(#[test]
            fn $name() {
                super::$name::MODEL.prove(stringify!($name), &super::$name::MODEL.quick);
            })*
        }

        mod deep {
            $(#[test]
            #[ignore = "it takes minutes"]
            fn $name() {
                super::$name::MODEL.prove(stringify!($name), &super::$name::MODEL.deep);
            })*
        }
    };
}

tests![
    acknowledged,
    alarm,
    batches,
    cached,
    cleared,
    compaction,
    event_classes,
    evictions,
    failed_sync,
    full_mailbox,
    in_place,
    increments,
    keyspaces,
    overtaken,
    overwrite,
    panic,
    peeked,
    pushes,
    rotation,
    shutdown,
    snapshots,
    synced,
    tickets,
    transactions,
    turn_order,
    turn_panic,
    turn_shutdown,
    turns,
    wake_up,
    watch,
    watchers,
];
