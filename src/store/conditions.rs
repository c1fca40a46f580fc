//! The conditions of a batch: those of one key, and that every key and every range of a read set is
//! still as it was read.

use std::ops::ControlFlow;

use super::outcome::WriteAnswer;
use super::read_set::{ReadRange, ReadSet};
use super::resolve::Resolver;
use crate::bugs::{Bug, planted};
use crate::engine::{Entry, KeyspaceId, ScanPage, ScannedEntry};
use crate::precondition::Precondition;
use crate::{Error, Result, error};

impl Resolver<'_> {
    /// Returns [`Error::ConditionFailed`] unless a key meets a condition.
    pub(super) fn require(
        &self,
        keyspace: KeyspaceId,
        key: &[u8],
        condition: &Precondition,
    ) -> Result<WriteAnswer> {
        let is_alive = |entry: &Entry| self.is_alive(entry.expiry());
        let alive = if condition.needs_value() {
            let alive = self.entry(keyspace, key)?.filter(is_alive);
            alive.as_ref().map_or(Ok(()), |entry| entry.value_type.require_string())?;
            alive
        } else {
            let entry = self.meta(keyspace, key)?.map(|meta| meta.with(Vec::new()));
            entry.filter(is_alive)
        };
        if condition.holds(alive.as_ref()) {
            Ok(WriteAnswer::Done)
        } else {
            Err(Error::ConditionFailed { key: error::printable(key) })
        }
    }

    /// Returns [`Error::TransactionConflict`] unless everything is as it was read, the accepted
    /// batches of this group included.
    pub(super) fn require_unchanged(&self, reads: &ReadSet) -> Result<WriteAnswer> {
        let keys = if planted(Bug::SkipReadKeys) { &[] } else { &reads.keys[..] };
        for key in keys {
            let stored = self.meta(key.keyspace, &key.key)?;
            if !reads.holds(key, stored.filter(|meta| self.is_alive(meta.expires_at))) {
                return Err(Error::TransactionConflict);
            }
        }
        if planted(Bug::SkipReadRanges) {
            return Ok(WriteAnswer::Done);
        }
        if self.overlay.touches(&reads.ranges_apart()) {
            return Err(Error::TransactionConflict);
        }
        for range in &reads.ranges {
            if !self.is_unchanged(range, reads)? {
                return Err(Error::TransactionConflict);
            }
        }
        Ok(WriteAnswer::Done)
    }

    /// Returns true if the stored keys of a range are those that were read.
    fn is_unchanged(&self, range: &ReadRange, reads: &ReadSet) -> Result<bool> {
        let (mut keys, mut is_changed) = (0, false);
        let mut visit = |entry: ScannedEntry<'_>| {
            if self.is_alive(entry.meta.expires_at) {
                keys += 1;
                is_changed = keys > range.keys || !reads.is_seen(entry.meta);
            }
            if is_changed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let bounds = range.interval().range();
        let page = ScanPage { range: &bounds, snapshot: None, limit: usize::MAX, keys_only: true };
        self.read(range.keyspace, |reader| reader.scan(&page, &mut visit))?;
        Ok(!is_changed && (keys == range.keys || planted(Bug::SkipReadCount)))
    }
}
