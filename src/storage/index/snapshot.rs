//! Snapshots: points in time that somebody reads at, and the versions that they keep alive.

use std::collections::BTreeMap;

use crate::bugs::{Bug, planted};
use crate::storage::format::sequence::Sequence;
use crate::storage::format::unix_millis::UnixMillis;
use crate::sync::{Arc, Mutex, lock};

/// The registered snapshots: their holders by sequence number.
#[derive(Default)]
pub(super) struct Registry(Mutex<BTreeMap<Sequence, Holders>>);

/// The holders of the snapshots of one sequence number.
struct Holders {
    count: usize,
    /// The time at which the first of them registered, if it said so.
    since: Option<UnixMillis>,
}

/// The snapshots that are registered at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RegisteredSnapshots {
    /// The number of holders.
    pub(crate) count: u64,
    /// The sequence number of the oldest one.
    pub(crate) oldest: Option<Sequence>,
    /// The time at which that was registered first.
    pub(crate) since: Option<UnixMillis>,
}

/// A registered point in time. The versions that it sees are kept until it is dropped.
pub(crate) struct IndexSnapshot {
    pub(super) sequence: Sequence,
    registry: Arc<Registry>,
}

impl Registry {
    /// Registers a snapshot of the sequence number that `visible` returns.
    pub(super) fn register(
        self: &Arc<Self>,
        now: Option<UnixMillis>,
        visible: impl Fn() -> Sequence,
    ) -> IndexSnapshot {
        let early = planted(Bug::RegisterLate).then(&visible);
        let mut registered = lock(&self.0);
        // Read under the lock, so that no horizon drawn before is above it.
        let sequence = early.unwrap_or_else(visible);
        registered.entry(sequence).or_insert(Holders { count: 0, since: now }).count += 1;
        IndexSnapshot { sequence, registry: Arc::clone(self) }
    }

    /// Returns the snapshots that are registered.
    pub(super) fn registered(&self) -> RegisteredSnapshots {
        let registered = lock(&self.0);
        let oldest = registered.first_key_value();
        RegisteredSnapshots {
            count: registered.values().map(|holders| holders.count as u64).sum(),
            oldest: oldest.map(|(sequence, _)| *sequence),
            since: oldest.and_then(|(_, holders)| holders.since),
        }
    }

    /// Calls `publish` unless a snapshot of the present is registered. Returns true if it did.
    pub(super) fn unless_registered(&self, present: Sequence, publish: impl FnOnce()) -> bool {
        let registered = lock(&self.0);
        let is_free = !registered.contains_key(&present) || planted(Bug::IgnoreSnapshots);
        if is_free {
            publish();
        }
        is_free
    }

    /// Returns what can be seen from now on.
    pub(super) fn horizon(&self, visible: impl FnOnce() -> Sequence) -> Horizon {
        let registered = lock(&self.0);
        if planted(Bug::IgnoreSnapshots) {
            return Horizon { visible: visible(), snapshots: Vec::new() };
        }
        let visible = if planted(Bug::StaleRead) { visible().previous() } else { visible() };
        Horizon { visible, snapshots: registered.keys().copied().collect() }
    }
}

impl IndexSnapshot {
    /// Returns the sequence number of the newest commit that it sees.
    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }
}

impl Drop for IndexSnapshot {
    fn drop(&mut self) {
        let mut registered = lock(&self.registry.0);
        if let Some(holders) = registered.get_mut(&self.sequence) {
            holders.count -= 1;
            if holders.count == 0 {
                registered.remove(&self.sequence);
            }
        }
    }
}

/// The points in time that can be seen at one moment: the present, and every registered snapshot.
///
/// A version that an old horizon hides stays hidden, since snapshots are taken of the present only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Horizon {
    /// The newest visible sequence number.
    pub(super) visible: Sequence,
    /// The snapshots, oldest first.
    pub(super) snapshots: Vec<Sequence>,
}

impl Horizon {
    /// Returns true if a snapshot is older than the present and so may see versions that were
    /// replaced.
    pub(crate) fn has_old_snapshots(&self) -> bool {
        self.snapshots.first().is_some_and(|oldest| *oldest < self.visible)
    }

    /// Returns true if nobody sees a version of a key that `by` replaced.
    pub(super) fn hides(&self, version: Sequence, by: Sequence) -> bool {
        by <= self.visible && self.viewer(version, by).is_none()
    }

    /// Returns the newest snapshot that sees a version of a key that `by` replaced.
    pub(super) fn viewer(&self, version: Sequence, by: Sequence) -> Option<Sequence> {
        let older = self.snapshots.partition_point(|snapshot| *snapshot < by);
        self.snapshots[..older].last().copied().filter(|snapshot| *snapshot >= version)
    }
}
