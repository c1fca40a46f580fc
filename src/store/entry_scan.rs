//! Iterators over the keys of a range.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Bound, ControlFlow};

use super::keyspace_view::KeyspaceView;
use super::scan::{ScanRest, ScannedEntry};
use crate::engine::KeyRange;
use crate::key_bounds::KeyBounds;
use crate::sync::Arc;
use crate::{Error, Result};

/// The keys of the first page: few, because many scans end early.
const FIRST_PAGE_KEYS: usize = 16;

/// The most keys of a page.
const PAGE_KEYS_MAX: usize = 256;

/// The bytes of keys and values that end a page.
const PAGE_BYTES: usize = 64 << 10;

/// An iterator over keys and values of a range, as [`KeyspaceView::scan`] returns it.
///
/// It sees one point in time, which ends with it: once it returned `None` or an error, the store
/// keeps nothing for it any more. It keeps the store open until then.
#[must_use = "an iterator does nothing unless it is used"]
pub struct Scan {
    /// The view at the moment of the scan; `None` once there is nothing left to be read.
    view: Option<KeyspaceView>,
    rest: ScanRest,
    page_keys: usize,
    /// Entries that were read and not returned yet.
    buffer: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// The error that comes behind them.
    failure: Option<Error>,
}

/// An iterator over the keys of a range without their values, as [`Scan::keys`] returns it.
#[must_use = "an iterator does nothing unless it is used"]
pub struct Keys(Scan);

impl Scan {
    /// Begins a scan at the moment that the view shows.
    pub(super) fn new(view: &KeyspaceView, range: impl KeyBounds) -> Self {
        let (start, end) = range.into_bounds();
        let (view, failure) = match view.at_moment() {
            Ok(view) => (Some(view), None),
            Err(error) => (None, Some(error)),
        };
        let rest = ScanRest::new(KeyRange { start, end, reverse: false }, false);
        Self { view, rest, page_keys: FIRST_PAGE_KEYS, buffer: VecDeque::new(), failure }
    }

    /// Returns the keys that are left in the opposite order.
    pub fn reverse(mut self) -> Self {
        let range = &mut self.rest.range;
        if let Some((key, _)) = self.buffer.front() {
            // Entries that were read ahead are read again when their turn comes.
            let next = Bound::Included(key.clone());
            *(if range.reverse { &mut range.end } else { &mut range.start }) = next;
            self.rest.is_at_end = false;
            self.buffer.clear();
            self.failure = None;
        }
        range.reverse = !range.reverse;
        self
    }

    /// Returns the keys that are left without their values, which are not read.
    pub fn keys(self) -> Keys {
        Keys(self.without_values())
    }

    /// Returns the entries that are left with empty values, which are not read.
    pub(super) fn without_values(mut self) -> Self {
        self.rest.keys_only = true;
        self
    }

    /// Reads ahead. What was read before an error is kept.
    fn read_page(&mut self, view: &KeyspaceView) -> Result<()> {
        let mut bytes = 0;
        let buffer = &mut self.buffer;
        let mut take = |ScannedEntry { key, value, .. }: ScannedEntry<'_>| {
            bytes += key.len() + value.len();
            buffer.push_back((key.to_vec(), value.to_vec()));
            if bytes < PAGE_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        self.rest.page(view, view.moment.as_deref(), self.page_keys, &mut take)?;
        self.page_keys = (self.page_keys * 2).min(PAGE_KEYS_MAX);
        Ok(())
    }
}

impl Iterator for Scan {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.buffer.pop_front() {
                return Some(Ok(entry));
            }
            if let Some(error) = self.failure.take() {
                self.view = None;
                return Some(Err(error));
            }
            // Let go of where there is nothing left.
            let view = self.view.take().filter(|_| !self.rest.is_at_end)?;
            if let Err(error) = self.read_page(&view) {
                self.failure = Some(error);
                self.rest.is_at_end = true;
            }
            self.view = Some(view);
        }
    }
}

impl std::iter::FusedIterator for Scan {}

impl Keys {
    /// Returns the keys that are left in the opposite order.
    pub fn reverse(self) -> Self {
        Self(self.0.reverse())
    }
}

impl Iterator for Keys {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| entry.map(|(key, _)| key))
    }
}

impl std::iter::FusedIterator for Keys {}

impl KeyspaceView {
    /// Returns this view at the moment that it shows now.
    fn at_moment(&self) -> Result<Self> {
        let mut view = self.clone();
        if view.moment.is_none() {
            view.moment = Some(Arc::new(self.present()?));
        }
        Ok(view)
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scan").field("rest", &self.rest.range).finish_non_exhaustive()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").field("rest", &self.0.rest.range).finish_non_exhaustive()
    }
}
