//! The plan of a store: what so much data will take.

use std::time::Duration;

/// The data that a store is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlannedData {
    /// The number of keys.
    pub keys: u64,
    /// The length of a key in bytes, on average.
    pub key_bytes: u64,
    /// The length of a value in bytes, on average.
    pub value_bytes: u64,
}

/// The memory, the disk space and the time of opening that data will take; see
/// [`Store::plan`](crate::Store::plan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoragePlan {
    /// The bytes of memory of the index when keys were set in any order; see
    /// [`IndexStats::bytes`](crate::IndexStats::bytes).
    pub index_bytes: u64,
    /// The bytes of memory of the index after an opening, or when keys were set in their order.
    pub index_bytes_opened: u64,
    /// The bytes of memory of the cache, once all keys were read or it is full.
    pub cache_bytes: u64,
    /// The bytes of a key and its value in the log, set by themselves. In a batch of many keys it
    /// is 32 less.
    pub record_bytes: u64,
    /// The bytes of the log with one record for each key.
    pub log_bytes: u64,
    /// The bytes of the hints of these segments, which make the next opening faster.
    pub hint_bytes: u64,
    /// The bytes of overwritten and removed records that the log holds before it is compacted.
    pub garbage_bytes_max: u64,
    /// The bytes of the segment that a compaction writes before it removes others.
    pub compaction_bytes: u64,
    /// The bytes of the reserve for a full disk, at the most.
    pub reserve_bytes: u64,
    /// The time of opening after a clean close with all hints, on the machine of the project's
    /// benchmarks.
    pub open_after_close: Duration,
    /// The time of opening after a kill, which reads the last segment, on the same machine.
    pub open_after_kill: Duration,
}

impl StoragePlan {
    /// Returns the bytes on the disk when each key was set once.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.log_bytes.saturating_add(self.hint_bytes).saturating_add(self.reserve_bytes)
    }

    /// Returns the bytes on the disk at the most, while keys are overwritten and removed.
    #[must_use]
    pub fn disk_bytes_max(&self) -> u64 {
        let more = self.garbage_bytes_max.saturating_add(self.compaction_bytes);
        // Segments have hints, whatever part of them is garbage.
        let hints = u128::from(self.hint_bytes) * u128::from(more);
        let hints = hints.checked_div(self.log_bytes.into()).unwrap_or(0);
        let hints = u64::try_from(hints).unwrap_or(u64::MAX);
        self.disk_bytes().saturating_add(more).saturating_add(hints)
    }
}
