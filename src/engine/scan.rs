//! Scanning, the same for every engine whose keys are in the index.

use super::{Entry, Page, ScanPage, Scanned};
use crate::Result;
use crate::storage::index::{IndexReader, KeyVersion, Slot, Snapshot};

/// Returns one page of a scan; `read` fetches the entry of a key that is there.
pub(super) fn scan_index<S: Slot>(
    index: &IndexReader<S>,
    page: &ScanPage<'_>,
    mut read: impl FnMut(&KeyVersion<S>, &Snapshot) -> Result<Option<Entry>>,
) -> Result<Page> {
    let present;
    let snapshot = match page.snapshot {
        Some(snapshot) => &snapshot.0,
        None => {
            present = index.snapshot();
            &present
        }
    };
    let found = index.page(page.range, snapshot, page.limit);
    let mut result = Page::default();
    if found.len() == page.limit {
        result.resume_after = found.last().map(|last| last.key.clone());
    }
    for found in found {
        if found.slot.is_tombstone() {
            continue;
        }
        if let Some(entry) = read(&found, snapshot)? {
            result.entries.push(Scanned { key: found.key, entry });
        }
    }
    Ok(result)
}
