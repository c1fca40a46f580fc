//! Eviction: the removal of keys by the writer when the memory of the store is used up.
//!
//! Before a group of writes the writer looks at the memory that the keys take, and at the limit
//! ([`MemoryLimit`](super::memory_limit::MemoryLimit)). It removes keys by [groups of its
//! own](super::own_removals): the removals are in the log, and whoever watches is told of them.
//! Batches that may add something are refused where nothing may be removed.
//!
//! A key is chosen among a few at random, and among those that were passed over before, as
//! [Redis does](https://redis.io/docs/latest/develop/reference/eviction/). Versions that only
//! snapshots see do not count: no removal would free them.

use std::time::{Duration, Instant};

use super::access_table::AccessTable;
use super::change::RemovalCause;
use super::eviction_state::{EvictedKey, EvictionEnd, PassedOver};
use super::memory_limit::MemorySettings;
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

impl Writer {
    /// Returns true if the memory is used up, so that the next write has to evict something first.
    pub(super) fn is_over_memory(&self) -> bool {
        self.memory.is_limited() && self.note_memory() > self.memory.bytes_max()
    }

    /// Evicts keys as before a write, unless the last time failed and nothing has changed since.
    pub(super) fn evict_between_writes(&mut self) {
        if self.eviction.ended != EvictionEnd::Failure {
            self.evict_if_over();
        }
    }

    /// Evicts keys while more memory is used than there may be, and notes whether that was of use.
    pub(super) fn evict_if_over(&mut self) {
        self.eviction.ended = EvictionEnd::Enough;
        if !self.memory.is_limited() || self.health.failure().is_some() {
            return;
        }
        let settings = self.memory.settings();
        if self.memory_used() > settings.bytes_max {
            let ended = self.evict(settings);
            if self.memory_used() > settings.bytes_max {
                self.eviction.ended = ended;
            }
        }
        let used = self.note_memory();
        self.memory.note_nothing_left(self.eviction.ended == EvictionEnd::NothingLeft);
        let left = settings.bytes_max.saturating_sub(used);
        self.engine.limit_cache(left.max(settings.bytes_max / CACHE_PART));
    }

    /// Notes the memory that is used, and returns it. After a group that is done before anybody is
    /// told of the group, because whoever is may add something if there is room for it.
    pub(super) fn note_memory(&self) -> u64 {
        let used = self.memory_used();
        self.memory.note_used(used);
        used
    }

    /// Returns the error of batches that may add something, if there is no memory for more.
    pub(super) fn memory_full(&self) -> Option<Error> {
        let full = || Error::MemoryFull { used: self.memory_used(), max: self.memory.bytes_max() };
        self.memory.is_full().then(full)
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
    fn evict(&mut self, settings: MemorySettings) -> EvictionEnd {
        let MemorySettings { bytes_max, policy, .. } = settings;
        if policy == EvictionPolicy::NoEviction {
            return EvictionEnd::NothingLeft;
        }
        let target = bytes_max - bytes_max / FREED_PART;
        let (mut evicted, mut passed_over) = (0, PassedOver::default());
        while evicted < EVICTED_PER_TURN {
            let excess = self.memory_used().saturating_sub(target);
            if excess == 0 {
                return EvictionEnd::Enough;
            }
            let count =
                usize::try_from(excess.div_ceil(self.bytes_per_key())).unwrap_or(usize::MAX);
            let chosen = self.choose(settings, count.min(EVICTED_PER_GROUP), &mut passed_over);
            if chosen.is_empty() {
                return EvictionEnd::NothingLeft;
            }
            match self.remove_evicted(chosen) {
                0 => return EvictionEnd::Failure,
                removed => evicted += removed,
            }
        }
        EvictionEnd::Turn
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

    /// Removes keys that were chosen; returns the number of those that are gone.
    fn remove_evicted(&mut self, keys: Vec<EvictedKey>) -> usize {
        log::debug!("evicting {} keys", keys.len());
        self.memory.with_uses(|uses| keys.iter().for_each(|(_, key)| uses.forget(key)));
        #[cfg(test)]
        let (first, chosen) = (self.engine.next_sequence(), keys.clone());
        let removed = self.remove_keys(keys, RemovalCause::Eviction);
        #[cfg(test)]
        self.eviction.groups.push((first, chosen, removed.clone()));
        removed.unwrap_or(0)
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
