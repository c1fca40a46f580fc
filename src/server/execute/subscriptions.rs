//! The channels that one client subscribed to.

use std::collections::BTreeSet;

use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// The memory of a subscription beside the two copies of its name, about: in the set of its client,
/// and in the list of all, where it may have a node of a tree for itself.
const SUBSCRIPTION_BYTES: usize = 320;

/// The kind of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubscriptionKind {
    /// That to a channel.
    Channel,
    /// That to all channels whose names match a pattern.
    Pattern,
    /// That to a channel of a shard; these have names of their own.
    Shard,
}

impl SubscriptionKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];

    /// Returns the kinds that are counted together in the replies to a client.
    fn counted_with(self) -> &'static [Self] {
        match self {
            Self::Channel | Self::Pattern => &[Self::Channel, Self::Pattern],
            Self::Shard => &[Self::Shard],
        }
    }
}

/// The subscriptions of one client.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// The number of each kind; every request looks at them.
    counts: [AtomicUsize; 3],
    bytes: AtomicUsize,
    names: Mutex<[BTreeSet<Vec<u8>>; 3]>,
}

impl Subscriptions {
    /// Adds one; returns false if it was there.
    pub(super) fn add(&self, kind: SubscriptionKind, name: &[u8]) -> bool {
        let mut names = lock(&self.names);
        let is_new = names[kind as usize].insert(name.to_vec());
        if is_new {
            self.counts[kind as usize].fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(memory(name), Ordering::Relaxed);
        }
        is_new
    }

    /// Removes one; returns false if there was none.
    pub(super) fn remove(&self, kind: SubscriptionKind, name: &[u8]) -> bool {
        let mut names = lock(&self.names);
        let was_there = names[kind as usize].remove(name);
        if was_there {
            self.counts[kind as usize].fetch_sub(1, Ordering::Relaxed);
            self.bytes.fetch_sub(memory(name), Ordering::Relaxed);
        }
        was_there
    }

    /// Returns the names of a kind, in their order.
    pub(crate) fn names(&self, kind: SubscriptionKind) -> Vec<Vec<u8>> {
        lock(&self.names)[kind as usize].iter().cloned().collect()
    }

    /// Returns the number of subscriptions of a kind.
    pub(crate) fn count(&self, kind: SubscriptionKind) -> usize {
        self.counts[kind as usize].load(Ordering::Relaxed)
    }

    /// Returns the number that a client is told with its subscriptions of a kind: channels and
    /// patterns are counted together.
    pub(crate) fn told_count(&self, kind: SubscriptionKind) -> usize {
        kind.counted_with().iter().map(|kind| self.count(*kind)).sum()
    }

    /// Returns true if there is any.
    pub(crate) fn is_any(&self) -> bool {
        SubscriptionKind::ALL.into_iter().any(|kind| self.count(kind) > 0)
    }

    /// Returns the memory that they take, in bytes, about.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn memory(name: &[u8]) -> usize {
    SUBSCRIPTION_BYTES + 2 * name.len()
}
