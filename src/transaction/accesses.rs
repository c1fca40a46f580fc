//! The keys and ranges of one keyspace that a transaction has read and written.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::engine::KeyInterval;
use crate::key_bounds::interval;

/// The reads and the writes of one keyspace.
#[derive(Default)]
pub(crate) struct KeyAccesses {
    /// The keys that were read, each with true if it was there.
    pub(crate) keys: BTreeMap<Vec<u8>, bool>,
    /// The ranges that were read.
    ranges: Vec<ScannedRange>,
    /// The starts and ends of the ranges that were removed; an empty end is above every key.
    pub(crate) removed: Vec<(Vec<u8>, Vec<u8>)>,
    /// The newest write of each key that was written after its range was removed.
    pub(crate) writes: BTreeMap<Vec<u8>, KeyWrite>,
}

/// A write that is not committed yet.
#[derive(Clone)]
pub(crate) enum KeyWrite {
    /// The key is set, until it expires at this Unix time in milliseconds.
    Set { value: Vec<u8>, expires_at: Option<u64> },
    /// The key is removed.
    Remove,
}

/// A range as far as it was read.
struct ScannedRange {
    bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    is_reverse: bool,
    /// The last key that was read, unless all were.
    last: Option<Vec<u8>>,
    is_whole: bool,
    /// The number of keys that were read.
    keys: usize,
}

/// A range of keys that was read.
pub(crate) struct RangeRead {
    /// The lowest key of the range.
    pub(crate) start: Vec<u8>,
    /// The key behind the range; empty if the range has no end.
    pub(crate) end: Vec<u8>,
    /// The number of keys that were there.
    pub(crate) keys: usize,
}

impl KeyAccesses {
    /// Begins to read a range; returns its position among the ranges.
    pub(crate) fn begin_range(
        &mut self,
        bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        is_reverse: bool,
    ) -> usize {
        self.ranges.push(ScannedRange { bounds, is_reverse, last: None, is_whole: false, keys: 0 });
        self.ranges.len() - 1
    }

    /// Notes the next key of a range, or that there is none.
    pub(crate) fn note_next(&mut self, range: usize, next: Option<&[u8]>) {
        // Every position is one of a range, and none is removed.
        let range = &mut self.ranges[range];
        match next {
            Some(key) => {
                range.last = Some(key.to_vec());
                range.keys += 1;
            }
            None => range.is_whole = true,
        }
    }

    /// Removes the keys of a range, what was written there included.
    pub(crate) fn remove_range(&mut self, start: Vec<u8>, end: Vec<u8>) {
        let interval = KeyInterval { start: &start, end: &end };
        self.writes.retain(|key, _| !interval.contains(key));
        self.removed.push((start, end));
    }

    /// Returns true if a key that was not written since is in a range that was removed.
    pub(crate) fn is_removed(&self, key: &[u8]) -> bool {
        let mut removed = self.removed.iter().map(|(start, end)| KeyInterval { start, end });
        removed.any(|interval| interval.contains(key))
    }

    /// Takes the ranges as far as they were read.
    pub(crate) fn take_ranges(&mut self) -> impl Iterator<Item = RangeRead> + use<> {
        std::mem::take(&mut self.ranges).into_iter().filter_map(ScannedRange::into_read)
    }
}

impl ScannedRange {
    /// Returns what was read, unless that is nothing.
    fn into_read(self) -> Option<RangeRead> {
        let Self { bounds: (start, end), is_reverse, last, is_whole, keys } = self;
        let bounds = match (is_whole, last) {
            (true, _) => (start, end),
            (false, None) => return None,
            (false, Some(last)) if is_reverse => (Bound::Included(last), end),
            (false, Some(last)) => (start, Bound::Included(last)),
        };
        let (start, end) = interval(bounds);
        Some(RangeRead { start, end, keys })
    }
}
