//! The reads and writes of a transaction in one keyspace.

use std::fmt;

use super::keyspace_view::KeyspaceView;
use super::transaction_scan::TransactionScan;
use super::transaction_state::TransactionState;
use crate::Result;
use crate::expiry::Expiry;
use crate::key_bounds::{KeyBounds, KeyPrefix, interval};
use crate::transaction::KeyWrite;

/// The reads and writes of one keyspace by a [`Transaction`](crate::Transaction), as
/// [`Transaction::of`](crate::Transaction::of) returns them.
#[derive(Clone, Copy)]
pub struct KeyspaceTransaction<'t> {
    state: &'t TransactionState,
    /// The position of the keyspace among those that were used.
    position: usize,
}

impl<'t> KeyspaceTransaction<'t> {
    /// Returns what is read and written of the keyspace at this position.
    pub(super) fn new(state: &'t TransactionState, position: usize) -> Self {
        Self { state, position }
    }

    /// Returns the value that the transaction gave the key, or else the one that the key had when
    /// it began; `None` if the key was not there or had expired.
    ///
    /// # Errors
    /// As [`KeyspaceView::get`]; [`TransactionTooLarge`](crate::Error::TransactionTooLarge) if it has
    /// read too much.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.read(key.as_ref(), |view, key| view.get(key), |value| value.map(<[u8]>::to_vec))
    }

    /// Returns true if the transaction has set the key, or if it was there when it began; no value
    /// is read.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let is_there = |view: &KeyspaceView, key: &[u8]| Ok(view.contains(key)?.then_some(()));
        let found = self.read(key.as_ref(), is_there, |value| value.map(|_| ()))?;
        Ok(found.is_some())
    }

    /// Returns an iterator over the keys of the range and their values, in key order: those that
    /// were there when the transaction began, with its own writes up to then and those that it
    /// makes ahead of the iterator meanwhile.
    ///
    /// What it has returned counts as read, with everything in between, and the rest of the range
    /// once it has returned `None`.
    ///
    /// # Errors
    /// As [`get`](Self::get), as the last item.
    pub fn scan(&self, range: impl KeyBounds) -> TransactionScan<'t> {
        TransactionScan::new(self.state, self.position, range.into_bounds())
    }

    /// Returns an iterator over the keys that begin with `prefix`, as [`scan`](Self::scan) does.
    pub fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> TransactionScan<'t> {
        self.scan(KeyPrefix(prefix.as_ref()))
    }

    /// Returns the lowest key of the range and its value, if the range has a key. It counts as read
    /// with everything before it, or the whole range if there was none.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn first(&self, range: impl KeyBounds) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.scan(range).next().transpose()
    }

    /// Returns the highest key of the range and its value, if the range has a key. It counts as
    /// read with everything behind it, or the whole range if there was none.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn last(&self, range: impl KeyBounds) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.scan(range).reverse().next().transpose()
    }

    /// Counts the keys of the range, whose values are not read. All of them count as read.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn count(&self, range: impl KeyBounds) -> Result<u64> {
        let mut keys = self.scan(range).keys();
        keys.try_fold(0, |count, key| key.map(|_| count + 1))
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.write(key, KeyWrite::Set { value: value.into(), expires_at: None });
    }

    /// Sets the key to the value until it expires; the time counts from this call.
    pub fn set_expiring(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>, expiry: Expiry) {
        let expires_at = Some(self.state.time_of(expiry).0);
        self.write(key, KeyWrite::Set { value: value.into(), expires_at });
    }

    /// Removes the key if it is there.
    pub fn remove(&self, key: impl Into<Vec<u8>>) {
        self.write(key, KeyWrite::Remove);
    }

    /// Removes every key of the range, those that the transaction has set there and those that
    /// others set before it commits. No key of it counts as read.
    pub fn remove_range(&self, range: impl KeyBounds) {
        let (start, end) = interval(range);
        self.state.with_part(self.position, |part| part.accesses.remove_range(start, end));
    }

    /// Removes every key that begins with `prefix`, as [`remove_range`](Self::remove_range) does.
    pub fn remove_prefix(&self, prefix: impl AsRef<[u8]>) {
        self.remove_range(KeyPrefix(prefix.as_ref()));
    }

    fn write(&self, key: impl Into<Vec<u8>>, write: KeyWrite) {
        self.state.with_part(self.position, |part| part.accesses.writes.insert(key.into(), write));
    }

    /// Reads a key from the store with `stored`, or with `written` if the transaction wrote it.
    fn read<T>(
        &self,
        key: &[u8],
        stored: impl FnOnce(&KeyspaceView, &[u8]) -> Result<Option<T>>,
        written: impl FnOnce(Option<&[u8]>) -> Option<T>,
    ) -> Result<Option<T>> {
        self.state.with_part(self.position, |part| {
            if let Some(write) = part.accesses.writes.get(key) {
                return Ok(written(self.state.value(write)));
            }
            if part.accesses.is_removed(key) {
                return Ok(None);
            }
            let found = stored(&part.view, key)?;
            if !part.accesses.keys.contains_key(key) {
                self.state.note_read()?;
                part.accesses.keys.insert(key.to_vec(), found.is_some());
            }
            Ok(found)
        })
    }
}

impl fmt::Debug for KeyspaceTransaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyspaceTransaction").finish_non_exhaustive()
    }
}
