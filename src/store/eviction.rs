//! Eviction: the removal of keys by the writer when the memory of the store is used up.
//!
//! Before a group of writes the writer looks at the memory that the keys take, and at the limit
//! ([`MemoryLimit`](super::memory_limit::MemoryLimit)). It removes keys by groups of its own, as it
//! does with [expired ones](super::expired_keys): the removals are in the log, and whoever watches
//! is told of them. Where nothing may be removed, batches that may add something are refused.
//!
//! A key is chosen among a few at random, and among those that were passed over before, as
//! [Redis does](https://redis.io/docs/latest/develop/reference/eviction/). Versions that only
//! snapshots see do not count: no removal would free them.

use std::time::{Duration, Instant};

use super::access_table::AccessTable;
use super::batch::Batch;
use super::change::RemovalCause;
use super::eviction_state::{EvictedKey, Eviction, PassedOver};
use super::memory_limit::MemorySettings;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::resolve::Resolver;
use super::writer::Writer;
use crate::Error;
use crate::engine::{Group, Mutation};
use crate::options::EvictionPolicy;

/// The most keys that one turn evicts, so that writes wait behind few of them.
const EVICTED_PER_TURN: usize = 256;

/// The most keys that one group evicts.
const EVICTED_PER_GROUP: usize = 32;

/// The part of the limit, one in so many, that is freed at once, so that not every write has to.
const FREED_PART: u64 = 1024;

/// The part of the limit, one in so many, that the cache of records may always take.
const CACHE_PART: u64 = 16;

/// The memory of a store without keys that counts against the limit, about.
const EMPTY_BYTES: u64 = 1024;

/// The reason why evictions have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Enough memory is free.
    Enough,
    /// It was enough for one turn.
    Turn,
    /// No key is left that may be evicted.
    NothingLeft,
    /// The removal failed, as other writes will for the same reason.
    Failure,
}

impl Writer {
    /// Returns true if the memory is used up, so that the next write has to evict something first.
    pub(super) fn is_over_memory(&self) -> bool {
        self.memory.is_limited() && self.memory_used() > self.memory.bytes_max()
    }

    /// Evicts keys as before a write, unless the last time failed and nothing has changed since.
    pub(super) fn evict_between_writes(&mut self) {
        if !self.eviction.has_failed {
            self.evict_if_over();
        }
    }

    /// Evicts keys while more memory is used than there may be, and notes whether that was of use.
    pub(super) fn evict_if_over(&mut self) {
        let Eviction { is_full, has_more, has_failed, .. } = &mut self.eviction;
        (*is_full, *has_more, *has_failed) = (false, false, false);
        if !self.memory.is_limited() || self.health.failure().is_some() {
            return;
        }
        let settings = self.memory.settings();
        let mut used = self.memory_used();
        if used > settings.bytes_max {
            let ended = self.evict(settings);
            used = self.memory_used();
            if used > settings.bytes_max {
                self.eviction.is_full = ended == Ended::NothingLeft;
                self.eviction.has_more = ended == Ended::Turn;
                self.eviction.has_failed = ended == Ended::Failure;
            }
        }
        self.memory.note_used(used);
        self.memory.note_nothing_left(self.eviction.is_full);
        let left = settings.bytes_max.saturating_sub(used);
        self.engine.limit_cache(left.max(settings.bytes_max / CACHE_PART));
    }

    /// Notes the memory that is used after a group, before anybody is told of the group: whoever is
    /// may add something at once if there is room for it.
    pub(super) fn note_memory(&mut self) {
        let used = self.memory_used();
        self.memory.note_used(used);
        self.eviction.is_full &= used > self.memory.bytes_max();
    }

    /// Returns the error of batches that may add something, if there is no memory for more.
    pub(super) fn memory_full(&self) -> Option<Error> {
        self.eviction
            .is_full
            .then(|| Error::MemoryFull { used: self.memory_used(), max: self.memory.bytes_max() })
    }

    /// Notes that the keys which a group sets are used.
    pub(super) fn note_uses(&self, group: &Group) {
        self.memory.with_uses(|uses| {
            let now = self.clock.instant();
            let keys = group.batches().flatten().filter_map(Mutation::put_key);
            keys.for_each(|key| uses.note_use(key, now));
        });
    }

    /// Returns the bytes that count against the limit. The cache counts as what it may always take:
    /// it gives way to keys.
    fn memory_used(&self) -> u64 {
        let cache = match self.memory.bytes_max() / CACHE_PART {
            0 => 0,
            cache_max => self.engine.cache_bytes().min(cache_max),
        };
        EMPTY_BYTES + self.engine.index_bytes() + cache + self.memory.others()
    }

    /// Evicts keys until enough memory is free, or it was enough for one turn.
    fn evict(&mut self, settings: MemorySettings) -> Ended {
        let MemorySettings { bytes_max, policy, .. } = settings;
        if policy == EvictionPolicy::NoEviction {
            return Ended::NothingLeft;
        }
        let target = bytes_max - bytes_max / FREED_PART;
        let (mut evicted, mut passed_over) = (0, PassedOver::default());
        while evicted < EVICTED_PER_TURN {
            let excess = self.memory_used().saturating_sub(target);
            if excess == 0 {
                return Ended::Enough;
            }
            let count =
                usize::try_from(excess.div_ceil(self.bytes_per_key())).unwrap_or(usize::MAX);
            let chosen = self.choose(settings, count.min(EVICTED_PER_GROUP), &mut passed_over);
            if chosen.is_empty() {
                return Ended::NothingLeft;
            }
            match self.remove_evicted(chosen) {
                0 => return Ended::Failure,
                removed => evicted += removed,
            }
        }
        log::debug!("evicted {evicted} keys ({policy})");
        Ended::Turn
    }

    /// Returns the bytes that the removal of a key frees, about.
    fn bytes_per_key(&self) -> u64 {
        self.engine.index_bytes().checked_div(self.engine.live_keys()).unwrap_or(1).max(1)
    }

    /// Returns up to so many keys that are to be evicted.
    fn choose(
        &mut self,
        settings: MemorySettings,
        count: usize,
        passed_over: &mut PassedOver,
    ) -> Vec<EvictedKey> {
        let MemorySettings { policy, samples, .. } = settings;
        if policy == EvictionPolicy::VolatileTtl {
            return self.engine.soonest(count);
        }
        let Self { engine, eviction, memory, clock, .. } = self;
        let now = clock.instant();
        let mut chosen = Vec::with_capacity(count);
        for _ in 0..count {
            let expires = policy.only_expiring();
            let mut random = || eviction.next();
            let key = if policy.is_lru() || policy.is_lfu() {
                memory.with_uses(|uses| {
                    for _ in 0..samples {
                        if let Some(key) = engine.sample(expires, &mut random) {
                            passed_over.add(worth(uses, policy, &key.1, now), key);
                        }
                    }
                });
                passed_over.take()
            } else {
                engine.sample(expires, &mut random)
            };
            let Some(key) = key else { break };
            if !chosen.contains(&key) {
                chosen.push(key);
            }
        }
        chosen
    }

    /// Removes keys by a group of their own; returns the number of those that were there.
    fn remove_evicted(&mut self, keys: Vec<EvictedKey>) -> usize {
        let (now, next) = (self.clock.now(), self.engine.next_sequence());
        let resolver = Resolver::new(&*self.reader, self.limits, now, next, true);
        let mut resolver = resolver.syncing(self.always_syncs());
        for (keyspace, key) in keys {
            self.memory.with_uses(|uses| uses.forget(&key));
            // A key that is not there any more makes no mutation; after a failed read it is chosen
            // another time.
            let operation = WriteOperation::Remove { key };
            let _ = resolver.add(Batch::single(KeyspaceOperation { keyspace, operation }));
        }
        let (mut group, _) = resolver.finish();
        let removed = group.mutations();
        #[cfg(test)]
        let keys = group.batches().flatten().map(|it| (it.keyspace, it.key().unwrap().to_vec()));
        #[cfg(test)]
        let keys = keys.collect();
        let committed = self.apply(&mut group, RemovalCause::Eviction);
        #[cfg(test)]
        self.eviction.groups.push((next, keys, committed.clone()));
        if committed.is_err() {
            return 0;
        }
        self.removed.note_evicted(removed);
        removed
    }
}

/// Returns the worth of a key: 0 if no use of it is known, else more for those that are used more
/// often, or were used later.
fn worth(uses: &AccessTable, policy: EvictionPolicy, key: &[u8], now: Instant) -> u64 {
    if policy.is_lfu() {
        return uses.frequency(key, now).map_or(0, |frequency| u64::from(frequency) + 1);
    }
    let milliseconds = |idle: Duration| u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
    uses.idle_time(key, now).map_or(0, |idle| u64::MAX - milliseconds(idle))
}
