//! Points in time that somebody looks at, and which versions that keeps.

use std::collections::BTreeMap;

use crate::bugs::{Bug, planted};
use crate::sync::{Arc, Mutex, lock};

/// The registered snapshots: sequence number to how many hold it.
#[derive(Default)]
pub(super) struct Registry(Mutex<BTreeMap<u64, usize>>);

/// One point in time; what it can see is kept until it is dropped.
pub(crate) struct Snapshot {
    pub(super) sequence: u64,
    registry: Arc<Registry>,
}

impl Registry {
    /// Registers what `visible` gives.
    pub(super) fn register(self: &Arc<Self>, visible: impl Fn() -> u64) -> Snapshot {
        let early = planted(Bug::RegisterLate).then(&visible);
        let mut registered = lock(&self.0);
        // Read under the lock: a horizon drawn before this is not above it.
        let sequence = early.unwrap_or_else(visible);
        *registered.entry(sequence).or_insert(0) += 1;
        Snapshot { sequence, registry: Arc::clone(self) }
    }

    /// Does `publish` unless there is a snapshot of the present; whether it did.
    pub(super) fn unless_registered(&self, present: u64, publish: impl FnOnce()) -> bool {
        let registered = lock(&self.0);
        let is_free = !registered.contains_key(&present) || planted(Bug::IgnoreSnapshots);
        if is_free {
            publish();
        }
        is_free
    }

    /// What can be seen from now on.
    pub(super) fn horizon(&self, visible: impl FnOnce() -> u64) -> Horizon {
        let registered = lock(&self.0);
        if planted(Bug::IgnoreSnapshots) {
            return Horizon { visible: visible(), snapshots: Vec::new() };
        }
        let visible = visible().saturating_sub(u64::from(planted(Bug::StaleRead)));
        Horizon { visible, snapshots: registered.keys().copied().collect() }
    }
}

impl Snapshot {
    /// The newest commit that it sees.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let mut registered = lock(&self.registry.0);
        if let Some(holders) = registered.get_mut(&self.sequence) {
            *holders -= 1;
            if *holders == 0 {
                registered.remove(&self.sequence);
            }
        }
    }
}

/// Which versions can be seen: by whoever looks at the present, and by every registered snapshot.
///
/// What an old horizon hides stays hidden, since snapshots are made of the present only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Horizon {
    /// The present.
    pub(super) visible: u64,
    /// The snapshots, oldest first.
    pub(super) snapshots: Vec<u64>,
}

impl Horizon {
    /// Whether a snapshot may see versions that were replaced.
    pub(crate) fn has_old_snapshots(&self) -> bool {
        self.snapshots.first().is_some_and(|oldest| *oldest < self.visible)
    }

    /// Whether nobody can see a version of a key any more that `by` replaced.
    pub(super) fn hides(&self, version: u64, by: u64) -> bool {
        by <= self.visible && self.viewer(version, by).is_none()
    }

    /// The newest snapshot that sees a version that `by` replaced.
    pub(super) fn viewer(&self, version: u64, by: u64) -> Option<u64> {
        let older = self.snapshots.partition_point(|snapshot| *snapshot < by);
        self.snapshots[..older].last().copied().filter(|snapshot| *snapshot >= version)
    }
}
