//! Reads of a range at one point in time, with answers bounded in entries and bytes.

use std::ops::Bound;

use crate::protocol::native::{ByteString, LIST_ITEMS_MAX, ScanEntry, Success};
use crate::{Result, Store};

/// The keys of the first page; few, because their values may be large.
const PAGE_KEYS_MIN: usize = 8;

/// The most keys per page; pages grow up to it.
const PAGE_KEYS_MAX: usize = 256;

/// The bytes of keys and values that end an answer early; the client goes on behind its last key.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Returns the first entries of a range; expired keys are left out.
pub(super) fn scan(
    store: &Store,
    start: Bound<ByteString<'_>>,
    end: Bound<ByteString<'_>>,
    reverse: bool,
    limit: u32,
    keys_only: bool,
) -> Result<Success<'static>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(LIST_ITEMS_MAX);
    let (start, end) = (start.map(ByteString::into_vec), end.map(ByteString::into_vec));
    let mut scan = store.scan_at_once(start, end, reverse, keys_only)?;
    let mut entries = Vec::new();
    let mut bytes = 0;
    let mut page_keys = PAGE_KEYS_MIN;
    while entries.len() < limit {
        // At most as many as are still wanted, so that the last entry is where the client goes on.
        for found in scan.page(page_keys.min(limit - entries.len()))? {
            bytes += found.key.len() + found.entry.value.len();
            entries.push(ScanEntry {
                key: found.key.into(),
                value: (!keys_only).then(|| found.entry.value.into()),
            });
            if bytes >= ANSWER_BYTES_MAX {
                return Ok(Success::Entries { entries, more: true });
            }
        }
        if scan.is_at_end() {
            return Ok(Success::Entries { entries, more: false });
        }
        page_keys = (page_keys * 2).min(PAGE_KEYS_MAX);
    }
    Ok(Success::Entries { entries, more: true })
}
