//! Reads of ranges of keys, as a program calls them.

use std::ops::ControlFlow;

use super::entry_scan::Scan;
use super::keyspace_view::KeyspaceView;
use super::scan::ScannedEntry;
use crate::Result;
use crate::key_bounds::{KeyBounds, KeyPrefix};

/// The most keys that are visited at once while one is looked for: few, since most look-ups find it
/// at the first, and enough to pass over many that were removed.
const PAGE_KEYS: usize = 16;

impl KeyspaceView {
    /// Returns an iterator over the keys of the range and their values, in key order, at the moment
    /// of this call.
    ///
    /// It reads some keys at a time, up to 256 of them or 64 KiB, or one larger value, and holds no
    /// more than these. It takes no lock and blocks no writer. Until it ends or is dropped the
    /// store keeps what it may still see, as it does for a [`Snapshot`](crate::Snapshot). The
    /// `sled` engine has no points in time: what is written meanwhile may or may not be seen.
    ///
    /// [`Scan::reverse`] goes from the end to the start, [`Scan::keys`] leaves the values out, and
    /// `take` ends it early. [`scan_each`](Self::scan_each) borrows instead of allocating.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// for key in ["a", "b", "c"] {
    ///     store.set(key, "v")?;
    /// }
    /// let mut keys = Vec::new();
    /// for entry in store.scan("b"..).reverse() {
    ///     let (key, value) = entry?;
    ///     assert_eq!(value, b"v");
    ///     keys.push(key);
    /// }
    /// assert_eq!(keys, [b"c", b"b"]);
    /// assert_eq!(store.scan(..).keys().take(1).collect::<kvs::Result<Vec<_>>>()?, [b"a"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`get`](Self::get) for a value that cannot be read, as the last item: what lies
    /// before it was returned, and nothing behind it is.
    pub fn scan(&self, range: impl KeyBounds) -> Scan {
        Scan::new(self, range)
    }

    /// Returns an iterator over the keys that begin with `prefix` and their values, as
    /// [`scan`](Self::scan) does.
    pub fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> Scan {
        self.scan(KeyPrefix(prefix.as_ref()))
    }

    /// Shows the first `limit` keys of the range with their values to `visit`, in key order, at one
    /// point in time, until it breaks. Returns what it broke with.
    ///
    /// Key and value are borrowed, so that nothing is allocated for each of them. `visit` may read
    /// and write the store; the scan does not see what it writes. While it runs, the store keeps
    /// what the scan may still see, so a visit should not take long. The `sled` engine has no
    /// points in time: what is written meanwhile may or may not be seen.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// # store.set("b", "")?;
    /// let mut bytes = 0;
    /// let first_empty = store.scan_each("a".., usize::MAX, |key, value| {
    ///     bytes += value.len();
    ///     match value {
    ///         [] => ControlFlow::Break(key.to_vec()),
    ///         _ => ControlFlow::Continue(()),
    ///     }
    /// })?;
    /// assert_eq!(first_empty, ControlFlow::Break(b"b".to_vec()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get). What lies before the key that cannot be read was shown.
    pub fn scan_each<B>(
        &self,
        range: impl KeyBounds,
        limit: usize,
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        let (start, end) = range.into_bounds();
        let mut scan = self.scan_at_once(start, end, false, false)?;
        let (mut shown, mut outcome) = (0, ControlFlow::Continue(()));
        while shown < limit && outcome.is_continue() && !scan.is_at_end() {
            scan.page(limit - shown, &mut |ScannedEntry { key, value, .. }| {
                shown += 1;
                outcome = visit(key, value);
                if outcome.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        Ok(outcome)
    }

    /// Returns the lowest key of the range and its value, if the range has a key.
    ///
    /// It passes over keys that have expired and are not removed yet, or were removed while a
    /// snapshot or a scan still sees them.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// store.set("a", "1")?;
    /// store.set("b", "2")?;
    /// assert_eq!(store.first(..)?, Some((b"a".to_vec(), b"1".to_vec())));
    /// assert_eq!(store.last(.."b")?, Some((b"a".to_vec(), b"1".to_vec())));
    /// assert_eq!(store.count("b"..)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn first(&self, range: impl KeyBounds) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.find_first(range, false, false)
    }

    /// Returns the highest key of the range and its value, if the range has a key; it takes as long
    /// as [`first`](Self::first).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn last(&self, range: impl KeyBounds) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.find_first(range, true, false)
    }

    /// Returns true if there is no key in the keyspace, keys that have expired left out; it takes
    /// as long as [`first`](Self::first), and reads no value.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.find_first(.., false, true)?.is_none())
    }

    /// Counts the keys of the range at one point in time, keys that have expired left out.
    ///
    /// It visits each of them, without its value: a million take some tenths of a second.
    /// [`len`](Self::len) has the number of all keys at once.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn count(&self, range: impl KeyBounds) -> Result<u64> {
        let (start, end) = range.into_bounds();
        let mut scan = self.scan_at_once(start, end, false, true)?;
        let mut count = 0;
        scan.page(usize::MAX, &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    fn find_first(
        &self,
        range: impl KeyBounds,
        reverse: bool,
        keys_only: bool,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let (start, end) = range.into_bounds();
        let mut scan = self.scan_at_once(start, end, reverse, keys_only)?;
        let mut found = None;
        while found.is_none() && !scan.is_at_end() {
            scan.page(PAGE_KEYS, &mut |ScannedEntry { key, value, .. }| {
                found = Some((key.to_vec(), value.to_vec()));
                ControlFlow::Break(())
            })?;
        }
        Ok(found)
    }
}
