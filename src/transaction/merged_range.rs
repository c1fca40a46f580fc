//! A range of keys as a transaction sees it.

use std::cmp::Ordering;
use std::ops::Bound;

use super::accesses::{KeyAccesses, KeyWrite};
use crate::engine::KeyRange;

/// A key and its value.
pub(crate) type KeyValue = (Vec<u8>, Vec<u8>);

/// The keys of a range: those that are stored, with the writes of the transaction up to now.
#[derive(Debug)]
pub(crate) struct MergedRange {
    /// The part of the range that is left for writes of the transaction.
    rest: KeyRange,
    /// The next entry that is stored.
    stored: Option<KeyValue>,
}

/// The next key of a range.
pub(crate) enum NextKey {
    /// One that is stored, as it is.
    Stored(KeyValue),
    /// One that the transaction wrote.
    Written(Vec<u8>, KeyWrite),
    /// One that it removed.
    Removed,
    /// None.
    AtEnd,
}

impl MergedRange {
    /// Returns a range in key order of which nothing was read.
    pub(crate) fn new((start, end): (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Self {
        Self { rest: KeyRange { start, end, reverse: false }, stored: None }
    }

    /// Turns the order round.
    pub(crate) fn reverse(&mut self) {
        self.rest.reverse = !self.rest.reverse;
    }

    /// Returns the start and the end of what is left.
    pub(crate) fn bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (self.rest.start.clone(), self.rest.end.clone())
    }

    /// Returns true if it goes from the end to the start.
    pub(crate) fn is_reverse(&self) -> bool {
        self.rest.reverse
    }

    /// Leaves nothing of the range.
    pub(crate) fn end(&mut self) {
        self.rest.end = Bound::Excluded(Vec::new());
    }

    /// Returns true if the next entry that is stored must be [offered](Self::offer) before the next
    /// key is known.
    pub(crate) fn wants_stored(&self) -> bool {
        self.stored.is_none()
    }

    /// Takes the next entry that is stored, if there is one.
    pub(crate) fn offer(&mut self, next: Option<KeyValue>) {
        self.stored = next;
    }

    /// Returns the next key, given the accesses of the transaction.
    pub(crate) fn next(&mut self, accesses: &KeyAccesses) -> NextKey {
        let written = self.next_write(accesses);
        let order = match (&self.stored, &written) {
            (None, None) => return NextKey::AtEnd,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((stored, _)), Some((written, _))) if self.rest.reverse => (*written).cmp(stored),
            (Some((stored, _)), Some((written, _))) => stored.cmp(written),
        };
        if order.is_lt()
            && let Some((key, value)) = self.stored.take()
        {
            self.rest = self.rest.after(&key);
            return match accesses.is_removed(&key) {
                true => NextKey::Removed,
                false => NextKey::Stored((key, value)),
            };
        }
        if order.is_eq() {
            self.stored = None;
        }
        let Some((key, write)) = written else { return NextKey::AtEnd };
        self.rest = self.rest.after(key);
        NextKey::Written(key.clone(), write.clone())
    }

    fn next_write<'a>(&self, accesses: &'a KeyAccesses) -> Option<(&'a Vec<u8>, &'a KeyWrite)> {
        // A map panics at a range that ends before it starts.
        if self.rest.is_empty() {
            return None;
        }
        let KeyRange { start, end, reverse } = &self.rest;
        let mut range = accesses.writes.range::<[u8], _>((borrowed(start), borrowed(end)));
        if *reverse { range.next_back() } else { range.next() }
    }
}

fn borrowed(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(|key| &key[..])
}
