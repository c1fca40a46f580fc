//! When keys were used last, and how often, for those who choose keys to evict.
//!
//! A fixed number of cells is chosen among by the hash of a key, so a key that shares its cell with
//! one that is used more often seems to be used as often. A cell is replaced without a lock, and a
//! use that comes between is not counted.

use std::time::{Duration, Instant};

use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

use crate::sync::{AtomicU64, Ordering, random_seed};

/// The bytes of memory of the store for each cell: keys take some 70 bytes and more in the index.
const BYTES_PER_CELL: u64 = 128;

/// The least number of cells, and the most.
const CELLS_MIN: u64 = 1 << 6;
const CELLS_MAX: u64 = 1 << 26;

/// The unit of the times of use.
const TICK: Duration = Duration::from_millis(100);

/// The frequency of a key that was just set, so that it is not evicted before it is used.
const FREQUENCY_AT_FIRST: u8 = 5;

/// The factor by which a use counts less, the more uses there were, as in Redis.
const LOG_FACTOR: u32 = 10;

/// The ticks without a use after which the frequency falls by one: a minute, as in Redis.
const TICKS_PER_DECAY: u32 = 600;

/// The last use of a key, and its uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Uses {
    /// The tick of the last one; zero if none is known.
    tick: u32,
    /// Grows with the logarithm of the number of uses, and falls with time (the counter of
    /// [Morris](https://doi.org/10.1145/359619.359627), without its dice).
    frequency: u8,
    /// The uses since the frequency grew last.
    progress: u32,
}

impl Uses {
    fn unpack(packed: u64) -> Self {
        let [frequency, a, b, c, ticks @ ..] = packed.to_le_bytes();
        let progress = u32::from_le_bytes([a, b, c, 0]);
        Self { tick: u32::from_le_bytes(ticks), frequency, progress }
    }

    fn pack(self) -> u64 {
        let [a, b, c, _] = self.progress.to_le_bytes();
        let [d, e, f, g] = self.tick.to_le_bytes();
        u64::from_le_bytes([self.frequency, a, b, c, d, e, f, g])
    }

    /// Returns the frequency at a later tick.
    fn frequency_at(self, tick: u32) -> u8 {
        let fallen = tick.saturating_sub(self.tick) / TICKS_PER_DECAY;
        self.frequency.saturating_sub(u8::try_from(fallen).unwrap_or(u8::MAX))
    }

    /// Returns the uses and one more.
    fn and_one_at(self, tick: u32) -> Self {
        if self.tick == 0 {
            return Self { tick, frequency: FREQUENCY_AT_FIRST, progress: 0 };
        }
        let frequency = self.frequency_at(tick);
        let above = u32::from(frequency.saturating_sub(FREQUENCY_AT_FIRST));
        match self.progress + 1 {
            progress if progress > above * LOG_FACTOR => {
                Self { tick, frequency: frequency.saturating_add(1), progress: 0 }
            }
            progress => Self { tick, frequency, progress },
        }
    }
}

/// The uses of keys, by the hashes of these.
pub(super) struct AccessTable {
    /// A secret, so that no client can choose keys that share a cell.
    secrets: RapidSecrets,
    cells: Box<[AtomicU64]>,
    begin: Instant,
}

impl AccessTable {
    /// Returns a table for as many keys as fit into this memory.
    pub(super) fn new(memory: u64, now: Instant) -> Self {
        let cells = (memory / BYTES_PER_CELL).clamp(CELLS_MIN, CELLS_MAX).next_power_of_two();
        let secrets = RapidSecrets::seed(random_seed());
        let cells = (0..cells).map(|_| AtomicU64::new(0)).collect();
        Self { secrets, cells, begin: now }
    }

    /// Returns the bytes of memory that it takes.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val(&*self.cells) as u64
    }

    /// Notes that a key is read or set.
    pub(super) fn note_use(&self, key: &[u8], now: Instant) {
        let cell = self.cell(key);
        let before = cell.load(Ordering::Relaxed);
        let after = Uses::unpack(before).and_one_at(self.tick(now)).pack();
        // A line of memory that nobody writes stays in every processor's cache.
        if after != before {
            cell.store(after, Ordering::Relaxed);
        }
    }

    /// Notes that a key is gone.
    pub(super) fn forget(&self, key: &[u8]) {
        self.cell(key).store(0, Ordering::Relaxed);
    }

    /// Returns the time since the last use of a key; `None` if none is known.
    pub(super) fn idle_time(&self, key: &[u8], now: Instant) -> Option<Duration> {
        let uses = self.uses(key);
        (uses.tick > 0).then(|| TICK * self.tick(now).saturating_sub(uses.tick))
    }

    /// Returns a number from 0 to 255 that grows with the logarithm of the number of uses of a key,
    /// and falls by one in a minute without one; `None` if no use is known.
    pub(super) fn frequency(&self, key: &[u8], now: Instant) -> Option<u8> {
        let uses = self.uses(key);
        (uses.tick > 0).then(|| uses.frequency_at(self.tick(now)))
    }

    fn uses(&self, key: &[u8]) -> Uses {
        Uses::unpack(self.cell(key).load(Ordering::Relaxed))
    }

    /// Returns the ticks since a bit before the table was made.
    fn tick(&self, now: Instant) -> u32 {
        let ticks = now.saturating_duration_since(self.begin).as_millis() / TICK.as_millis();
        u32::try_from(ticks + 1).unwrap_or(u32::MAX)
    }

    fn cell(&self, key: &[u8]) -> &AtomicU64 {
        let last = self.cells.len() - 1;
        let hash = usize::try_from(rapidhash_v3_seeded(key, &self.secrets) >> 32);
        &self.cells[hash.unwrap_or_default() & last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync;

    #[test]
    fn uses_are_packed_into_a_cell() {
        let uses = Uses { tick: u32::MAX - 7, frequency: 200, progress: 70_000 };
        assert_eq!(Uses::unpack(uses.pack()), uses);
        assert_eq!(Uses::unpack(0).tick, 0);
    }

    #[test]
    fn a_key_is_idle_since_its_last_use() {
        let begin = sync::now();
        let table = AccessTable::new(0, begin);
        let later = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(table.idle_time(b"a", later(9)), None);
        table.note_use(b"a", later(1));
        table.note_use(b"a", later(3));
        assert_eq!(table.idle_time(b"a", later(9)), Some(Duration::from_secs(6)));
        // Clocks of two threads may be a bit apart.
        assert_eq!(table.idle_time(b"a", later(2)), Some(Duration::ZERO));
        table.forget(b"a");
        assert_eq!(table.idle_time(b"a", later(9)), None);
    }

    #[test]
    fn a_frequency_grows_with_the_logarithm_of_the_uses_and_falls_with_time() {
        let begin = sync::now();
        let table = AccessTable::new(0, begin);
        let after = |uses: u32| {
            table.forget(b"a");
            (0..uses).for_each(|_| table.note_use(b"a", begin));
            table.frequency(b"a", begin)
        };
        // About those of the table in redis.conf for lfu-log-factor 10.
        assert_eq!((after(0), after(1)), (None, Some(5)));
        assert_eq!([100, 1000, 100_000].map(after), [Some(9), Some(19), Some(146)]);
        assert_eq!(after(2_000_000), Some(255));
        let minutes = |count: u64| begin + Duration::from_secs(60 * count);
        assert_eq!(table.frequency(b"a", minutes(5)), Some(250));
        assert_eq!(table.frequency(b"a", minutes(1000)), Some(0));
        table.note_use(b"a", minutes(5));
        assert_eq!(table.frequency(b"a", minutes(5)), Some(250));
    }

    #[test]
    fn the_table_grows_with_the_memory() {
        let bytes = |memory| AccessTable::new(memory, sync::now()).bytes();
        assert_eq!([0, 100 << 20].map(bytes), [512, 8 << 20]);
    }
}
