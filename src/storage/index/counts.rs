//! The number of keys, and when they expire.

use std::collections::BTreeSet;

use super::slot::Slot;
use crate::storage::format::unix_millis::UnixMillis;
use crate::sync::{Arc, AtomicU64, Ordering};

/// The counts that readers see.
#[derive(Default)]
pub(super) struct SharedCounts {
    /// Keys whose newest version is not a tombstone.
    pub(super) live: AtomicU64,
    /// The keys among them that expire.
    pub(super) expiring: AtomicU64,
}

/// The time of expiry of every key that has one.
pub(super) type Deadlines = BTreeSet<(UnixMillis, Box<[u8]>)>;

/// The bytes of memory that a deadline takes beside its key, about: the time, its place in the
/// tree, and what the allocator adds to the key.
const DEADLINE_BYTES: u64 = 56;

/// The writer's counts, with the keys that expire in the order of time.
pub(super) struct KeyCounts {
    shared: Arc<SharedCounts>,
    deadlines: Deadlines,
    /// The bytes of memory of the deadlines, and of what newest versions have beside their leaves.
    bytes: u64,
}

impl KeyCounts {
    /// Returns the counts of an index without keys.
    pub(super) fn new(shared: Arc<SharedCounts>) -> Self {
        Self { shared, deadlines: Deadlines::new(), bytes: 0 }
    }

    /// Counts the removal of all keys. Returns counts that have their deadlines, but not their
    /// number.
    pub(super) fn take(&mut self, shared: Arc<SharedCounts>) -> Self {
        self.shared.live.store(0, Ordering::Relaxed);
        self.shared.expiring.store(0, Ordering::Relaxed);
        let (deadlines, bytes) = (std::mem::take(&mut self.deadlines), self.bytes);
        self.bytes = 0;
        Self { shared, deadlines, bytes }
    }

    /// Returns when the keys expire.
    pub(super) fn into_deadlines(self) -> Deadlines {
        self.deadlines
    }

    /// Returns the number of keys.
    pub(super) fn live(&self) -> u64 {
        self.shared.live.load(Ordering::Relaxed)
    }

    /// Returns the number of keys that expire.
    pub(super) fn expiring(&self) -> u64 {
        self.deadlines.len() as u64
    }

    /// Returns the bytes of memory of the deadlines, and of what newest versions have beside their
    /// leaves.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts the replacement of a key's newest version.
    pub(super) fn replace<S: Slot>(&mut self, key: &[u8], old: Option<&S>, new: &S) {
        let memory = |slot: &S| if slot.is_tombstone() { 0 } else { slot.memory() };
        self.bytes = (self.bytes + memory(new)).saturating_sub(old.map_or(0, memory));
        let was_live = old.is_some_and(|slot| !slot.is_tombstone());
        match (was_live, !new.is_tombstone()) {
            (false, true) => self.shared.live.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.shared.live.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
        let was_expiring = old.and_then(Slot::expires_at);
        if was_expiring == new.expires_at() {
            return;
        }
        if let Some(time) = was_expiring {
            self.deadlines.remove(&(time, key.into()));
            self.bytes = self.bytes.saturating_sub(deadline_bytes(key));
        }
        if let Some(time) = new.expires_at() {
            self.deadlines.insert((time, key.into()));
            self.bytes += deadline_bytes(key);
        }
        self.shared.expiring.store(self.deadlines.len() as u64, Ordering::Relaxed);
    }

    /// Counts the keys of an index that was empty.
    pub(super) fn load(&mut self, live: u64, deadlines: Vec<(UnixMillis, Box<[u8]>)>) {
        self.bytes = deadlines.iter().map(|(_, key)| deadline_bytes(key)).sum();
        self.deadlines = deadlines.into_iter().collect();
        self.shared.live.store(live, Ordering::Relaxed);
        self.shared.expiring.store(self.deadlines.len() as u64, Ordering::Relaxed);
    }

    /// Returns up to `limit` keys whose expiry is at or before `now`, soonest first.
    pub(super) fn due(&self, now: UnixMillis, limit: usize) -> Vec<Vec<u8>> {
        let due = self.deadlines.iter().take_while(|(time, _)| *time <= now);
        due.take(limit).map(|(_, key)| key.to_vec()).collect()
    }

    /// Returns up to `limit` keys that expire soonest, with their times.
    pub(super) fn soonest(&self, limit: usize) -> Vec<(UnixMillis, Vec<u8>)> {
        self.deadlines.iter().take(limit).map(|(time, key)| (*time, key.to_vec())).collect()
    }

    /// Returns the first key that expires at or after a time at random.
    pub(super) fn random_deadline(&self, random: &mut impl FnMut() -> u64) -> Option<Vec<u8>> {
        let ((first, _), (last, _)) = (self.deadlines.first()?, self.deadlines.last()?);
        let time = first.0 + random() % (last.0 - first.0 + 1).max(1);
        let from = (UnixMillis(time), Box::default());
        self.deadlines.range(from..).next().map(|(_, key)| key.to_vec())
    }

    /// Returns the soonest expiry of any key.
    pub(super) fn next_deadline(&self) -> Option<UnixMillis> {
        self.deadlines.first().map(|(time, _)| *time)
    }
}

fn deadline_bytes(key: &[u8]) -> u64 {
    key.len() as u64 + DEADLINE_BYTES
}
