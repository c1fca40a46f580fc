//! The limit on the memory of a store's keys, which every handle sees and may change.

use std::time::{Duration, Instant};

use super::access_table::AccessTable;
use crate::options::{EvictionPolicy, Options};
use crate::sync::{
    AtomicU64, AtomicUsize, Mutex, Ordering, PublishedOption, UnscheduledFlag, lock,
};

/// The limit on the memory of a store's keys, and what is done at it.
pub(crate) struct MemoryLimit {
    settings: Mutex<MemorySettings>,
    /// True if there is a limit.
    is_limited: UnscheduledFlag,
    /// True if it is noted when keys are used.
    notes_uses: UnscheduledFlag,
    uses: PublishedOption<AccessTable>,
    /// The bytes that others hold on behalf of the store, as they said last.
    others: AtomicUsize,
    /// The bytes that count against the limit, as of the writer's last turn.
    used: AtomicU64,
    evictions: AtomicU64,
    /// True if what may add something was refused in the writer's last turn, or would have been.
    is_full: UnscheduledFlag,
}

/// What may be chosen about the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemorySettings {
    /// The bytes; zero for no limit.
    pub(crate) bytes_max: u64,
    pub(crate) policy: EvictionPolicy,
    /// The keys at random among which one is chosen to be evicted.
    pub(crate) samples: usize,
}

impl MemoryLimit {
    /// Returns the limit that the options state.
    pub(super) fn new(options: &Options, now: Instant) -> Self {
        let settings = MemorySettings {
            bytes_max: options.memory_max,
            policy: options.eviction,
            samples: options.eviction_samples,
        };
        let limit = Self {
            settings: Mutex::new(settings),
            is_limited: UnscheduledFlag::default(),
            notes_uses: UnscheduledFlag::default(),
            uses: PublishedOption::default(),
            others: AtomicUsize::new(0),
            used: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            is_full: UnscheduledFlag::default(),
        };
        limit.change(now, |_| {});
        limit
    }

    /// Returns true if there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.is_limited.get()
    }

    /// Returns what was chosen about the limit.
    pub(crate) fn settings(&self) -> MemorySettings {
        *lock(&self.settings)
    }

    /// Changes the limit.
    pub(super) fn change(&self, now: Instant, change: impl FnOnce(&mut MemorySettings)) {
        let mut settings = lock(&self.settings);
        let before = *settings;
        change(&mut settings);
        let MemorySettings { bytes_max, policy, .. } = *settings;
        let notes_uses = bytes_max > 0 && (policy.is_lru() || policy.is_lfu());
        // A table for another number of keys begins anew.
        if !notes_uses || !self.notes_uses.get() || before.bytes_max != bytes_max {
            self.uses.swap(notes_uses.then(|| AccessTable::new(bytes_max, now)));
        }
        self.notes_uses.set(notes_uses);
        self.is_limited.set(bytes_max > 0);
    }

    /// Returns true if it is noted when keys are used.
    pub(super) fn notes_uses(&self) -> bool {
        self.notes_uses.get()
    }

    /// Returns the result of a function, called with the uses of keys if these are noted.
    pub(super) fn with_uses<T>(&self, look: impl FnOnce(&AccessTable) -> T) -> Option<T> {
        if !self.notes_uses() {
            return None;
        }
        self.uses.load().as_deref().map(look)
    }

    /// Returns the time since the last use of a key, if that is noted and known.
    pub(super) fn idle_time(&self, key: &[u8], now: Instant) -> Option<Duration> {
        self.with_uses(|uses| uses.idle_time(key, now)).flatten()
    }

    /// Returns a measure of how often a key is used, if that is noted; see
    /// [`AccessTable::frequency`].
    pub(super) fn frequency(&self, key: &[u8], now: Instant) -> Option<u8> {
        self.with_uses(|uses| uses.frequency(key, now).unwrap_or(0))
    }

    /// Notes the bytes that others hold on behalf of the store.
    pub(crate) fn note_others(&self, bytes: usize) {
        self.others.store(bytes, Ordering::Relaxed);
    }

    /// Returns the bytes that count against the limit beside those of the engine.
    pub(super) fn others(&self) -> u64 {
        let others = self.others.load(Ordering::Relaxed) as u64;
        others + self.with_uses(AccessTable::bytes).unwrap_or(0)
    }

    /// Notes the bytes that count against the limit, and whether nothing can be added to them.
    pub(super) fn note_used(&self, bytes: u64, is_full: bool) {
        self.used.store(bytes, Ordering::Relaxed);
        self.is_full.set(is_full);
    }

    /// Returns true if a write that may add something would be refused, as of the writer's last
    /// turn.
    pub(crate) fn is_full(&self) -> bool {
        self.is_limited() && self.is_full.get()
    }

    /// Returns the bytes that count against the limit, as of the writer's last turn; `None` without
    /// a limit.
    pub(crate) fn used(&self) -> Option<u64> {
        self.is_limited().then(|| self.used.load(Ordering::Relaxed))
    }

    /// Counts keys that were evicted.
    pub(super) fn note_evictions(&self, count: u64) {
        self.evictions.fetch_add(count, Ordering::Relaxed);
    }

    /// Returns the number of keys that were evicted since the store was opened.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync;

    #[test]
    fn uses_are_noted_while_a_policy_needs_them_and_there_is_a_limit() {
        let now = sync::now();
        let options = Options::new("unused").memory_max(1 << 20);
        let limit = MemoryLimit::new(&options, now);
        assert!(limit.is_limited() && !limit.notes_uses());
        assert_eq!((limit.others(), limit.frequency(b"a", now)), (0, None));
        limit.change(now, |settings| settings.policy = EvictionPolicy::AllKeysLfu);
        assert_eq!(limit.frequency(b"a", now), Some(0));
        limit.with_uses(|uses| uses.note_use(b"a", now));
        // The uses stay if only another policy needs them.
        limit.change(now, |settings| settings.policy = EvictionPolicy::VolatileLru);
        assert_eq!(limit.idle_time(b"a", now), Some(Duration::ZERO));
        assert!(limit.others() > 0);
        limit.change(now, |settings| settings.bytes_max = 0);
        assert!(!limit.notes_uses() && limit.used().is_none());
        assert_eq!(limit.idle_time(b"a", now), None);
    }
}
