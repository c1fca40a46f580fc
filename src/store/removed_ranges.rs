//! The ranges of keys that a group removes, in order and without overlap, so that a look at one key
//! takes hardly longer with many of them.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::engine::KeyInterval;

/// Ranges of one keyspace that were removed, each with its last removal.
#[derive(Debug, Default)]
pub(super) struct RemovedRanges {
    /// By their starts.
    ranges: BTreeMap<Vec<u8>, RemovedRange>,
}

/// The end of a range and its last removal.
#[derive(Debug)]
struct RemovedRange {
    /// The key behind it; empty if it has no end.
    end: Vec<u8>,
    /// The position of the removal in the group.
    position: usize,
}

impl RemovedRange {
    fn interval<'a>(&'a self, start: &'a [u8]) -> KeyInterval<'a> {
        KeyInterval { start, end: &self.end }
    }
}

impl RemovedRanges {
    /// Adds a removal, which is behind all others that meet it; its range has a key.
    pub(super) fn add(&mut self, removed: KeyInterval<'_>, position: usize) {
        self.split(removed.start);
        let end = if removed.end.is_empty() {
            Bound::Unbounded
        } else {
            self.split(removed.end);
            Bound::Excluded(removed.end)
        };
        let inside = (Bound::Included(removed.start), end);
        while let Some((start, _)) = self.ranges.range::<[u8], _>(inside).next() {
            let start = start.clone();
            self.ranges.remove(&start);
        }
        let range = RemovedRange { end: removed.end.to_vec(), position };
        self.ranges.insert(removed.start.to_vec(), range);
    }

    /// Divides the range that begins before this key and ends behind it, if there is one.
    fn split(&mut self, key: &[u8]) {
        let before = (Bound::Unbounded, Bound::Excluded(key));
        let Some((start, range)) = self.ranges.range_mut::<[u8], _>(before).next_back() else {
            return;
        };
        if range.interval(start).is_below_end(key) {
            let (end, position) = (std::mem::replace(&mut range.end, key.to_vec()), range.position);
            self.ranges.insert(key.to_vec(), RemovedRange { end, position });
        }
    }

    /// Returns the position of the last removal of a key, if it was removed with a range.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        let up_to = (Bound::Unbounded, Bound::Included(key));
        let (start, range) = self.ranges.range::<[u8], _>(up_to).next_back()?;
        range.interval(start).contains(key).then_some(range.position)
    }

    /// Returns the ranges, with the positions of their last removals.
    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyInterval<'_>, usize)> {
        self.ranges.iter().map(|(start, range)| (range.interval(start), range.position))
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.ranges.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_the_last_removal_whose_range_it_is_in() {
        const KEYS: u64 = 9;
        let mut state = 7_u64;
        let mut roll = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % sides
        };
        let key = |number: u64| if number == 0 { String::new() } else { number.to_string() };
        for round in 0..500_usize {
            let mut removed = RemovedRanges::default();
            let mut all = Vec::new();
            for position in 0..round % 12 {
                let start = roll(KEYS - 1);
                let ends = [key(start + 1 + roll(KEYS - 1 - start)), String::new()];
                let end = &ends[usize::from(roll(4) == 0)];
                all.push((key(start), end.clone()));
                let (start, end) = all[position].clone();
                let interval = KeyInterval { start: start.as_bytes(), end: end.as_bytes() };
                removed.add(interval, position);
            }
            for key in (0..KEYS + 1).map(key) {
                let contains = |(start, end): &(String, String)| {
                    let interval = KeyInterval { start: start.as_bytes(), end: end.as_bytes() };
                    interval.contains(key.as_bytes())
                };
                let expected = all.iter().rposition(contains);
                assert_eq!(removed.find(key.as_bytes()), expected, "{key}: {all:?}");
            }
            let ranges: Vec<_> = removed.iter().map(|(range, _)| range).collect();
            assert!(ranges.windows(2).all(|two| !two[0].is_below_end(two[1].start)), "{all:?}");
            assert!(ranges.len() <= 2 * all.len(), "{all:?}");
        }
    }
}
