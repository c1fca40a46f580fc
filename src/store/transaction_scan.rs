//! Iterators of a transaction over the keys of a range.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Bound;

use super::entry_scan::Scan;
use super::transaction_state::{KeyWrite, ScannedRange, TransactionState};
use crate::Result;
use crate::engine::KeyRange;

type KeyValue = (Vec<u8>, Vec<u8>);

/// An iterator over keys and values of a range, as
/// [`KeyspaceTransaction::scan`](crate::KeyspaceTransaction::scan) returns it.
#[must_use = "an iterator does nothing unless it is used"]
pub struct TransactionScan<'t> {
    state: &'t TransactionState,
    /// The position of the keyspace among those that the transaction used.
    part: usize,
    /// The part of the range that is left for writes of the transaction.
    rest: KeyRange,
    keys_only: bool,
    progress: Progress,
    /// The next entry of the store.
    stored: Option<KeyValue>,
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
        (start, end): (Bound<Vec<u8>>, Bound<Vec<u8>>),
    ) -> Self {
        let (progress, stored) = (Progress::NotBegun, None);
        let rest = KeyRange { start, end, reverse: false };
        Self { state, part, rest, keys_only: false, progress, stored }
    }

    /// Returns the keys of the range from its end to its start. An iterator that was used already
    /// stays as it is.
    pub fn reverse(mut self) -> Self {
        if matches!(self.progress, Progress::NotBegun) {
            self.rest.reverse = !self.rest.reverse;
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
        let KeyRange { start, end, reverse: is_reverse } = self.rest.clone();
        let (bounds, keys_only) = ((start, end), self.keys_only);
        self.progress = self.state.with_part(self.part, |part| {
            let scan = Scan::new(&part.view, bounds.clone());
            let scan = if is_reverse { scan.reverse() } else { scan };
            let scan = if keys_only { scan.without_values() } else { scan };
            let last = None;
            part.ranges.push(ScannedRange { bounds, is_reverse, last, is_whole: false, keys: 0 });
            Progress::Under(Box::new(scan), part.ranges.len() - 1)
        });
    }

    /// Reads the next entry of the store, if that is not there already.
    fn read_ahead(&mut self) -> Result<()> {
        if self.stored.is_some() {
            return Ok(());
        }
        if matches!(self.progress, Progress::NotBegun) {
            self.begin();
        }
        let Progress::Under(scan, range) = &mut self.progress else { return Ok(()) };
        let (next, range) = (scan.next().transpose()?, *range);
        if next.is_some() {
            self.state.note_read()?;
        } else {
            self.progress = Progress::AtEnd;
        }
        self.state.with_part(self.part, |part| {
            let range = &mut part.ranges[range];
            match &next {
                Some((key, _)) => {
                    range.last = Some(key.clone());
                    range.keys += 1;
                }
                None => range.is_whole = true,
            }
        });
        self.stored = next;
        Ok(())
    }

    /// Returns the next key that the transaction wrote.
    fn written(&self) -> Option<(Vec<u8>, KeyWrite)> {
        // A map panics at a range that ends before it starts.
        if self.rest.is_empty() {
            return None;
        }
        self.state.with_part(self.part, |part| {
            let KeyRange { start, end, reverse } = &self.rest;
            let mut range = part.writes.range::<[u8], _>((borrowed(start), borrowed(end)));
            let next = if *reverse { range.next_back() } else { range.next() };
            next.map(|(key, write)| (key.clone(), write.clone()))
        })
    }

    fn try_next(&mut self) -> Result<Option<KeyValue>> {
        loop {
            self.read_ahead()?;
            let written = self.written();
            let order = match (&self.stored, &written) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((stored, _)), Some((written, _))) if self.rest.reverse => written.cmp(stored),
                (Some((stored, _)), Some((written, _))) => stored.cmp(written),
            };
            if order.is_lt() {
                let Some((key, value)) = self.stored.take() else { continue };
                self.rest = self.rest.after(&key);
                if self.state.with_part(self.part, |part| part.is_removed(&key)) {
                    continue;
                }
                return Ok(Some((key, value)));
            }
            if order.is_eq() {
                self.stored = None;
            }
            let Some((key, write)) = written else { continue };
            self.rest = self.rest.after(&key);
            if let Some(value) = self.state.value(&write) {
                return Ok(Some((key, value.to_vec())));
            }
        }
    }
}

fn borrowed(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(|key| &key[..])
}

impl Iterator for TransactionScan<'_> {
    type Item = Result<KeyValue>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.try_next();
        if next.is_err() {
            self.progress = Progress::AtEnd;
            // Nothing of the transaction's own lies in an empty range.
            self.rest.end = Bound::Excluded(Vec::new());
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
