//! Iterators of a transaction over the keys of a range.

use std::fmt;
use std::ops::Bound;

use super::entry_scan::Scan;
use super::transaction_state::TransactionState;
use crate::Result;
use crate::transaction::{KeyValue, MergedRange, NextKey};

/// An iterator over keys and values of a range, as
/// [`KeyspaceTransaction::scan`](crate::KeyspaceTransaction::scan) returns it.
#[must_use = "an iterator does nothing unless it is used"]
pub struct TransactionScan<'t> {
    state: &'t TransactionState,
    /// The position of the keyspace among those that the transaction used.
    part: usize,
    rest: MergedRange,
    keys_only: bool,
    progress: Progress,
}

/// An iterator over the keys of a range without their values, as [`TransactionScan::keys`] returns
/// it.
#[must_use = "an iterator does nothing unless it is used"]
pub struct TransactionKeys<'t>(TransactionScan<'t>);

/// The state of the scan of what is stored.
enum Progress {
    /// Nothing was read yet.
    NotBegun,
    /// The scan, and the position of its range among those that the transaction read.
    Under(Box<Scan>, usize),
    /// There is nothing left.
    AtEnd,
}

impl<'t> TransactionScan<'t> {
    /// Returns a scan of which nothing was read.
    pub(super) fn new(
        state: &'t TransactionState,
        part: usize,
        bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    ) -> Self {
        let (rest, progress) = (MergedRange::new(bounds), Progress::NotBegun);
        Self { state, part, rest, keys_only: false, progress }
    }

    /// Returns the keys of the range from its end to its start. An iterator that was used already
    /// stays as it is.
    pub fn reverse(mut self) -> Self {
        if matches!(self.progress, Progress::NotBegun) {
            self.rest.reverse();
        }
        self
    }

    /// Returns the keys without their values, which are not read. An iterator that was used already
    /// has read the value of its next key.
    pub fn keys(mut self) -> TransactionKeys<'t> {
        self.keys_only = true;
        TransactionKeys(self)
    }

    fn begin(&mut self) {
        let (bounds, is_reverse) = (self.rest.bounds(), self.rest.is_reverse());
        let keys_only = self.keys_only;
        self.progress = self.state.with_part(self.part, |part| {
            let scan = Scan::new(&part.view, bounds.clone());
            let scan = if is_reverse { scan.reverse() } else { scan };
            let scan = if keys_only { scan.without_values() } else { scan };
            Progress::Under(Box::new(scan), part.accesses.begin_range(bounds, is_reverse))
        });
    }

    /// Returns the next entry of the store.
    fn read_next(&mut self) -> Result<Option<KeyValue>> {
        if matches!(self.progress, Progress::NotBegun) {
            self.begin();
        }
        let Progress::Under(scan, range) = &mut self.progress else { return Ok(None) };
        let (next, range) = (scan.next().transpose()?, *range);
        match next {
            Some(_) => self.state.note_read()?,
            None => self.progress = Progress::AtEnd,
        }
        let key = next.as_ref().map(|(key, _)| &key[..]);
        self.state.with_part(self.part, |part| part.accesses.note_next(range, key));
        Ok(next)
    }

    fn try_next(&mut self) -> Result<Option<KeyValue>> {
        loop {
            if self.rest.wants_stored() {
                let next = self.read_next()?;
                self.rest.offer(next);
            }
            match self.state.with_part(self.part, |part| self.rest.next(&part.accesses)) {
                NextKey::Stored(entry) => return Ok(Some(entry)),
                NextKey::Written(key, write) => {
                    if let Some(value) = self.state.value(&write) {
                        return Ok(Some((key, value.to_vec())));
                    }
                }
                NextKey::Removed => {}
                NextKey::AtEnd => return Ok(None),
            }
        }
    }
}

impl Iterator for TransactionScan<'_> {
    type Item = Result<KeyValue>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.try_next();
        if next.is_err() {
            self.progress = Progress::AtEnd;
            // Nothing of the transaction's own lies in an empty range.
            self.rest.end();
        }
        next.transpose()
    }
}

impl std::iter::FusedIterator for TransactionScan<'_> {}

impl TransactionKeys<'_> {
    /// Returns the keys from the end of the range to its start. An iterator that was used already
    /// stays as it is.
    pub fn reverse(self) -> Self {
        Self(self.0.reverse())
    }
}

impl Iterator for TransactionKeys<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| entry.map(|(key, _)| key))
    }
}

impl std::iter::FusedIterator for TransactionKeys<'_> {}

impl fmt::Debug for TransactionScan<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("TransactionScan");
        shown.field("rest", &self.rest).finish_non_exhaustive()
    }
}

impl fmt::Debug for TransactionKeys<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TransactionKeys").field(&self.0).finish()
    }
}
