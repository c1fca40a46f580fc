//! The reads and writes of a transaction on a server in one keyspace.

use std::collections::VecDeque;
use std::fmt;

use super::KvsClient;
use super::calls::answered;
use super::error::ClientResult;
use super::scan::{self, ClientScan, Entries};
use super::time::{now, time_of};
use crate::expiry::Expiry;
use crate::key_bounds::{KeyBounds, KeyPrefix, interval};
use crate::protocol::native::{ByteString, Place, RequestOperation, Success};
use crate::transaction::{KeyAccesses, KeyWrite, MergedRange, NextKey};

/// The reads and writes of one keyspace by a [`ClientTransaction`](crate::ClientTransaction), as
/// [`ClientTransaction::on`](crate::ClientTransaction::on)
/// returns it.
pub struct ClientKeyspaceTransaction<'t> {
    pub(super) client: &'t mut KvsClient,
    /// The name; `None` for the default keyspace.
    pub(super) name: Option<&'t str>,
    pub(super) accesses: &'t mut KeyAccesses,
}

impl ClientKeyspaceTransaction<'_> {
    /// Returns the value that the transaction gave the key, or else the one that the key had when
    /// it began; `None` if the key was not there or had expired.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> ClientResult<Option<Vec<u8>>> {
        let key = key.as_ref();
        if let Some(write) = self.accesses.writes.get(key) {
            return Ok(value(write.clone()));
        }
        if self.accesses.is_removed(key) {
            return Ok(None);
        }
        let operation = RequestOperation::Get { key: key.into() };
        let found = self
            .call(operation, answered!(Success::Value(value) => value.map(ByteString::into_vec)))?;
        self.note(key, found.is_some());
        Ok(found)
    }

    /// Returns true if the transaction has set the key, or if it was there when it began.
    pub fn contains(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
        let key = key.as_ref();
        if let Some(write) = self.accesses.writes.get(key) {
            return Ok(value(write.clone()).is_some());
        }
        if self.accesses.is_removed(key) {
            return Ok(false);
        }
        let operation = RequestOperation::Contains { key: key.into() };
        let found = self.call(operation, answered!(Success::Flag(flag) => flag))?;
        self.note(key, found);
        Ok(found)
    }

    /// Returns the first `limit` keys of the range and their values, in key order: those that were
    /// there when the transaction began, with its own writes.
    ///
    /// The keys that it returns count as read, with everything in between, and the rest of the
    /// range if there were fewer keys.
    pub fn scan(&mut self, range: impl KeyBounds, limit: usize) -> ClientResult<Entries> {
        self.collect(MergedRange::new(range.into_bounds()), limit)
    }

    /// Returns the last `limit` keys of the range and their values, the highest first, as
    /// [`scan`](Self::scan) does.
    pub fn scan_reverse(&mut self, range: impl KeyBounds, limit: usize) -> ClientResult<Entries> {
        let mut range = MergedRange::new(range.into_bounds());
        range.reverse();
        self.collect(range, limit)
    }

    /// Returns the first `limit` keys that begin with `prefix` and their values, as
    /// [`scan`](Self::scan) does.
    pub fn scan_prefix(&mut self, prefix: impl AsRef<[u8]>, limit: usize) -> ClientResult<Entries> {
        self.scan(KeyPrefix(prefix.as_ref()), limit)
    }

    /// Returns the lowest key of the range and its value, if the range has a key, as
    /// [`scan`](Self::scan) does.
    pub fn first(&mut self, range: impl KeyBounds) -> ClientResult<Option<(Vec<u8>, Vec<u8>)>> {
        Ok(self.scan(range, 1)?.pop())
    }

    /// Returns the highest key of the range and its value, if the range has a key, as
    /// [`scan_reverse`](Self::scan_reverse) does.
    pub fn last(&mut self, range: impl KeyBounds) -> ClientResult<Option<(Vec<u8>, Vec<u8>)>> {
        Ok(self.scan_reverse(range, 1)?.pop())
    }

    /// Counts the keys of the range, whose values are not read. All of them count as read.
    pub fn count(&mut self, range: impl KeyBounds) -> ClientResult<u64> {
        let mut range = MergedRange::new(range.into_bounds());
        Ok(self.visit(&mut range, usize::MAX, true)?.len() as u64)
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let write = KeyWrite::Set { value: value.into(), expires_at: None };
        self.accesses.writes.insert(key.into(), write);
    }

    /// Sets the key to the value until it expires; the time counts from this call.
    pub fn set_expiring(
        &mut self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        expiry: Expiry,
    ) {
        let write = KeyWrite::Set { value: value.into(), expires_at: Some(time_of(expiry)) };
        self.accesses.writes.insert(key.into(), write);
    }

    /// Removes the key if it is there.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.accesses.writes.insert(key.into(), KeyWrite::Remove);
    }

    /// Removes every key of the range, those that the transaction has set there and those that
    /// others set before it commits. No key of it counts as read.
    pub fn remove_range(&mut self, range: impl KeyBounds) {
        let (start, end) = interval(range);
        self.accesses.remove_range(start, end);
    }

    /// Removes every key that begins with `prefix`, as [`remove_range`](Self::remove_range) does.
    pub fn remove_prefix(&mut self, prefix: impl AsRef<[u8]>) {
        self.remove_range(KeyPrefix(prefix.as_ref()));
    }

    fn note(&mut self, key: &[u8], was_there: bool) {
        self.accesses.keys.entry(key.to_vec()).or_insert(was_there);
    }

    fn collect(&mut self, mut rest: MergedRange, limit: usize) -> ClientResult<Entries> {
        self.visit(&mut rest, limit, false)
    }

    /// Returns the next keys of a range, at most so many; without their values if these are not
    /// wanted.
    fn visit(
        &mut self,
        rest: &mut MergedRange,
        limit: usize,
        keys_only: bool,
    ) -> ClientResult<Entries> {
        let (bounds, is_reverse) = (rest.bounds(), rest.is_reverse());
        let range = self.accesses.begin_range(bounds.clone(), is_reverse);
        let scan = ClientScan::new(bounds);
        let scan = if is_reverse { scan.reverse() } else { scan };
        let mut scan = if keys_only { scan.keys_only() } else { scan };
        let (mut page, mut found) = (VecDeque::new(), Vec::new());
        while found.len() < limit {
            if rest.wants_stored() {
                while page.is_empty() && !scan.is_at_end() {
                    let wanted = limit - found.len();
                    let request = scan.request(wanted);
                    let answer = self.call(request, |answer| scan::page(answer, wanted))?;
                    page.extend(scan.take(answer));
                }
                let next: Option<(Vec<u8>, Vec<u8>)> = page.pop_front();
                self.accesses.note_next(range, next.as_ref().map(|(key, _)| &key[..]));
                rest.offer(next);
            }
            match rest.next(self.accesses) {
                NextKey::Stored(entry) => found.push(entry),
                NextKey::Written(key, write) => {
                    found.extend(value(write).map(|value| (key, value)));
                }
                NextKey::Removed => {}
                NextKey::AtEnd => break,
            }
        }
        Ok(found)
    }

    fn call<T>(
        &mut self,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        self.client.call_at(place(self.name), operation, recognize)
    }
}

/// Returns the place of a keyspace at the snapshot.
fn place(name: Option<&str>) -> Place<'_> {
    name.map_or(Place::Snapshot, |name| Place::KeyspaceSnapshot(name.into()))
}

/// Returns the value that a write gives its key, unless it is removed or has expired meanwhile.
fn value(write: KeyWrite) -> Option<Vec<u8>> {
    match write {
        KeyWrite::Set { value, expires_at } => {
            expires_at.is_none_or(|time| time > now()).then_some(value)
        }
        KeyWrite::Remove => None,
    }
}

impl fmt::Debug for ClientKeyspaceTransaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientKeyspaceTransaction");
        shown.field("name", &self.name.unwrap_or("default")).finish_non_exhaustive()
    }
}
