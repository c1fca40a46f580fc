//! Read sets: the keys and ranges that a transaction has read, as the writer checks them.

use crate::engine::{EntryMeta, KeyInterval, KeyspaceId, Sequence};
use crate::{Error, Result};

/// The keys and the ranges that a transaction has read at one moment, which must be the same when
/// it commits.
///
/// It holds no values: a key that has not changed has the version that it had then, and every
/// change since has a newer one. Of a range the number of keys says that none was removed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadSet {
    /// The newest commit that the reads saw.
    pub(super) since: Sequence,
    /// The keys.
    pub(super) keys: Vec<ReadKey>,
    /// The ranges.
    pub(super) ranges: Vec<ReadRange>,
}

/// A key that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadKey {
    /// The keyspace.
    pub(super) keyspace: KeyspaceId,
    /// The key.
    pub(super) key: Vec<u8>,
    /// The key was there.
    pub(super) was_there: bool,
}

/// A range of keys that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadRange {
    /// The keyspace.
    pub(super) keyspace: KeyspaceId,
    /// The lowest key of the range.
    pub(super) start: Vec<u8>,
    /// The key behind the range; empty if the range has no end.
    pub(super) end: Vec<u8>,
    /// The number of keys that were there.
    pub(super) keys: usize,
}

impl ReadSet {
    /// Returns an empty read set for reads that saw the commits up to this one.
    pub(super) fn new(since: Sequence) -> Self {
        Self { since, keys: Vec::new(), ranges: Vec::new() }
    }

    /// Adds the name that a keyspace had, which must still be its name.
    pub(super) fn add_name(&mut self, name: &str) {
        self.add_key(KeyspaceId::CATALOGUE, name.as_bytes().to_vec(), true);
    }

    /// Adds a key.
    pub(crate) fn add_key(&mut self, keyspace: KeyspaceId, key: Vec<u8>, was_there: bool) {
        self.keys.push(ReadKey { keyspace, key, was_there });
    }

    /// Adds a range with the number of keys that were there.
    pub(crate) fn add_range(
        &mut self,
        keyspace: KeyspaceId,
        start: Vec<u8>,
        end: Vec<u8>,
        keys: usize,
    ) {
        self.ranges.push(ReadRange { keyspace, start, end, keys });
    }

    /// Returns the ranges in order, those that overlap as one.
    pub(super) fn ranges_apart(&self) -> Vec<(KeyspaceId, KeyInterval<'_>)> {
        let ranges = self.ranges.iter().map(|range| (range.keyspace, range.interval()));
        let mut ranges: Vec<_> = ranges.filter(|(_, it)| it.is_below_end(it.start)).collect();
        ranges.sort_unstable_by_key(|(keyspace, range)| (*keyspace, range.start));
        ranges.dedup_by(|(keyspace, next), (of, range)| {
            let overlaps = keyspace == of && range.is_below_end(next.start);
            if overlaps && !range.end.is_empty() && next.is_below_end(range.end) {
                range.end = next.end;
            }
            overlaps
        });
        ranges
    }

    /// Returns true if a key is as it was, given its metadata unless it is absent or has expired.
    pub(super) fn holds(&self, key: &ReadKey, alive: Option<EntryMeta>) -> bool {
        alive.is_some() == key.was_there && alive.is_none_or(|meta| self.is_seen(meta))
    }

    /// Returns true if the reads saw the change that made an entry.
    pub(super) fn is_seen(&self, meta: EntryMeta) -> bool {
        meta.version <= self.since
    }

    /// Returns [`Error::TransactionTooLarge`] for more keys than one transaction may read, those of
    /// ranges included, or for as many ranges.
    pub(super) fn check(&self, reads_max: usize) -> Result<()> {
        let in_ranges = self.ranges.iter().map(|range| range.keys);
        let keys = in_ranges.fold(self.keys.len(), usize::saturating_add);
        if keys > reads_max || self.ranges.len() > reads_max {
            return Err(Error::TransactionTooLarge { reads_max });
        }
        Ok(())
    }

    /// Returns the bytes of memory of its keys.
    pub(super) fn memory(&self) -> usize {
        let keys = self.keys.iter().map(|read| size_of::<ReadKey>() + read.key.capacity());
        let bounds = |range: &ReadRange| range.start.capacity() + range.end.capacity();
        let ranges = self.ranges.iter().map(|range| size_of::<ReadRange>() + bounds(range));
        keys.sum::<usize>() + ranges.sum::<usize>()
    }
}

impl ReadRange {
    /// Returns the range.
    pub(super) fn interval(&self) -> KeyInterval<'_> {
        KeyInterval { start: &self.start, end: &self.end }
    }
}
