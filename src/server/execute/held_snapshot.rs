//! The snapshot that a server keeps for a connection.

use std::time::{Duration, Instant};

use crate::bugs::{Bug, planted};
use crate::store::Snapshot;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock, now};
use crate::{Result, Store};

/// The snapshot of a connection, if it has one. The store keeps what it sees for as long as it is
/// held, so it is let go after a time.
#[derive(Default)]
pub(crate) struct HeldSnapshot {
    /// The snapshot, and when it was taken.
    held: Mutex<Option<(Arc<Snapshot>, Instant)>>,
    /// True if there is one, for those who only want to know that.
    is_held: AtomicBool,
}

impl HeldSnapshot {
    /// Takes a snapshot in place of an earlier one; returns its version.
    pub(crate) fn open(&self, store: &Store) -> Result<u64> {
        // Two of them at once would keep more.
        self.close();
        let snapshot = store.snapshot()?;
        let version = snapshot.version();
        *lock(&self.held) = Some((Arc::new(snapshot), now()));
        self.is_held.store(true, Ordering::Relaxed);
        Ok(version)
    }

    /// Returns the snapshot, unless it was held for longer than the limit.
    pub(crate) fn get(&self, limit: Option<Duration>) -> Option<Arc<Snapshot>> {
        self.close_late(limit, now());
        lock(&self.held).as_ref().map(|(snapshot, _)| Arc::clone(snapshot))
    }

    /// Lets it go.
    pub(crate) fn close(&self) {
        self.is_held.store(false, Ordering::Relaxed);
        lock(&self.held).take();
    }

    /// Lets it go if it was held for longer than the limit.
    pub(crate) fn close_late(&self, limit: Option<Duration>, now: Instant) {
        let Some(limit) = limit.filter(|_| !planted(Bug::KeepLateSnapshot)) else { return };
        let mut held = lock(&self.held);
        let late = |(_, since): &mut (_, Instant)| now.saturating_duration_since(*since) >= limit;
        if held.take_if(late).is_some() {
            self.is_held.store(false, Ordering::Relaxed);
        }
    }

    /// Returns true if there is one.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;

    #[test]
    fn a_snapshot_is_held_until_it_is_replaced_closed_or_late() {
        let context = testing::context();
        let (store, held) = (&context.store, HeldSnapshot::default());
        let limit = Some(Duration::from_secs(60));
        assert!(held.get(limit).is_none() && !held.is_held());
        let first = held.open(store).unwrap();
        store.set("k", "v").unwrap();
        assert!(!held.get(limit).unwrap().contains("k").unwrap());
        let second = held.open(store).unwrap();
        assert!(second > first && held.get(limit).unwrap().contains("k").unwrap());
        let later = now() + Duration::from_secs(59);
        held.close_late(limit, later);
        held.close_late(None, later + Duration::from_secs(1 << 30));
        assert!(held.is_held() && held.get(limit).is_some());
        held.close_late(limit, later + Duration::from_secs(2));
        assert!(!held.is_held() && held.get(limit).is_none());
        held.open(store).unwrap();
        assert!(held.get(Some(Duration::ZERO)).is_none());
        held.open(store).unwrap();
        held.close();
        assert!(!held.is_held() && held.get(None).is_none());
    }
}
