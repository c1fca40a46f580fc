//! Scans of the native protocol: pages at one point in time, bounded in entries and bytes.

use std::ops::Bound;

use crate::engine::KeyRange;
use crate::engine::ScanPage;
use crate::protocol::native::{Answer, Bytes, Entry, LIST_ITEMS_MAX};
use crate::{Error, Result, Store};

/// How many keys the first page visits; few, because their values may be large.
const PAGE_KEYS_MIN: usize = 8;

/// How many keys a page visits at most; pages grow up to it as long as values turn out small.
const PAGE_KEYS_MAX: usize = 256;

/// How many bytes of keys and values end an answer early; the client goes on behind its last key.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// The first entries of a range; expired keys are left out.
pub(super) fn scan(
    store: &Store,
    start: Bound<Bytes<'_>>,
    end: Bound<Bytes<'_>>,
    reverse: bool,
    limit: u32,
    keys_only: bool,
) -> Result<Answer<'static>> {
    let mut range =
        KeyRange { start: start.map(Bytes::into_vec), end: end.map(Bytes::into_vec), reverse };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(LIST_ITEMS_MAX);
    let snapshot = match store.reader().snapshot() {
        Ok(snapshot) => Some(snapshot),
        Err(Error::Unsupported { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    let mut bytes = 0;
    let mut page_keys = PAGE_KEYS_MIN;
    while entries.len() < limit {
        let page = store.reader().scan(&ScanPage {
            range: &range,
            snapshot: snapshot.as_ref(),
            // At most what is still wanted, so that the last entry is where the client goes on.
            limit: page_keys.min(limit - entries.len()),
            keys_only,
        })?;
        for scanned in page.entries {
            if store.clock().is_past(scanned.entry.expires_at) {
                continue;
            }
            bytes += scanned.key.len() + scanned.entry.value.len();
            entries.push(Entry {
                key: scanned.key.into(),
                value: (!keys_only).then(|| scanned.entry.value.into()),
            });
            if bytes >= ANSWER_BYTES_MAX {
                return Ok(Answer::Entries { entries, more: true });
            }
        }
        let Some(key) = page.resume_after else {
            return Ok(Answer::Entries { entries, more: false });
        };
        range = range.after(&key);
        page_keys = (page_keys * 2).min(PAGE_KEYS_MAX);
    }
    Ok(Answer::Entries { entries, more: true })
}
