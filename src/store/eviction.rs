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
use super::memory_limit::MemorySettings;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::resolve::Resolver;
use super::writer::Writer;
use crate::engine::{Group, KeyspaceId, Mutation};
use crate::options::EvictionPolicy;
use crate::{Error, sync};
#[cfg(test)]
use crate::{Result, engine::Sequence};

/// The most keys that one turn evicts, so that writes wait behind few of them.
const EVICTED_PER_TURN: usize = 256;

/// The most keys that one group evicts.
const EVICTED_PER_GROUP: usize = 32;

/// The part of the limit, one in so many, that is freed at once, so that not every write has to.
const FREED_PART: u64 = 1024;

/// The part of the limit, one in so many, that the cache of records may always take.
const CACHE_PART: u64 = 16;

/// The most keys that are remembered to be evicted later in the turn.
const PASSED_OVER_MAX: usize = 16;

/// A key with its keyspace.
pub(super) type PlacedKey = (KeyspaceId, Vec<u8>);

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

/// The state of evictions.
pub(super) struct Eviction {
    /// The state of the generator that chooses keys.
    random: u64,
    /// The memory is used up, and nothing may be evicted: what may add something is refused.
    pub(super) is_full: bool,
    /// The last turn did not evict enough, and another one may.
    pub(super) has_more: bool,
    /// The groups of evictions since the last look: the first version, the keys, how it went.
    #[cfg(test)]
    pub(super) groups: Vec<(Sequence, Vec<PlacedKey>, Result<()>)>,
}

impl Eviction {
    /// Returns the state of a store that has evicted nothing.
    pub(super) fn new() -> Self {
        let random = u64::try_from(sync::random() >> 64).unwrap_or_default();
        Self {
            random,
            is_full: false,
            has_more: false,
            #[cfg(test)]
            groups: Vec::new(),
        }
    }

    /// Returns a number at random ([SplitMix64](https://doi.org/10.1145/2660193.2660195)).
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Writer {
    /// Returns true if the memory is used up, so that the next write has to evict something first.
    pub(super) fn is_over_memory(&self) -> bool {
        self.memory.is_limited() && self.memory_used() > self.memory.settings().bytes_max
    }

    /// Evicts keys while more memory is used than there may be, and notes whether that was of use.
    pub(super) fn evict_if_over(&mut self) {
        (self.eviction.is_full, self.eviction.has_more) = (false, false);
        if !self.memory.is_limited() {
            return self.memory.note_used(0, false);
        }
        if self.health.failure().is_some() {
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
            }
        }
        self.memory.note_used(used, self.eviction.is_full);
        let left = settings.bytes_max.saturating_sub(used);
        self.engine.limit_cache(left.max(settings.bytes_max / CACHE_PART));
    }

    /// Notes that something can be added again if a group has freed enough: whoever is told of the
    /// group may add something at once.
    pub(super) fn note_freed_memory(&mut self) {
        if self.eviction.is_full && !self.is_over_memory() {
            self.eviction.is_full = false;
            self.memory.note_used(self.memory_used(), false);
        }
    }

    /// Returns the error of batches that may add something, if there is no memory for more.
    pub(super) fn memory_full(&self) -> Option<Error> {
        self.eviction.is_full.then(|| Error::MemoryFull {
            used: self.memory_used(),
            max: self.memory.settings().bytes_max,
        })
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
        let cache_max = self.memory.settings().bytes_max / CACHE_PART;
        let cache = self.engine.cache_bytes().min(cache_max);
        self.engine.index_bytes() + cache + self.memory.others()
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
    ) -> Vec<PlacedKey> {
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
    fn remove_evicted(&mut self, keys: Vec<PlacedKey>) -> usize {
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
        self.memory.note_evictions(removed as u64);
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

/// The keys that were looked at in a turn and are not evicted yet, with their worth, the highest
/// first.
#[derive(Default)]
struct PassedOver(Vec<(u64, PlacedKey)>);

impl PassedOver {
    /// Adds a key; only those stay that are worth least.
    fn add(&mut self, worth: u64, key: PlacedKey) {
        if self.0.iter().any(|(_, other)| *other == key) {
            return;
        }
        let place = self.0.partition_point(|(other, _)| *other >= worth);
        self.0.insert(place, (worth, key));
        if self.0.len() > PASSED_OVER_MAX {
            self.0.remove(0);
        }
    }

    /// Takes the key that is worth least.
    fn take(&mut self) -> Option<PlacedKey> {
        self.0.pop().map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_keys_that_were_passed_over_the_one_of_least_worth_is_taken_first() {
        let mut keys = PassedOver::default();
        let key = |number: u8| (KeyspaceId::DEFAULT, vec![number]);
        for number in [7, 3, 30, 3, 9, 1, 40] {
            keys.add(number.into(), key(number));
        }
        assert_eq!([keys.take(), keys.take(), keys.take()], [1, 3, 7].map(|it| Some(key(it))));
        for number in 100..130 {
            keys.add(number.into(), key(number));
        }
        assert_eq!(keys.0.len(), PASSED_OVER_MAX);
        assert_eq!(keys.take(), Some(key(9)));
    }
}
