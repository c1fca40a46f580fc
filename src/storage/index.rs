//! The ordered, versioned map from keys to slots: one mutator, readers without locks.
//!
//! A version is the sequence number of the commit that wrote it. The mutator inserts the versions of a
//! group, then publishes the group's last sequence number in `visible`: that one store makes the whole
//! group appear. A reader takes `visible` once and looks for the newest version at or below it, so it
//! sees all of a batch or nothing. A [`Snapshot`] is such a number that is registered, which keeps the
//! versions it can see from being pruned.
//!
//! A removed key is a slot that says so ([`Slot::is_tombstone`]) and not an absence, because a snapshot
//! scan must still find what the key was before. Versions that no snapshot can see are pruned, oldest
//! first, once a newer one is visible.
//!
//! This file alone knows the map's crate. No epoch guard of it lives longer than one call.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use artmap::VersionedArtMap;

use super::range::KeyRange;
use crate::bugs::{Bug, planted};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};

/// What the index holds for one version of a key.
pub(crate) trait Slot: Clone + Send + Sync + 'static {
    /// True where this version says that the key is gone.
    fn is_tombstone(&self) -> bool;
    /// When this version expires, in milliseconds since the Unix epoch.
    fn expires_at(&self) -> Option<u64>;
}

struct Key(Box<[u8]>);

impl artmap::AsBytes for Key {
    fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

struct Shared<S> {
    map: VersionedArtMap<Key, S>,
    /// The newest sequence number that readers may see.
    visible: AtomicU64,
    /// Keys whose newest version is not a tombstone.
    live: AtomicU64,
    /// Those among them that expire.
    expiring: AtomicU64,
    registry: Arc<Registry>,
}

/// The registered snapshots: sequence number to how many hold it.
#[derive(Default)]
struct Registry(Mutex<BTreeMap<u64, usize>>);

/// One point in time; what it can see is kept until it is dropped.
pub(crate) struct Snapshot {
    sequence: u64,
    registry: Arc<Registry>,
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

/// A key with one version of it.
#[derive(Debug, Clone)]
pub(crate) struct Found<S> {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The commit that wrote this version.
    pub(crate) version: u64,
    /// What it says.
    pub(crate) slot: S,
}

/// The readers' half: cheap to clone, safe to use from any thread, never blocked by the mutator.
pub(crate) struct IndexReader<S>(Arc<Shared<S>>);

impl<S> Clone for IndexReader<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Slot> IndexReader<S> {
    /// The newest visible version of the key, which may be a tombstone.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<(u64, S)> {
        let mut visible = self.visible().saturating_sub(u64::from(planted(Bug::StaleRead)));
        loop {
            if let Some(found) = self.0.map.get_version_le(key, visible) {
                return Some(found);
            }
            // The version this reader was to see may have been pruned after a newer one became
            // visible, so an absence is final only if nothing became visible meanwhile.
            let now = self.visible();
            if now == visible || planted(Bug::SkipSecondLook) {
                return None;
            }
            visible = now;
        }
    }

    /// The version of the key that the snapshot sees, which may be a tombstone.
    pub(crate) fn at(&self, key: &[u8], snapshot: &Snapshot) -> Option<(u64, S)> {
        self.0.map.get_version_le(key, snapshot.sequence)
    }

    /// Registers the present as a snapshot.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let early = planted(Bug::RegisterLate).then(|| self.visible());
        let mut registered = lock(&self.0.registry.0);
        // Read under the lock: a watermark computed before this cannot be above it.
        let sequence = early.unwrap_or_else(|| self.visible());
        *registered.entry(sequence).or_insert(0) += 1;
        Snapshot { sequence, registry: Arc::clone(&self.0.registry) }
    }

    /// Up to `limit` keys of the range as the snapshot sees them, tombstones included.
    pub(crate) fn page(
        &self,
        range: &KeyRange,
        snapshot: &Snapshot,
        limit: usize,
    ) -> Vec<Found<S>> {
        if range.is_empty() {
            return Vec::new();
        }
        let guard = self.0.map.pin();
        let mut entries = self.0.map.range_with_guard::<_, [u8]>(range.bounds(), &guard);
        let mut page = Vec::new();
        while page.len() < limit {
            let next = if range.reverse { entries.next_back() } else { entries.next() };
            let Some(entry) = next else { break };
            if let Some((version, slot)) = entry.get_version_le(snapshot.sequence) {
                page.push(Found { key: entry.key().0.to_vec(), version, slot: slot.clone() });
            }
        }
        page
    }

    /// Every version of the key that is still kept, newest first.
    pub(crate) fn versions(&self, key: &[u8]) -> Vec<(u64, S)> {
        let versions = self.0.map.get_all_versions(key);
        versions.into_iter().filter_map(|(version, slot)| Some((version, slot?))).collect()
    }

    /// The newest sequence number that readers see.
    pub(crate) fn visible(&self) -> u64 {
        self.0.visible.load(Ordering::Acquire)
    }

    /// How many keys there are, those included whose expiry has passed but which are not removed yet.
    pub(crate) fn live(&self) -> u64 {
        self.0.live.load(Ordering::Relaxed)
    }

    /// How many keys have an expiry.
    pub(crate) fn expiring(&self) -> u64 {
        self.0.expiring.load(Ordering::Relaxed)
    }
}

/// A key with versions that a newer one replaced.
struct Superseded {
    /// The version that replaced them: once no snapshot is older than that, they may go.
    by: u64,
    key: Box<[u8]>,
}

/// The one mutator's half.
pub(crate) struct IndexWriter<S> {
    shared: Arc<Shared<S>>,
    /// In the order of `by`.
    superseded: VecDeque<Superseded>,
    /// The newest version of every key that expires, by time.
    deadlines: BTreeSet<(u64, Box<[u8]>)>,
}

impl<S: Slot> IndexWriter<S> {
    /// An empty index in which everything up to `visible` counts as published.
    pub(crate) fn new() -> Self {
        let shared = Shared {
            map: VersionedArtMap::new(),
            visible: AtomicU64::new(0),
            live: AtomicU64::new(0),
            expiring: AtomicU64::new(0),
            registry: Arc::default(),
        };
        Self { shared: Arc::new(shared), superseded: VecDeque::new(), deadlines: BTreeSet::new() }
    }

    /// A half for readers.
    pub(crate) fn reader(&self) -> IndexReader<S> {
        IndexReader(Arc::clone(&self.shared))
    }

    /// The newest version of the key, published or not.
    pub(crate) fn latest(&self, key: &[u8]) -> Option<(u64, S)> {
        self.shared.map.get_latest(key)
    }

    /// Adds a version at least as new as what the key has; not visible before [`publish`](Self::publish).
    ///
    /// Returns the slot that had this very version, as happens where a batch writes a key twice.
    pub(crate) fn insert(&mut self, key: Vec<u8>, version: u64, slot: S) -> Option<S> {
        let key = key.into_boxed_slice();
        let old = self.latest(&key);
        self.count(&key, old.as_ref().map(|(_, slot)| slot), &slot);
        if old.is_some() || slot.is_tombstone() {
            self.superseded.push_back(Superseded { by: version, key: key.clone() });
        }
        self.shared.map.insert(Key(key), version, slot);
        old.and_then(|(same, slot)| (same == version).then_some(slot))
    }

    /// Adds a version while no reader exists, in any order; returns what is not needed after it.
    pub(crate) fn restore(&mut self, key: Vec<u8>, version: u64, slot: S) -> Option<S> {
        let key = key.into_boxed_slice();
        let old = self.latest(&key);
        if old.as_ref().is_some_and(|(newer, _)| *newer > version) {
            return Some(slot);
        }
        self.count(&key, old.as_ref().map(|(_, slot)| slot), &slot);
        if slot.is_tombstone() {
            // Kept until everything is restored: an older version of the key may still come.
            self.superseded.push_back(Superseded { by: version, key: key.clone() });
        }
        self.shared.map.insert(Key(key.clone()), version, slot);
        if old.is_some() {
            self.shared.map.prune_key(&*key, version, |_| false);
        }
        old.map(|(_, slot)| slot)
    }

    /// Replaces what a version says without changing history, if it still is as `expected` finds it.
    pub(crate) fn repoint(
        &mut self,
        key: &[u8],
        version: u64,
        slot: S,
        expected: impl FnOnce(&S) -> bool,
    ) -> bool {
        if planted(Bug::RepointOverwritten)
            && let Some((newest, _)) = self.latest(key)
        {
            return self.shared.map.insert(Key(key.into()), newest, slot);
        }
        let there = self.shared.map.get_version_le(key, version);
        if !there.is_some_and(|(found, slot)| found == version && expected(&slot)) {
            return false;
        }
        self.shared.map.insert(Key(key.into()), version, slot)
    }

    /// Makes everything up to `sequence` visible at once.
    pub(crate) fn publish(&mut self, sequence: u64) {
        self.shared.visible.store(sequence, Ordering::Release);
    }

    /// Forgets versions that nobody can see any more and tells `dropped` of each, and whether it was a
    /// tombstone after which nothing of its key is left.
    pub(crate) fn prune(&mut self, mut dropped: impl FnMut(S, bool)) {
        if self.superseded.is_empty() {
            return;
        }
        let watermark = self.watermark();
        while self.superseded.front().is_some_and(|next| next.by <= watermark) {
            let Some(Superseded { key, .. }) = self.superseded.pop_front() else {
                break;
            };
            let versions = self.reader().versions(&key);
            let Some(kept) = versions.iter().position(|(version, _)| *version <= watermark) else {
                continue;
            };
            let gone = kept == 0 && versions[0].1.is_tombstone();
            let first_dropped = if gone { 0 } else { kept + 1 };
            self.shared.map.prune_key(&*key, watermark, S::is_tombstone);
            for (position, (_, slot)) in versions.into_iter().enumerate().skip(first_dropped) {
                dropped(slot, gone && position == 0);
            }
        }
    }

    /// The newest sequence number such that no registered snapshot is older.
    fn watermark(&self) -> u64 {
        let registered = lock(&self.shared.registry.0);
        let visible = self.shared.visible.load(Ordering::Relaxed);
        if planted(Bug::IgnoreSnapshots) {
            return visible;
        }
        let visible = visible.saturating_sub(u64::from(planted(Bug::StaleRead)));
        registered.keys().next().copied().unwrap_or(visible).min(visible)
    }

    /// Removes every key at one version, those of earlier batches that are not published included.
    pub(crate) fn remove_all(&mut self, version: u64, tombstone: &S) {
        const KEYS_AT_ONCE: usize = 1024;
        let mut range = KeyRange::all();
        loop {
            let keys = self.live_keys(&range, KEYS_AT_ONCE);
            let Some(last) = keys.last() else { return };
            range = range.after(last);
            for key in keys {
                self.insert(key, version, tombstone.clone());
            }
        }
    }

    /// Up to `limit` keys of the range whose newest version, published or not, is no tombstone.
    pub(crate) fn live_keys(&self, range: &KeyRange, limit: usize) -> Vec<Vec<u8>> {
        let bounds = range.bounds();
        let guard = self.shared.map.pin();
        let entries = self.shared.map.range_with_guard::<_, [u8]>(bounds, &guard);
        let live = entries.filter(|entry| !entry.value().is_tombstone());
        live.take(limit).map(|entry| entry.key().0.to_vec()).collect()
    }

    /// Up to `limit` keys whose expiry is at or before `now`, soonest first.
    pub(crate) fn due(&self, now: u64, limit: usize) -> Vec<Vec<u8>> {
        let due = self.deadlines.iter().take_while(|(time, _)| *time <= now);
        due.take(limit).map(|(_, key)| key.to_vec()).collect()
    }

    fn count(&mut self, key: &[u8], old: Option<&S>, new: &S) {
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
        }
        if let Some(time) = new.expires_at() {
            self.deadlines.insert((time, key.into()));
        }
        self.shared.expiring.store(self.deadlines.len() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
