//! Scanning, the same for every engine whose keys are in the index.

use std::ops::ControlFlow;

use super::ScanPage;
use crate::Result;
use crate::storage::index::{IndexReader, IndexScan, IndexSnapshot, ScanBatch, Slot};

/// Scans a page batch by batch. `show` shows the entries of a batch, and breaks with the position
/// of the last one that the visitor wanted. Returns the last key, as
/// [`ReadHalf::scan`](super::ReadHalf::scan) does.
pub(super) fn scan_index<S: Slot>(
    index: &IndexReader<S>,
    page: &ScanPage<'_>,
    mut show: impl FnMut(&ScanBatch<S>, &IndexSnapshot) -> Result<ControlFlow<usize>>,
) -> Result<Option<Vec<u8>>> {
    let present;
    let snapshot = match page.snapshot {
        Some(snapshot) => &snapshot.0,
        None => {
            present = index.snapshot();
            &present
        }
    };
    let (mut scan, mut batch) = (IndexScan::new(index, page.range, snapshot), ScanBatch::new());
    let mut left = page.limit;
    while scan.next(&mut batch, left) {
        if let ControlFlow::Break(last) = show(&batch, snapshot)? {
            return Ok(Some(batch.key(last).to_vec()));
        }
        left -= batch.len();
        if left == 0 {
            return Ok(Some(batch.key(batch.len() - 1).to_vec()));
        }
    }
    Ok(None)
}
