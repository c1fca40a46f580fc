//! A scan of an index: the versions of a range of keys that a snapshot sees, batch by batch.

use super::leaf_walk::LeafWalk;
use super::reader::IndexReader;
use super::scan_batch::ScanBatch;
use super::slot::Slot;
use super::snapshot::IndexSnapshot;
use crate::storage::key_range::KeyRange;

/// A scan under way. Between two batches it holds nothing of the tree.
pub(crate) struct IndexScan<'a, S: Slot> {
    reader: &'a IndexReader<S>,
    walk: LeafWalk<'a>,
    snapshot: &'a IndexSnapshot,
}

impl<'a, S: Slot> IndexScan<'a, S> {
    /// Begins a scan of the range as the snapshot sees it.
    pub(crate) fn new(
        reader: &'a IndexReader<S>,
        range: &'a KeyRange,
        snapshot: &'a IndexSnapshot,
    ) -> Self {
        Self { reader, walk: LeafWalk::new(range), snapshot }
    }

    /// Fills the batch with the next keys, up to `limit` of them, tombstones included. Returns
    /// false at the end of the range. The scan cannot go on after a batch that the limit cut.
    pub(crate) fn next(&mut self, batch: &mut ScanBatch<S>, limit: usize) -> bool {
        let Self { reader, walk, snapshot } = self;
        batch.clear();
        while batch.len() == 0 && limit > 0 {
            let root = || reader.root_at(snapshot);
            let filled = walk.next(root, |leaf, positions| {
                for position in positions.iter() {
                    let newest = leaf.newest(position);
                    let newest = newest.filter(|(version, _)| *version <= snapshot.sequence);
                    let find = |key: &[u8]| newest.or_else(|| reader.at(key, snapshot));
                    batch.push(|keys| leaf.append_key(position, keys), find);
                    if batch.len() == limit {
                        break;
                    }
                }
            });
            if filled.is_none() {
                return false;
            }
        }
        batch.len() > 0
    }
}
