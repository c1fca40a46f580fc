//! The door for reads of a range of keys in order, page by page.

use std::ops::{Bound, ControlFlow};

use super::keyspace_view::KeyspaceView;
use super::read_moment::{HeldMoment, ReadMoment};
use crate::Result;
use crate::engine::{EntryMeta, KeyRange, ScanPage, ScanVisitor};

pub(crate) use crate::engine::ScannedEntry;

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

/// The keys at random that are looked at, until one is there and has not expired.
const RANDOM_TRIES: usize = 32;

/// The keys of a page in which the first is looked for that has not expired.
const RANDOM_PAGE_KEYS: usize = 512;

/// The keys that a scan has still to visit.
#[derive(Debug, Clone)]
pub(super) struct ScanRest {
    /// The range of them, unless every key was visited.
    pub(super) range: KeyRange,
    /// True once every key was visited.
    pub(super) is_at_end: bool,
    /// Leave the values out.
    pub(super) keys_only: bool,
}

/// A scan under way.
pub(crate) struct StoreScan<'a> {
    view: &'a KeyspaceView,
    rest: ScanRest,
    /// The moment that every page sees; `None` where each page sees its own.
    moment: Option<HeldMoment<'a>>,
}

impl ScanRest {
    /// Returns all keys of a range.
    pub(super) fn new(range: KeyRange, keys_only: bool) -> Self {
        Self { range, is_at_end: false, keys_only }
    }

    /// Visits up to `limit` keys and shows those that are there, until `visit` breaks; expired ones
    /// are not. Without a moment the page sees one of its own.
    pub(super) fn page(
        &mut self,
        view: &KeyspaceView,
        moment: Option<&ReadMoment>,
        limit: usize,
        visit: &mut ScanVisitor<'_>,
    ) -> Result<()> {
        if self.is_at_end {
            return Ok(());
        }
        let Self { range, keys_only, .. } = self;
        let snapshot = moment.and_then(|moment| moment.snapshot.as_ref());
        let page = ScanPage { range, snapshot, limit, keys_only: *keys_only };
        let clock = &view.shared.clock;
        let mut checked = Ok(());
        let resume_after = view.reader.scan(&page, &mut |entry| {
            let EntryMeta { expires_at, value_type, .. } = entry.meta;
            let is_past = match moment {
                Some(moment) => moment.is_past(expires_at),
                None => clock.is_past(expires_at),
            };
            if is_past {
                return ControlFlow::Continue(());
            }
            if !*keys_only {
                checked = value_type.require_string();
            }
            if checked.is_ok() { visit(entry) } else { ControlFlow::Break(()) }
        })?;
        match resume_after {
            Some(key) => self.range = self.range.after(&key),
            None => self.is_at_end = true,
        }
        checked
    }
}

impl KeyspaceView {
    /// Begins a scan of which every page sees the present moment.
    pub(crate) fn scan_at_once(
        &self,
        start: Bound<Vec<u8>>,
        end: Bound<Vec<u8>>,
        reverse: bool,
        keys_only: bool,
    ) -> Result<StoreScan<'_>> {
        let rest = ScanRest::new(KeyRange { start, end, reverse }, keys_only);
        Ok(StoreScan { view: self, rest, moment: Some(self.hold_moment()?) })
    }
}

/// The scans of a server that see the present anew with every page.
impl KeyspaceView {
    /// Returns a key at random, `None` only if there is none; `random` returns random numbers.
    ///
    /// Each is about as likely as any other, but in the `sled` engine, where keys behind a long gap
    /// are more likely. While many have expired and are not removed yet, the first one that has not
    /// is returned at last.
    pub(crate) fn random_key(&self, random: &mut dyn FnMut() -> u64) -> Result<Option<Vec<u8>>> {
        for _ in 0..RANDOM_TRIES {
            if let Some(key) = self.reader.random_key(random)?
                && self.contains(&key)?
            {
                return Ok(Some(key));
            }
        }
        let (mut scan, mut found) = (self.scan_keys(None), None);
        while found.is_none() && !scan.is_at_end() {
            scan.page(RANDOM_PAGE_KEYS, &mut |entry| {
                found = Some(entry.key.to_vec());
                ControlFlow::Break(())
            })?;
        }
        Ok(found)
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
        let range = KeyRange { start, end: Bound::Unbounded, reverse: false };
        StoreScan { view: self, rest: ScanRest::new(range, true), moment: None }
    }
}

impl StoreScan<'_> {
    /// Visits up to `limit` keys and shows those that are there, until `visit` breaks; expired ones
    /// are not.
    pub(crate) fn page(&mut self, limit: usize, visit: &mut ScanVisitor<'_>) -> Result<()> {
        self.rest.page(self.view, self.moment.as_deref(), limit, visit)
    }

    /// Returns true once every key of the range was visited.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_at_end
    }

    /// Returns the position behind the last page, or `None` at the end.
    pub(crate) fn position(&self) -> Option<ScanPosition> {
        match &self.rest.range.start {
            Bound::Excluded(key) | Bound::Included(key) if !self.rest.is_at_end => {
                Some(ScanPosition(key.clone()))
            }
            _ => None,
        }
    }

    /// Ends the scan at a position that lies ahead.
    pub(crate) fn end_at(&mut self, position: &ScanPosition) {
        self.rest.range.end = Bound::Included(position.0.clone());
    }
}
