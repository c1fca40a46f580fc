//! The door for reads of a range of keys in order, page by page.

use std::ops::{Bound, ControlFlow, RangeBounds};

use super::keyspace_view::KeyspaceView;
use crate::Result;
use crate::engine::{EngineSnapshot, EntryMeta, KeyRange, ScanPage, ScanVisitor, UnixMillis};

pub(crate) use crate::engine::ScannedEntry;

/// The most keys that are visited at once while one is looked for.
const PAGE_KEYS: usize = 64;

/// The place in an order of keys behind which a scan goes on; opaque outside the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScanPosition(Vec<u8>);

impl ScanPosition {
    /// Returns the bytes of memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Returns the position behind a key.
    #[cfg(test)]
    pub(crate) fn behind(key: &[u8]) -> Self {
        Self(key.to_vec())
    }
}

/// A scan under way.
pub(crate) struct StoreScan<'a> {
    view: &'a KeyspaceView,
    /// The keys that are still to be visited; `None` at the end.
    rest: Option<KeyRange>,
    /// The moment that every page sees, and its time; `None` where each page sees its own.
    moment: Option<(Option<EngineSnapshot>, UnixMillis)>,
    keys_only: bool,
}

impl KeyspaceView {
    /// Returns the first `limit` keys of the range with their values, in key order, at one point in
    /// time.
    ///
    /// The `sled` engine has no points in time: what is written meanwhile may or may not be seen.
    ///
    /// ```no_run
    /// # let store = kvs::Store::open(kvs::Options::new("data"))?;
    /// for (key, value) in store.scan(b"a".to_vec()..b"b".to_vec(), 100)? {
    ///     println!("{} = {}", key.escape_ascii(), value.escape_ascii());
    /// }
    /// # Ok::<(), kvs::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn scan(
        &self,
        range: impl RangeBounds<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut found = Vec::new();
        let _: ControlFlow<()> = self.scan_each(range, limit, |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Shows the first `limit` keys of the range with their values to `visit`, in key order, at one
    /// point in time, until it breaks. Returns what it broke with.
    ///
    /// Key and value are borrowed, so that nothing is allocated for each of them. `visit` may read
    /// and write the store; the scan does not see what it writes. While it runs, the store keeps
    /// what the scan may still see, so a visit should not take long. The `sled` engine has no
    /// points in time: what is written meanwhile may or may not be seen.
    ///
    /// ```no_run
    /// # use std::ops::ControlFlow;
    /// # let store = kvs::Store::open(kvs::Options::new("data"))?;
    /// let mut bytes = 0;
    /// let first_empty = store.scan_each(b"a".to_vec().., usize::MAX, |key, value| {
    ///     bytes += value.len();
    ///     match value {
    ///         [] => ControlFlow::Break(key.to_vec()),
    ///         _ => ControlFlow::Continue(()),
    ///     }
    /// })?;
    /// if let ControlFlow::Break(key) = first_empty {
    ///     println!("{bytes} bytes before {}", key.escape_ascii());
    /// }
    /// # Ok::<(), kvs::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get). What lies before the key that cannot be read was shown.
    pub fn scan_each<B>(
        &self,
        range: impl RangeBounds<Vec<u8>>,
        limit: usize,
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        let (start, end) = (range.start_bound().cloned(), range.end_bound().cloned());
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

    /// Returns true if there is no key in the keyspace, keys that have expired left out.
    ///
    /// It passes over keys that have expired and are not removed yet, or were removed and are still
    /// seen by a snapshot.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) or [`Error::Io`](crate::Error::Io) from the `sled`
    /// engine.
    pub fn is_empty(&self) -> Result<bool> {
        let mut scan = self.scan_at_once(Bound::Unbounded, Bound::Unbounded, false, true)?;
        let mut is_empty = true;
        while is_empty && !scan.is_at_end() {
            scan.page(PAGE_KEYS, &mut |_| {
                is_empty = false;
                ControlFlow::Break(())
            })?;
        }
        Ok(is_empty)
    }

    /// Begins a scan of which every page sees the present moment.
    pub(crate) fn scan_at_once(
        &self,
        start: Bound<Vec<u8>>,
        end: Bound<Vec<u8>>,
        reverse: bool,
        keys_only: bool,
    ) -> Result<StoreScan<'_>> {
        let moment = Some((self.engine_snapshot()?, self.now()));
        let rest = Some(KeyRange { start, end, reverse });
        Ok(StoreScan { view: self, rest, moment, keys_only })
    }

    /// Returns the starts and ends of ranges of so many keys each, lowest first, beginning before
    /// all keys. The highest keys, which are too few for another one, are in none.
    ///
    /// Removed and expired keys may count, and what is written meanwhile may or may not.
    pub(crate) fn slice(&self, keys: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut scan = self.scan_keys(None);
        let mut slices: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        loop {
            scan.page(keys, &mut |_| ControlFlow::Continue(()))?;
            let Some(ScanPosition(end)) = scan.position() else { return Ok(slices) };
            let start = slices.last().map_or_else(Vec::new, |(_, end)| end.clone());
            slices.push((start, end));
        }
    }

    /// Begins a scan of all keys behind a position, of which each page sees its own moment.
    pub(crate) fn scan_keys(&self, position: Option<ScanPosition>) -> StoreScan<'_> {
        let start = position.map_or(Bound::Unbounded, |ScanPosition(key)| Bound::Excluded(key));
        let rest = Some(KeyRange { start, end: Bound::Unbounded, reverse: false });
        StoreScan { view: self, rest, moment: None, keys_only: true }
    }
}

impl StoreScan<'_> {
    /// Visits up to `limit` keys and shows those that are there, until `visit` breaks; expired ones
    /// are not.
    pub(crate) fn page(&mut self, limit: usize, visit: &mut ScanVisitor<'_>) -> Result<()> {
        let Some(range) = &self.rest else { return Ok(()) };
        let (snapshot, now) = match &self.moment {
            Some((snapshot, now)) => (snapshot.as_ref(), Some(*now)),
            None => (None, None),
        };
        let page = ScanPage { range, snapshot, limit, keys_only: self.keys_only };
        let clock = &self.view.shared.clock;
        let mut checked = Ok(());
        let resume_after = self.view.reader.scan(&page, &mut |entry| {
            let EntryMeta { expires_at, value_type, .. } = entry.meta;
            let is_past = match (expires_at, now) {
                (Some(time), Some(now)) => time <= now,
                (expires_at, _) => clock.is_past(expires_at),
            };
            if is_past {
                return ControlFlow::Continue(());
            }
            if !self.keys_only {
                checked = value_type.require_string();
            }
            if checked.is_ok() { visit(entry) } else { ControlFlow::Break(()) }
        })?;
        self.rest = resume_after.map(|key| range.after(&key));
        checked
    }

    /// Returns true once every key of the range was visited.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_none()
    }

    /// Returns the position behind the last page, or `None` at the end.
    pub(crate) fn position(&self) -> Option<ScanPosition> {
        match &self.rest.as_ref()?.start {
            Bound::Excluded(key) | Bound::Included(key) => Some(ScanPosition(key.clone())),
            Bound::Unbounded => None,
        }
    }

    /// Ends the scan at a position that lies ahead.
    pub(crate) fn end_at(&mut self, position: &ScanPosition) {
        if let Some(range) = &mut self.rest {
            range.end = Bound::Included(position.0.clone());
        }
    }
}
