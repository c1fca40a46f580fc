//! The plan of a store: the memory and the disk space that data will take, from the format and the
//! sizes of what is in memory, and the time of opening, from constants that were measured.

use std::time::Duration;

use crate::storage::cache::cached_bytes;
use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::hint::ENTRIES_AT;
use crate::storage::format::hint_entry::HintEntry;
use crate::storage::format::record::{Extent, put_bytes};
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::packed_bytes;
use crate::storage::log::reserve::reserve_bytes_max;
use crate::storage::segment::Location;
use crate::{Options, PlannedData, StoragePlan};

/// The memory of an index whose keys came in random order, in hundredths of one whose leaves are
/// full. `tests/plan.rs` keeps it true.
const RANDOM_ORDER_PERCENT: u64 = 121;

/// The time of opening a store for each key, if its segments have hints: 1524 ms for ten million
/// keys, on the machine of `docs/benchmarks.md`. `benches/plan.rs` measures it.
const OPEN_NANOS_PER_KEY: u64 = 152;

/// The bytes of a segment without a hint that an opening reads in a microsecond: 64 MiB made the
/// opening after a kill 191 ms longer there.
const OPEN_BYTES_PER_MICROSECOND: u64 = 350;

/// Returns what the data will take in a store with these options.
pub(crate) fn plan(options: &Options, data: &PlannedData) -> StoragePlan {
    let PlannedData { keys, key_bytes, value_bytes } = *data;
    let segment_bytes = options.segment_bytes_max;
    let record = put_bytes(key_bytes, value_bytes);
    let record_bytes = record.saturating_add(FRAME_HEADER_BYTES as u64);
    let records = keys.saturating_mul(record_bytes);
    let marks = (SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES) as u64;
    let segments = records.div_ceil(segment_bytes).max(1);
    let log_bytes = records.saturating_add(segments.saturating_mul(marks));
    // In the middle of a segment, and as late as the last one.
    let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let extent = Extent { offset: short(segment_bytes / 2), length: short(record) };
    let entry = HintEntry::put_bytes(key_bytes, Sequence(keys), extent);
    let hints = segments.saturating_mul(ENTRIES_AT as u64);
    let packed = packed_bytes::<Location>(keys, key_bytes);
    // Garbage is looked at whenever so much of it is new.
    let new_garbage = options.compaction_bytes_min / 4;
    let garbage_bytes_max = records.max(options.compaction_bytes_min).saturating_add(new_garbage);
    let cached = keys.saturating_mul(cached_bytes(key_bytes, value_bytes));
    let unhinted = log_bytes.min(segment_bytes);
    let open = Duration::from_nanos(keys.saturating_mul(OPEN_NANOS_PER_KEY));
    let read = Duration::from_micros(unhinted / OPEN_BYTES_PER_MICROSECOND);
    StoragePlan {
        index_bytes: packed.saturating_mul(RANDOM_ORDER_PERCENT) / 100,
        index_bytes_opened: packed,
        cache_bytes: cached.min(options.cache_bytes as u64),
        record_bytes,
        log_bytes,
        hint_bytes: keys.saturating_mul(entry).saturating_add(hints),
        garbage_bytes_max,
        compaction_bytes: records.min(segment_bytes),
        reserve_bytes: reserve_bytes_max(
            log_bytes.saturating_add(garbage_bytes_max),
            segment_bytes,
        ),
        open_after_close: open,
        open_after_kill: open + read,
    }
}
