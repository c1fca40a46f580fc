//! The values of a scan, each from where it is read fastest.
//!
//! | the record | is read |
//! |---|---|
//! | lies near others of the batch, in memory | with them, from the page cache |
//! | is in the record cache | there, by borrowing |
//! | lies near others, on the disk | with them |
//! | lies alone | alone |

use std::array;
use std::ops::ControlFlow;

use super::reader::{KvsReader, meta, record};
use crate::engine::{ScanVisitor, ScannedEntry};
use crate::storage::cache::{LOOKUPS, Recalled, Wanted};
use crate::storage::format::keyspace::PlacedKey;
use crate::storage::format::sequence::Sequence;
use crate::storage::index::{IndexSnapshot, ScanBatch, Slot};
use crate::storage::segment::{Location, RecordBlocks};
use crate::{Error, Result};

/// The values of one scan.
pub(super) struct ScannedValues<'r> {
    reader: &'r KvsReader,
    blocks: RecordBlocks,
    alone: RecordBuffer,
}

/// The memory of records that a scan reads one by one.
#[derive(Default)]
struct RecordBuffer {
    record: Vec<u8>,
}

/// Shows the keys of a batch without their values. Breaks as [`ScannedValues::show`] does.
pub(super) fn show_keys(
    batch: &ScanBatch<Location>,
    visit: &mut ScanVisitor<'_>,
) -> ControlFlow<usize> {
    for position in 0..batch.len() {
        let (version, slot) = batch.version(position);
        if slot.is_tombstone() {
            continue;
        }
        let (key, meta) = (batch.key(position), meta(version, slot));
        if visit(ScannedEntry { key, value: &[], meta }).is_break() {
            return ControlFlow::Break(position);
        }
    }
    ControlFlow::Continue(())
}

impl<'r> ScannedValues<'r> {
    /// Returns values of which none is read yet.
    pub(super) fn new(reader: &'r KvsReader) -> Self {
        Self { reader, blocks: RecordBlocks::default(), alone: RecordBuffer::default() }
    }

    /// Shows the entries of a batch, and breaks with the position of the one that the visitor broke
    /// at.
    pub(super) fn show(
        &mut self,
        batch: &ScanBatch<Location>,
        snapshot: &IndexSnapshot,
        visit: &mut ScanVisitor<'_>,
    ) -> Result<ControlFlow<usize>> {
        let reader = self.reader;
        let keyed = |position| ((reader.keyspace, batch.key(position)), batch.version(position).0);
        let live = |position| Some(batch.version(position).1).filter(|slot| !slot.is_tombstone());
        self.blocks.plan((0..batch.len()).map(live));
        self.blocks.read_cached(&reader.table, keyed);
        for first in (0..batch.len()).step_by(LOOKUPS) {
            let recalled = self.recall(batch, first);
            for (position, recalled) in (first..batch.len()).zip(recalled) {
                let Some(location) = live(position) else { continue };
                let (key, version) = keyed(position);
                let Self { blocks, alone, .. } = self;
                if recalled.is_none() && blocks.value(position).is_none() {
                    blocks.read_around(position, &reader.table, keyed);
                }
                let recalled = recalled.as_ref().map(Recalled::value);
                let value = match blocks.value(position).or(recalled) {
                    Some(value) => value,
                    None => match alone.read(reader, key, (version, *location), snapshot)? {
                        Some(value) => value,
                        None => continue,
                    },
                };
                let meta = meta(version, location);
                if visit(ScannedEntry { key: key.1, value, meta }).is_break() {
                    return Ok(ControlFlow::Break(position));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Looks for the records from a position on in the cache, but for those that are read already.
    fn recall(&self, batch: &ScanBatch<Location>, first: usize) -> [Option<Recalled>; LOOKUPS] {
        let cache = &self.reader.cache;
        cache.recall_all(&array::from_fn(|number| {
            let position = first + number;
            if position >= batch.len() || self.blocks.value(position).is_some() {
                return None;
            }
            let (version, location) = batch.version(position);
            let key = (self.reader.keyspace, batch.key(position));
            let hash = cache.hash_key(key).filter(|_| !location.is_tombstone())?;
            Some(Wanted { hash, key, version })
        }))
    }
}

impl RecordBuffer {
    /// Reads the value of a version that the snapshot sees, and caches it if there is room.
    fn read(
        &mut self,
        reader: &KvsReader,
        key: PlacedKey<'_>,
        found: (Sequence, Location),
        snapshot: &IndexSnapshot,
    ) -> Result<Option<&[u8]>> {
        let mut found = Some(found);
        let find = || found.take().or_else(|| reader.index.at(key.1, snapshot));
        let recall = |_| None;
        let fetched = reader.locate(key, find, recall, |segment, meta, location| {
            let place = segment.fetch_into(key, meta.version, location, &mut self.record)?;
            Ok::<_, Error>((meta, place))
        })?;
        let Some((meta, place)) = fetched else { return Ok(None) };
        let value = &self.record[place];
        if let Some(hash) = reader.cache.hash_key(key) {
            reader.cache.offer(hash, record(key, value, meta), snapshot.sequence());
        }
        Ok(Some(value))
    }
}
