//! The moment at which commits become visible: one store for all indexes of a store.

use super::snapshot::{Horizon, IndexSnapshot, RegisteredSnapshots, Registry};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::sync::{Arc, AtomicU64, Ordering};

/// The newest commit that readers see, and the registered snapshots. Indexes that share it become
/// visible together.
///
/// It is an allocation of its own, which the writer stores to once per group, so that readers keep
/// the root of the tree in their caches. The registry is another one: taking a snapshot counts its
/// holders.
#[derive(Default)]
pub(super) struct Visibility {
    /// The sequence number of the newest visible commit.
    newest: AtomicU64,
    registry: Arc<Registry>,
}

impl Visibility {
    /// Returns the newest sequence number that readers see.
    ///
    /// Acquire: a reader that sees it also sees everything that was inserted up to it.
    pub(super) fn visible(&self) -> Sequence {
        Sequence(self.newest.load(Ordering::Acquire))
    }

    /// Returns the same for the writer, whose own store it was.
    pub(super) fn visible_to_writer(&self) -> Sequence {
        Sequence(self.newest.load(Ordering::Relaxed))
    }

    /// Makes everything up to `sequence` visible.
    pub(super) fn publish(&self, sequence: Sequence) {
        self.newest.store(sequence.0, Ordering::Release);
    }

    /// Makes everything up to `sequence` visible, unless a snapshot of `present` is registered.
    /// Returns true if it did.
    ///
    /// Both happen under the lock of the registry, so a snapshot that registers meanwhile is either
    /// noticed here, or one of `sequence`.
    pub(super) fn publish_unless_seen(&self, present: Sequence, sequence: Sequence) -> bool {
        self.registry.unless_registered(present, || self.publish(sequence))
    }

    /// Registers a snapshot of the present; `now` is for those who ask for its age.
    pub(super) fn snapshot(&self, now: Option<UnixMillis>) -> IndexSnapshot {
        self.registry.register(now, || self.visible())
    }

    /// Returns the snapshots that are registered.
    pub(super) fn registered(&self) -> RegisteredSnapshots {
        self.registry.registered()
    }

    /// Returns what can be seen from now on.
    pub(super) fn horizon(&self) -> Horizon {
        self.registry.horizon(|| self.visible())
    }
}
