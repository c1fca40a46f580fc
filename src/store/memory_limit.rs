//! The limit on the memory of a store's keys, which every handle sees and may change.

use std::time::{Duration, Instant};

use super::access_table::AccessTable;
use crate::engine::Capabilities;
use crate::options::{EvictionPolicy, Options};
use crate::sync::{Mutex, PublishedOption, UnscheduledFlag, UnscheduledNumber, lock};
use crate::{EngineKind, Error, Result};

/// The limit on the memory of a store's keys, and what is done at it.
pub(crate) struct MemoryLimit {
    settings: Mutex<MemorySettings>,
    /// The bytes that the settings have; zero for no limit.
    bytes_max: UnscheduledNumber,
    /// True if their policy evicts nothing.
    never_evicts: UnscheduledFlag,
    /// True if it is noted when keys are used.
    notes_uses: UnscheduledFlag,
    uses: PublishedOption<AccessTable>,
    /// The bytes that others hold on behalf of the store, as they said last.
    others: UnscheduledNumber,
    /// The bytes that count against the limit, as of the last group.
    used: UnscheduledNumber,
    /// True if they are over the limit, and nothing could be evicted.
    has_nothing_left: UnscheduledFlag,
}

/// The settings of a memory limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemorySettings {
    /// The bytes; zero for no limit.
    pub(crate) bytes_max: u64,
    pub(crate) policy: EvictionPolicy,
    /// The keys at random among which one is chosen to be evicted.
    pub(crate) samples: usize,
}

/// Returns an error if an engine cannot have a limit of so many bytes.
pub(super) fn check(bytes_max: u64, kind: EngineKind, capabilities: Capabilities) -> Result<()> {
    if bytes_max == 0 || capabilities.metadata_in_memory {
        return Ok(());
    }
    let feature = "a limit on the memory of keys, which it does not keep in memory";
    Err(Error::Unsupported { engine: kind.name(), feature })
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
            bytes_max: UnscheduledNumber::default(),
            never_evicts: UnscheduledFlag::default(),
            notes_uses: UnscheduledFlag::default(),
            uses: PublishedOption::default(),
            others: UnscheduledNumber::default(),
            used: UnscheduledNumber::default(),
            has_nothing_left: UnscheduledFlag::default(),
        };
        limit.change(now, |_| {});
        limit
    }

    /// Returns true if there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.bytes_max.get() > 0
    }

    /// Returns the bytes of the limit; zero for none.
    pub(super) fn bytes_max(&self) -> u64 {
        self.bytes_max.get()
    }

    /// Returns the settings.
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
        self.never_evicts.set(policy == EvictionPolicy::NoEviction);
        self.has_nothing_left.set(false);
        self.bytes_max.set(bytes_max);
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
        self.others.set(bytes as u64);
    }

    /// Returns the bytes that count against the limit beside those of the engine.
    pub(super) fn others(&self) -> u64 {
        self.others.get() + self.with_uses(AccessTable::bytes).unwrap_or(0)
    }

    /// Notes the bytes that count against the limit.
    pub(super) fn note_used(&self, bytes: u64) {
        self.used.set(bytes);
    }

    /// Notes whether nothing could be evicted although they are over the limit.
    pub(super) fn note_nothing_left(&self, has_nothing_left: bool) {
        self.has_nothing_left.set(has_nothing_left);
    }

    /// Returns true if a write that may add something would be refused, as of the last group.
    pub(crate) fn is_full(&self) -> bool {
        let bytes_max = self.bytes_max.get();
        let is_over = bytes_max > 0 && self.used.get() > bytes_max;
        is_over && (self.never_evicts.get() || self.has_nothing_left.get())
    }

    /// Returns the bytes that count against the limit, as of the last group; `None` without a
    /// limit.
    pub(crate) fn used(&self) -> Option<u64> {
        self.is_limited().then(|| self.used.get())
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
