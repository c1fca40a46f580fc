//! Reads of a range at one point in time, with answers bounded in entries and bytes.

use std::ops::{Bound, ControlFlow};

use crate::protocol::native::{ByteString, LIST_ITEMS_MAX, ScanEntry, Success};
use crate::store::scan::ScannedEntry;
use crate::{Result, Store};

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
    while entries.len() < limit && bytes < ANSWER_BYTES_MAX && !scan.is_at_end() {
        // At most as many as are still wanted, so that the last entry is where the client goes on.
        scan.page(limit - entries.len(), &mut |ScannedEntry { key, value, .. }| {
            bytes += key.len() + value.len();
            let value = (!keys_only).then(|| value.to_vec().into());
            entries.push(ScanEntry { key: key.to_vec().into(), value });
            match bytes {
                ANSWER_BYTES_MAX.. => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
    }
    let more = !scan.is_at_end();
    Ok(Success::Entries { entries, more })
}
